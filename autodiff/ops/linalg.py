"""Matrix products and decompositions.

Rules: M. B. Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation", 2008.
"""

from typing import Any

from .._op import XP, op
from ..backend import Array


def _mT(xp: Any, x: Array) -> Array:
    return xp.swapaxes(x, -1, -2)


def _as_matrices(
    xp: Any, g: Array, x: Any, y: Any, x_shape: tuple[int, ...], y_shape: tuple[int, ...]
) -> tuple[Array, Any, Any]:
    """A product's gradient and operands with the axes of vectors put back as 1."""
    if len(x_shape) == 1:
        g = xp.expand_dims(g, -1 if len(y_shape) == 1 else -2)
        x = None if x is None else xp.expand_dims(x, 0)
    if len(y_shape) == 1:
        g = xp.expand_dims(g, -1)
        y = None if y is None else xp.expand_dims(y, 1)
    return g, x, y


def _matmul_x(
    g: Array, xp: Any, y: Array, x_shape: tuple[int, ...], y_shape: tuple[int, ...]
) -> Array:
    g, _, y = _as_matrices(xp, g, None, y, x_shape, y_shape)
    if len(x_shape) <= 2 < len(g.shape):  # one GEMM over all batches
        n, p = g.shape[-2:]
        m = y.shape[-2]
        if len(y.shape) < len(g.shape) or y.shape[:-2] != g.shape[:-2]:
            y = xp.broadcast_to(y, (*g.shape[:-2], m, p))
        g = xp.reshape(xp.swapaxes(xp.reshape(g, (-1, n, p)), 0, 1), (n, -1))
        y = xp.reshape(xp.swapaxes(xp.reshape(y, (-1, m, p)), 0, 1), (m, -1))
    return _fold(xp, xp.matmul(g, _mT(xp, y)), x_shape, -2)


def _matmul_y(
    g: Array, xp: Any, x: Array, x_shape: tuple[int, ...], y_shape: tuple[int, ...]
) -> Array:
    g, x, _ = _as_matrices(xp, g, x, None, x_shape, y_shape)
    if len(y_shape) <= 2 < len(g.shape):  # one GEMM over all batches
        if x.shape[:-2] != g.shape[:-2]:
            x = xp.broadcast_to(x, (*g.shape[:-2], *x.shape[-2:]))
        x = xp.reshape(x, (-1, x.shape[-1]))
        g = xp.reshape(g, (-1, g.shape[-1]))
    return _fold(xp, xp.matmul(_mT(xp, x), g), y_shape, -1)


def _fold(xp: Any, grad: Array, shape: tuple[int, ...], axis: int) -> Array:
    """The gradient of a vector operand, without the axis it was given."""
    return (
        xp.reshape(grad, shape)
        if len(shape) == 1 and len(grad.shape) == 2
        else (xp.squeeze(grad, axis) if len(shape) == 1 else grad)
    )


@op(x=_matmul_x, y=_matmul_y, promote=("x", "y"), linear=("x", "y"), autocast="low")
def matmul(xp: Any, x: Array, y: Array, /) -> Array:
    """The matrix product; stacks of matrices broadcast, and a vector is one row or column."""
    return xp.matmul(x, y)


def _inv_x(g: Array, xp: Any, out: Array) -> Array:
    transposed = _mT(xp, out)
    return -xp.matmul(xp.matmul(transposed, g), transposed)


@op(x=_inv_x, floating=True, promote=("x",), autocast="high")
def inv(xp: Any, x: Array, /) -> Array:
    """The inverse of a square matrix, or of each in a stack."""
    return xp.linalg.inv(x)


def _slogdet_x(g: tuple[Array, Array], xp: Any, x: Array) -> Array:
    _, g_log = g  # the sign is constant where it has a derivative
    return xp.reshape(g_log, (*g_log.shape, 1, 1)) * _mT(xp, xp.linalg.inv(x))


@op(x=_slogdet_x, outputs=2, floating=True, promote=("x",), autocast="high")
def slogdet(xp: Any, x: Array, /) -> tuple[Array, Array]:
    """The sign and the logarithm of the absolute value of a determinant."""
    sign, log = xp.linalg.slogdet(x)
    return sign, log


class _Linalg:
    """``xp.linalg`` on tensors."""

    inv = inv
    slogdet = slogdet


XP.linalg = _Linalg
XP.dot = matmul  # as rules use it: of two matrices, where NumPy's dot reaches BLAS the soonest
