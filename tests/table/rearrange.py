"""Rows of the op table: values turned round, repeated, padded; diagonals and triangles."""

from .case import B, Case, M, S

CASES = [
    Case("flip", (B,)),
    Case("flip", (B,), {"axis": 1}),
    Case("flip", (B,), {"axis": (0, -1)}),
    Case("flip", ((0, 3),), {"axis": 0}),
    Case("roll", (B,), {"shift": 5}),
    Case("roll", (B,), {"shift": -1, "axis": 1}),
    Case("roll", (B,), {"shift": (1, 2), "axis": (0, -1)}),
    Case("repeat", (M,), {"repeats": 2}),
    Case("repeat", (B,), {"repeats": 3, "axis": 1}),
    Case("repeat", (B,), {"repeats": 2, "axis": -1}),
    Case("repeat", (M,), {"repeats": 0, "axis": 0}),
    Case("repeat", (S,), {"repeats": 2}),
    Case("tile", (M,), {"reps": 2}),
    Case("tile", (M,), {"reps": (2, 1, 3)}),
    Case("tile", (B,), {"reps": (2, 2)}),
    Case("tile", (S,), {"reps": (2, 3)}),
    Case("tile", (M,), {"reps": (0, 2)}),
    Case("pad", (M,), {"pad_width": ((1, 2), (0, 3))}),
    Case("pad", (M,), {"pad_width": ((0, 1), (2, 0)), "constant_values": 1.5}),
    Case("pad", ((0, 3),), {"pad_width": ((1, 1), (0, 0))}),
    Case("diagonal", (M,)),
    Case("diagonal", (M,), {"offset": -1}),
    Case("diagonal", (B,), {"offset": 1, "axis1": 2, "axis2": 0}),
    Case("diagonal", (M,), {"offset": 9}),
    Case("undiagonal", ((3,),), {"shape": M}),
    Case("undiagonal", ((3, 2),), {"shape": B, "offset": 1, "axis1": 0, "axis2": -1}),
    Case("tril", (M,)),
    Case("tril", (B,), {"k": -1}),
    Case("triu", (M,), {"k": 1}),
    Case("triu", (B,)),
]  # fmt: skip


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here."""

    def flip(x, axis=None):
        axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return torch.flip(x, tuple(axes))

    def pad(x, pad_width, constant_values=0):
        widths = [n for pair in reversed(pad_width) for n in pair]
        return torch.nn.functional.pad(x, widths, value=constant_values)

    def undiagonal(x, shape, offset=0, axis1=0, axis2=1):
        out = torch.zeros(shape, dtype=x.dtype)
        return torch.diagonal_scatter(out, x, offset, axis1, axis2)

    return {
        "diagonal": lambda x, offset=0, axis1=0, axis2=1: torch.diagonal(x, offset, axis1, axis2),
        "flip": flip,
        "pad": pad,
        "repeat": lambda x, repeats, axis=None: torch.repeat_interleave(x, repeats, axis),
        "roll": lambda x, shift, axis=None: torch.roll(x, shift, axis),
        "tile": lambda x, reps: torch.tile(x, reps if isinstance(reps, tuple) else (reps,)),
        "tril": lambda x, k=0: torch.tril(x, k),
        "triu": lambda x, k=0: torch.triu(x, k),
        "undiagonal": undiagonal,
    }
