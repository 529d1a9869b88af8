"""Sums of products over labelled axes: what einsum and its kin are made of."""

from typing import Any

from .._op import op
from .._subscripts import Ready, plan, split, spreading, transposed
from ..backend import Array


def _ready(xp: Any, x: Array, form: Ready) -> Array:
    """An operand with its diagonals taken, summed, transposed and reshaped for the product."""
    diagonals, sums, order, shape = form
    for i, j in diagonals:
        x = xp.diagonal(x, axis1=i, axis2=j)
    if sums:
        total = xp.sum(x, axis=sums)
        x = total if total.dtype == x.dtype else xp.asarray(total, dtype=x.dtype)
    if order is not None:
        x = xp.transpose(x, order)
    return x if x.shape == shape else xp.reshape(x, shape)


def _contract_x(
    g: Array, xp: Any, y: Array | None, x_shape: tuple[int, ...], subscripts: str
) -> Array:
    g = xp.asarray(g)
    terms, output = split(subscripts)
    y_shape = None if y is None else y.shape
    labels = transposed(subscripts, 0, x_shape, y_shape)
    if y is not None:
        g, output = contract(g, y, f"{output},{terms[1]}->{labels}"), labels
    return g if output == terms[0] else spread(g, f"{output}->{terms[0]}", x_shape)


def _contract_y(g: Array, xp: Any, x: Array, y_shape: tuple[int, ...], subscripts: str) -> Array:
    terms, output = split(subscripts)
    labels = transposed(subscripts, 1, x.shape, y_shape)
    g = contract(x, xp.asarray(g), f"{terms[0]},{output}->{labels}")
    return g if labels == terms[1] else spread(g, f"{labels}->{terms[1]}", y_shape)


@op(
    x=_contract_x,
    y=_contract_y,
    promote=("x", "y"),
    linear=("x", "y"),
    autocast="low",
)
def contract(xp: Any, x: Array, y: Array | None = None, /, subscripts: str = "->") -> Array:
    """`einsum` of one operand or two; two become one matrix product.

    Parameters
    ----------
    x, y : array
        ``y`` may be None.
    subscripts : str
        As for `einsum`, with the result named and no ``...``: ``"ij,jk->ik"``.
    """
    first, second, elementwise, shape, order = plan(
        subscripts, x.shape, None if y is None else y.shape
    )
    if second is None:
        out = _ready(xp, x, first)
        return out if first[1] else xp.array(out)  # a result of its own, never a view
    x = _ready(xp, x, first)
    y = _ready(xp, y, second)
    if elementwise:
        return x * y
    out = xp.matmul(x, y)
    out = out if out.shape == shape else xp.reshape(out, shape)
    return out if order is None else xp.transpose(out, order)


def _spread_x(g: Array, x_shape: tuple[int, ...], subscripts: str) -> Array:
    (labels,), target = split(subscripts)
    return contract(g, None, f"{target}->{labels}")


@op(x=_spread_x, linear=("x",))
def spread(xp: Any, x: Array, /, subscripts: str, shape: tuple[int, ...]) -> Array:
    """``x`` repeated along new labels, and on the diagonal of labels that stand twice.

    The transpose of `contract` with one operand: ``"i->iij"`` of shape ``(n, n, m)`` puts ``x``
    on the diagonals and repeats them ``m`` times.
    """
    order, once, diagonals = spreading(subscripts, shape)
    x = xp.reshape(xp.transpose(x, order), once)
    for n, around in diagonals:
        x = xp.where(xp.reshape(xp.eye(n, dtype=bool), around), x, xp.zeros_like(x))
    return xp.array(x) if x.shape == shape else xp.broadcast_to(x, shape)
