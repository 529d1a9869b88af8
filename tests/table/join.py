"""Rows of the op table: joining."""

from .case import Case

CASES = [
    Case("concatenate", ((2, 3), (1, 3), (0, 3)), {"axis": 0}, sequence=True),
    Case("concatenate", ((2, 3), (2, 1)), {"axis": -1}, sequence=True),
    Case("concatenate", ((2, 3), (4,)), {"axis": None}, sequence=True),
    Case("stack", ((2, 3), (2, 3), (2, 3)), {"axis": 0}, sequence=True),
    Case("stack", ((2, 3), (2, 3)), {"axis": -1}, sequence=True),
    Case("stack", ((), ()), sequence=True),
    Case("stack", ((0, 3), (0, 3)), {"axis": 1}, sequence=True),
]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def concatenate(*xs, axis):
        return torch.cat([x.flatten() for x in xs]) if axis is None else torch.cat(xs, dim=axis)

    return {
        "concatenate": concatenate,
        "stack": lambda *xs, axis=0: torch.stack(xs, dim=axis),
    }
