"""Rows of the op table: shapes."""

from .case import B, Case, M, S

CASES = [
    Case("reshape", (B,), {"shape": (4, -1)}),
    Case("reshape", (S,), {"shape": (1, 1)}),
    Case("reshape", ((0, 3),), {"shape": (3, 0)}),
    Case("transpose", (B,)),
    Case("transpose", (B,), {"axes": (1, 2, 0)}),
    Case("transpose", (B,), {"axes": (-1, 0, 1)}),
    Case("swapaxes", (B,), {"axis1": 0, "axis2": -1}),
    Case("expand_dims", (M,), {"axis": (0, 2)}),
    Case("squeeze", ((1, 3, 1),)),
    Case("squeeze", ((1, 3, 1),), {"axis": -1}),
    Case("broadcast_to", ((3, 1),), {"shape": (2, 3, 4)}),
    Case("broadcast_to", (S,), {"shape": (0, 2)}),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def squeeze(x, axis=None):
        return torch.squeeze(x) if axis is None else torch.squeeze(x, axis)

    def expand_dims(x, axis):
        for i in axis:  # ascending, and not negative, in the table
            x = torch.unsqueeze(x, i)
        return x

    def transpose(x, axes=None):
        return x.permute(axes or tuple(range(x.ndim))[::-1])

    return {
        "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
        "expand_dims": expand_dims,
        "reshape": lambda x, shape: torch.reshape(x, shape),
        "squeeze": squeeze,
        "swapaxes": lambda x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
        "transpose": transpose,
    }
