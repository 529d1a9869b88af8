"""Matrix products and inverses.

Rules: M. B. Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation", 2008.
"""

from math import prod
from typing import Any

from .._matrices import mT
from .._op import XP, op
from ..backend import Array, for_lapack, rank_tolerance


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
        m, count = y.shape[-2], prod(g.shape[:-2])  # no -1: an axis may be empty
        if len(y.shape) < len(g.shape) or y.shape[:-2] != g.shape[:-2]:
            y = xp.broadcast_to(y, (*g.shape[:-2], m, p))
        g = xp.reshape(xp.swapaxes(xp.reshape(g, (count, n, p)), 0, 1), (n, count * p))
        y = xp.reshape(xp.swapaxes(xp.reshape(y, (count, m, p)), 0, 1), (m, count * p))
    return _fold(xp, xp.matmul(g, mT(xp, y)), x_shape, -2)


def _matmul_y(
    g: Array, xp: Any, x: Array, x_shape: tuple[int, ...], y_shape: tuple[int, ...]
) -> Array:
    g, x, _ = _as_matrices(xp, g, x, None, x_shape, y_shape)
    if len(y_shape) <= 2 < len(g.shape):  # one GEMM over all batches
        if x.shape[:-2] != g.shape[:-2]:
            x = xp.broadcast_to(x, (*g.shape[:-2], *x.shape[-2:]))
        count = prod(g.shape[:-1])
        x = xp.reshape(x, (count, x.shape[-1]))
        g = xp.reshape(g, (count, g.shape[-1]))
    return _fold(xp, xp.matmul(mT(xp, x), g), y_shape, -1)


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


@op(promote=("x", "y"), linear=("x", "y"))
def cross(xp: Any, x: Array, y: Array, /, axis: int = -1) -> Array:
    """The cross product of vectors of length 3 along an axis; the other axes broadcast."""
    if x.shape[axis] != 3 or y.shape[axis] != 3:
        raise ValueError(f"axis {axis} must have length 3 in both operands")
    return xp.cross(x, y, axis=axis)


@cross.vjp("x")
def _(g: Array, y: Array, axis: int) -> Array:
    return cross(y, g, axis)


@cross.vjp("y")
def _(g: Array, x: Array, axis: int) -> Array:
    return cross(g, x, axis)


def _inv_x(g: Array, xp: Any, out: Array) -> Array:
    transposed = mT(xp, out)
    return -xp.matmul(xp.matmul(transposed, g), transposed)


@op(x=_inv_x, floating=True, promote=("x",), autocast="high")
def inv(xp: Any, x: Array, /) -> Array:
    """The inverse of a square matrix, or of each in a stack (Giles 2008, 2.2.3).

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular. On a GPU CuPy returns NaN or infinities instead, unless
        ``cupyx.errstate(linalg="raise")`` is set.
    """
    return xp.linalg.inv(for_lapack(x))


@op(promote=("a", "b"), floating=True, linear=("b",), autocast="high")
def solve(xp: Any, a: Array, b: Array, /) -> Array:
    """The solution ``x`` of ``a @ x = b``, or of each system in a stack (Giles 2008, 2.3.1).

    Parameters
    ----------
    a : array, shape (..., M, M)
    b : array, shape (M,) or (..., M, K)
        One vector, or matrices whose stacks broadcast with those of ``a``, as in NumPy 2.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular; see `inv` for what happens on a GPU.
    """
    for_lapack(a)
    if b.ndim == 1:
        out = xp.linalg.solve(a, xp.broadcast_to(b[:, None], (*a.shape[:-2], *b.shape, 1)))
        return xp.squeeze(out, axis=-1)
    if a.shape[:-2] != b.shape[:-2]:  # NumPy's solve broadcasts, CuPy's does not
        stack = xp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = xp.broadcast_to(a, (*stack, *a.shape[-2:]))
        b = xp.broadcast_to(b, (*stack, *b.shape[-2:]))
    return xp.linalg.solve(a, b)


@solve.vjp("a", "b")
def _(
    g: Array,
    xp: Any,
    a: Array,
    b_shape: tuple[int, ...],
    out: Array,
    needs: tuple[bool, bool],
) -> tuple[Array | None, Array]:
    vector = len(b_shape) == 1
    if vector:
        g = xp.expand_dims(g, -1)
    g_b = solve(mT(xp, a), g)
    g_a = None
    if needs[0]:
        out = xp.expand_dims(out, -1) if vector else out
        g_a = -xp.matmul(g_b, mT(xp, out))
    return g_a, xp.squeeze(g_b, axis=-1) if vector else g_b


def _pinv_x(g: Array, xp: Any, x: Array, out: Array) -> Array:
    # With P for the result: -P' g P' + (1 - x P) g' P P' + P' P g' (1 - P x).
    g_t, out_t = mT(xp, g), mT(xp, out)
    left = xp.matmul(xp.matmul(g_t, out), out_t)
    right = xp.matmul(out_t, xp.matmul(out, g_t))
    return (
        (left - xp.matmul(x, xp.matmul(out, left)))
        + (right - xp.matmul(xp.matmul(right, out), x))
        - xp.matmul(xp.matmul(out_t, g), out_t)
    )


@op(x=_pinv_x, floating=True, promote=("x",), autocast="high")
def pinv(xp: Any, x: Array, /, rtol: float | None = None) -> Array:
    """The Moore-Penrose inverse of a matrix, or of each in a stack.

    Parameters
    ----------
    x : array, shape (..., M, N)
    rtol : float, optional
        Singular values below ``rtol`` times the largest count as zero; by default
        ``max(M, N)`` times the precision of the dtype.

    Notes
    -----
    The derivative is that of Golub & Pereyra, "The differentiation of pseudo-inverses and
    nonlinear least squares problems whose variables separate", 1973. It holds where the rank is
    constant nearby; where the rank changes the function is not continuous.
    """
    return xp.linalg.pinv(for_lapack(x), rank_tolerance(x) if rtol is None else rtol)


XP.dot = matmul  # as rules use it: of two matrices, where NumPy's dot reaches BLAS the soonest
