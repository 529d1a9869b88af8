"""Determinants and cofactors."""

from typing import Any

from .._matrices import diagonal_mask, mT
from .._op import op
from ..backend import Array, for_lapack


def _slogdet_x(g: tuple[Array, Array], xp: Any, x: Array) -> Array:
    _, g_log = g  # the sign is constant where it has a derivative
    return xp.reshape(g_log, (*g_log.shape, 1, 1)) * mT(xp, xp.linalg.inv(x))


@op(x=_slogdet_x, outputs=2, floating=True, promote=("x",), autocast="high")
def slogdet(xp: Any, x: Array, /) -> tuple[Array, Array]:
    """The sign and the logarithm of the absolute value of a determinant.

    Of a singular matrix they are 0 and ``-inf``; there is no derivative, and the backward pass
    raises ``LinAlgError`` as `inv` does.

    Source: M. B. Giles, "Collected matrix derivative results for forward and reverse mode
    algorithmic differentiation", 2008, section 2.2.4.
    """
    sign, log = xp.linalg.slogdet(for_lapack(x))
    return sign, log


def _products(xp: Any, s: Array, left_out: Array) -> Array:
    """The products of the singular values ``s``, without those that are left out."""
    s = xp.reshape(s, (*s.shape[:-1], *(1,) * (left_out.ndim - 1), s.shape[-1]))
    return xp.prod(xp.where(left_out, xp.ones_like(s), s), axis=-1)


def _sign(xp: Any, u: Array, vh: Array) -> Array:
    """The determinant of ``u @ vh``, which is 1 or -1."""
    return xp.expand_dims(xp.sign(xp.linalg.det(u) * xp.linalg.det(vh)), (-2, -1))


def _cofactors_x(g: Array, xp: Any, x: Array) -> Array:
    # In the bases of U and V the matrix is diagonal. There the second derivatives of the
    # determinant are products of all singular values but two, and all others are 0:
    # d2 det / (dx_ii dx_jj) = p_ij and d2 det / (dx_ij dx_ji) = -p_ij.
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    eye = diagonal_mask(x)
    p = _products(xp, s, xp.logical_or(eye[:, None, :], eye[None, :, :]))
    p = xp.where(eye, xp.zeros_like(p), p)
    h = xp.matmul(xp.matmul(mT(xp, u), g), mT(xp, vh))
    of_diagonal = xp.sum(xp.where(eye, h, xp.zeros_like(h)), axis=-1, keepdims=True)
    inner = xp.where(eye, xp.matmul(p, of_diagonal), -mT(xp, h) * p)
    return _sign(xp, u, vh) * xp.matmul(xp.matmul(u, inner), vh)


@op(x=_cofactors_x, floating=True, promote=("x",), autocast="high")
def cofactors(xp: Any, x: Array, /) -> Array:
    """The matrix of cofactors: ``det(x) * inv(x).T``, but of singular matrices too.

    For ``x = U S V'`` it is ``det(U V) U C V'``, where the diagonal matrix ``C`` holds the
    products of all singular values but one.
    """
    u, s, vh = xp.linalg.svd(for_lapack(x), full_matrices=False)
    c = _products(xp, s, diagonal_mask(x))
    return _sign(xp, u, vh) * xp.matmul(u * c[..., None, :], vh)


@op(
    x=lambda g, xp, x: xp.expand_dims(g, (-2, -1)) * cofactors(x),
    floating=True,
    promote=("x",),
    autocast="high",
)
def det(xp: Any, x: Array, /) -> Array:
    """The determinant of a square matrix, or of each in a stack.

    Its gradient is the matrix of cofactors, by singular values: first and second derivatives are
    right for singular matrices of any rank. Third ones exist where the singular values differ.
    For large matrices `slogdet` is cheaper and does not overflow.
    """
    return xp.linalg.det(for_lapack(x))
