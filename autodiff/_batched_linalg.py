"""Products and linear algebra of batched arrays, for `_batched_xp`."""

from collections.abc import Callable
from typing import Any

from ._batched import padded
from .backend import Array

Function = Callable[..., Any]


# ---------------------------------------------------------------- products
def _matmul(xp: Any, x: Array, y: Array) -> Array:
    """Where one operand is shared by all examples, they become rows of one product."""
    nx, ny = x.ndim - 1, y.ndim - 1
    if not nx or not ny:
        raise ValueError("matmul: operands need at least one axis")
    if ny == 2 and y.shape[0] == 1:
        rows = xp.reshape(x, (-1, x.shape[-1])) if x.size or x.shape[-1] else None
        if rows is not None and x.shape[-1] == y.shape[-2]:
            return xp.reshape(xp.matmul(rows, y[0]), (*x.shape[:-1], y.shape[-1]))
    if nx == 2 and ny == 1 and x.shape[0] == 1:
        return xp.matmul(y, xp.swapaxes(x[0], 0, 1))
    if nx == 1:
        x = x[:, None, :]
    if ny == 1:
        y = y[:, :, None]
    ndim = max(x.ndim, y.ndim)
    out = xp.matmul(padded(x, ndim), padded(y, ndim))
    if ny == 1:
        out = out[..., 0]
    if nx == 1:
        out = out[..., 0] if ny == 1 else out[..., 0, :]
    return out


def _letters(subscripts: str) -> tuple[list[str], str]:
    """The subscripts of operands and result, the latter written out."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow:
        text = inputs.replace(",", "").replace("...", "")
        once = sorted(c for c in set(text) if text.count(c) == 1)
        output = ("..." if "..." in inputs else "") + "".join(once)
    return terms, output


def einsum(xp: Any, subscripts: str, operands: list[Array], options: dict[str, Any]) -> Array:
    """With a letter for the batch in front; operands that all share go without."""
    terms, output = _letters(subscripts)
    used = set(subscripts)
    letter = next(
        c for c in "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in used
    )
    sizes = [x.shape[0] for x in operands]
    shared = [n == 1 and any(m != 1 for m in sizes) for n in sizes]
    terms = [term if s else letter + term for term, s in zip(terms, shared, strict=True)]
    operands = [x[0] if s else x for x, s in zip(operands, shared, strict=True)]
    return xp.einsum(f"{','.join(terms)}->{letter}{output}", *operands, **options)


def subscripts(x: Array, y: Array, axes: Any) -> str:
    """Those of ``tensordot``."""
    if isinstance(axes, int):
        axes = (range(x.ndim - axes, x.ndim), range(axes))
    left, right = ([a] if isinstance(a, int) else list(a) for a in axes)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
    of_x = list(letters[: x.ndim])
    of_y = list(letters[x.ndim : x.ndim + y.ndim])
    for i, j in zip(left, right, strict=True):
        of_y[j] = of_x[i]
    both = {of_x[i] for i in left}
    out = [c for c in of_x + of_y if c not in both]
    return f"{''.join(of_x)},{''.join(of_y)}->{''.join(out)}"


def _dot(xp: Any, x: Array, y: Array) -> Array:
    nx, ny = x.ndim - 1, y.ndim - 1
    if not nx or not ny:
        ndim = max(x.ndim, y.ndim)
        return padded(x, ndim) * padded(y, ndim)
    if nx <= 2 and ny <= 2:
        return _matmul(xp, x, y)
    shape = (*x.shape[1:-1], *y.shape[1:-2], *y.shape[-1:])
    left = xp.reshape(x, (x.shape[0], -1, x.shape[-1]))
    right = xp.reshape(xp.moveaxis(y, -2, 1), (y.shape[0], y.shape[-2], -1))
    out = _matmul(xp, left, right)
    return xp.reshape(out, (out.shape[0], *shape))


def _inner(xp: Any, x: Array, y: Array) -> Array:
    if x.ndim == 1 or y.ndim == 1:
        return _dot(xp, x, y)
    return _dot(xp, x, y if y.ndim == 2 else xp.swapaxes(y, -1, -2))


def _outer(xp: Any, x: Array, y: Array) -> Array:
    return xp.reshape(x, (x.shape[0], -1, 1)) * xp.reshape(y, (y.shape[0], 1, -1))


def _kron(xp: Any, x: Array, y: Array) -> Array:
    ndim = max(x.ndim, y.ndim)
    x, y = padded(x, ndim), padded(y, ndim)
    shape = tuple([m * n for m, n in zip(x.shape[1:], y.shape[1:], strict=True)])
    for i in range(ndim - 1):
        x, y = xp.expand_dims(x, 2 * i + 2), xp.expand_dims(y, 2 * i + 1)
    out = x * y
    return xp.reshape(out, (out.shape[0], *shape))


def _vecdot(xp: Any, x: Array, y: Array, axis: int = -1) -> Array:
    ndim = max(x.ndim, y.ndim)
    return xp.sum(padded(x, ndim) * padded(y, ndim), axis=axis if axis < 0 else axis + 1)


def _cross(xp: Any, x: Array, y: Array, axis: int = -1) -> Array:
    ndim = max(x.ndim, y.ndim)
    return xp.cross(padded(x, ndim), padded(y, ndim), axis=axis if axis < 0 else axis + 1)


PRODUCTS: dict[str, Function] = {
    "cross": _cross,
    "dot": _dot,
    "inner": _inner,
    "kron": _kron,
    "matmul": _matmul,
    "outer": _outer,
    "vecdot": _vecdot,
}


# ---------------------------------------------------------------- decompositions
def _stacked(name: str) -> Function:
    return lambda xp, x, *args, **options: getattr(xp.linalg, name)(x, *args, **options)


def _solve(xp: Any, a: Array, b: Array) -> Array:
    """CuPy wants equal stacks; a single right-hand side is a matrix of one column here."""
    vector = b.ndim == 2
    if vector:
        b = b[:, :, None]
    ndim = max(a.ndim, b.ndim)
    a, b = padded(a, ndim), padded(b, ndim)
    stack = [max(m, n) if m and n else 0 for m, n in zip(a.shape[:-2], b.shape[:-2], strict=True)]
    a = xp.broadcast_to(a, (*stack, *a.shape[-2:]))
    b = xp.broadcast_to(b, (*stack, *b.shape[-2:]))
    out = xp.linalg.solve(a, b)
    return out[..., 0] if vector else out


def _norm(xp: Any, x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    ndim = x.ndim - 1
    if axis is None:
        if ord is None or ndim == 0:
            flat = xp.reshape(x, (x.shape[0], -1))
            out = xp.sqrt(xp.sum(flat * flat, axis=1))
            return xp.reshape(out, (x.shape[0],) + (1,) * ndim) if keepdims else out
        axis = tuple(range(ndim))
    axes = [a % ndim + 1 for a in (axis if isinstance(axis, tuple) else (axis,))]
    over = axes[0] if len(axes) == 1 else tuple(axes)
    return xp.linalg.norm(x, ord, axis=over, keepdims=keepdims)


_NAMES = "inv det slogdet cholesky qr svd svdvals eigh eigvalsh eig eigvals pinv matrix_power"
_NAMES += " matrix_rank"

STACKED: dict[str, tuple[Function, int]] = {
    **{name: (_stacked(name), 1) for name in _NAMES.split()},
    "norm": (_norm, 1),
    "solve": (_solve, 2),
}
