"""Decompositions of matrices and of stacks of them.

``cholesky`` and ``eigh`` are functions of symmetric matrices: they read one triangle, and their
gradients are symmetric. Where the mathematics leaves a choice (the signs of singular vectors, a
basis for equal eigenvalues), a loss must not depend on it.
"""

from typing import Any

from .._matrices import diagonal_mask, mT
from .._op import op
from ..backend import Array, for_lapack


def _ratio(xp: Any, x: Array, y: Array) -> Array:
    """``x / y``, and 0 for 0 / 0: what asks for nothing gets nothing."""
    none = xp.logical_and(x == 0, y == 0)
    return xp.divide(x, xp.where(none, xp.ones_like(y), y))


def _cholesky_x(g: Array, xp: Any, out: Array) -> Array:
    p = xp.matmul(mT(xp, out), g)
    p = 0.5 * (xp.tril(p) + xp.tril(p, -1))
    upper = mT(xp, out)
    half = xp.linalg.solve(upper, mT(xp, xp.linalg.solve(upper, p)))
    return 0.5 * (half + mT(xp, half))


@op(x=_cholesky_x, floating=True, promote=("x",), autocast="high")
def cholesky(xp: Any, x: Array, /) -> Array:
    """The lower triangular ``L`` with ``x = L @ L.T``.

    Source: I. Murray, "Differentiation of the Cholesky decomposition", 2016.
    """
    return xp.linalg.cholesky(for_lapack(x))


def _qr_tall(xp: Any, q: Array, r: Array, g_q: Array, g_r: Array) -> Array:
    m = xp.matmul(r, mT(xp, g_r)) - xp.matmul(mT(xp, g_q), q)
    symmetric = xp.tril(m) + mT(xp, xp.tril(m, -1))
    return mT(xp, xp.linalg.solve(r, mT(xp, g_q + xp.matmul(q, symmetric))))


def _qr_x(
    g: tuple[Array, Array],
    xp: Any,
    out: tuple[Array, Array],
    x_shape: tuple[int, ...],
    mode: str,
) -> Array:
    (q, r), (g_q, g_r) = out, g
    m, n = x_shape[-2:]
    if m >= n:
        if mode == "complete" and m > n:
            raise ValueError(
                f'qr: with mode="complete" a matrix of shape {(m, n)} has no gradient, for the '
                'last columns of Q are not determined by it; use mode="reduced"'
            )
        return _qr_tall(xp, q, r, g_q, g_r)
    # Wide: the first columns are Q times a square R, the others Q times the rest of R.
    rest, g_rest = r[..., m:], g_r[..., m:]
    g_q = g_q + xp.matmul(xp.matmul(q, rest), mT(xp, g_rest))
    first = _qr_tall(xp, q, r[..., :m], g_q, g_r[..., :m])
    return xp.concatenate([first, xp.matmul(q, g_rest)], axis=-1)


@op(x=_qr_x, outputs=2, floating=True, promote=("x",), autocast="high")
def qr(xp: Any, x: Array, /, mode: str = "reduced") -> tuple[Array, Array]:
    """``x = Q @ R``, Q with orthonormal columns and R upper triangular.

    Sources: S. F. Walter & L. Lehmann, "Algorithmic differentiation of linear algebra functions
    with application in optimum experimental design", 2010; for wide matrices D. A. O. Roberts &
    L. R. Roberts, "QR and LQ decomposition matrix backpropagation algorithms for square, wide,
    and deep matrices and their software implementation", 2020.
    """
    q, r = xp.linalg.qr(for_lapack(x), mode=mode)
    return q, r


def _eigh_x(g: tuple[Array, Array], xp: Any, out: tuple[Array, Array]) -> Array:
    (w, v), (g_w, g_v) = out, g
    turn = xp.matmul(mT(xp, v), g_v)
    turn = 0.5 * (turn - mT(xp, turn))
    inner = _ratio(xp, turn, w[..., None, :] - w[..., :, None])
    inner = xp.where(diagonal_mask(inner), g_w[..., None, :], inner)
    return xp.matmul(xp.matmul(v, inner), mT(xp, v))


@op(x=_eigh_x, outputs=2, floating=True, promote=("x",), autocast="high")
def eigh(xp: Any, x: Array, /, UPLO: str = "L") -> tuple[Array, Array]:
    """The eigenvalues of a symmetric matrix, ascending, and its eigenvectors as columns.

    Source: M. B. Giles, "Collected matrix derivative results for forward and reverse mode
    algorithmic differentiation", 2008, section 3.1.
    """
    w, v = xp.linalg.eigh(for_lapack(x), UPLO)
    return w, v


def _eigvalsh_x(g: Array, xp: Any, x: Array, UPLO: str) -> Array:
    _, v = xp.linalg.eigh(x, UPLO)
    return xp.matmul(v * g[..., None, :], mT(xp, v))


@op(x=_eigvalsh_x, floating=True, promote=("x",), autocast="high")
def eigvalsh(xp: Any, x: Array, /, UPLO: str = "L") -> Array:
    """The eigenvalues of a symmetric matrix, ascending; the gradient is finite if some are equal.

    Equal eigenvalues divide their gradients by LAPACK's choice of a basis.
    """
    return xp.linalg.eigvalsh(for_lapack(x), UPLO)


def _beyond(xp: Any, u: Array, g_u: Array, k: int) -> tuple[Array, Array]:
    """The first ``k`` columns of a full U, and their gradient together with that of the others.

    The other columns are any basis of the complement of the first: a loss can depend on the
    space they span, which the first columns determine, but not on the basis.
    """
    first, others = u[..., :k], u[..., k:]
    g_others = g_u[..., k:]
    turn = xp.matmul(mT(xp, others), g_others)
    if others.shape[-1] > 1 and turn.size:
        turned = float(xp.max(xp.absolute(turn - mT(xp, turn))))
        if turned > 1e-3 * float(xp.max(xp.absolute(g_others))):
            raise ValueError(
                f"svd: this gradient depends on which basis was chosen for the last "
                f"{others.shape[-1]} columns of U or rows of Vh, which the matrix does not "
                "determine; use full_matrices=False"
            )
    back = xp.matmul(others, xp.matmul(mT(xp, g_others), first))
    return first, g_u[..., :k] - back


def _svd_x(
    g: tuple[Array, Array, Array],
    xp: Any,
    out: tuple[Array, Array, Array],
) -> Array:
    (u, s, vh), (g_u, g_s, g_vh) = out, g
    k = s.shape[-1]
    v, g_v = mT(xp, vh), mT(xp, g_vh)
    if u.shape[-1] > k:
        u, g_u = _beyond(xp, u, g_u, k)
    if v.shape[-1] > k:
        v, g_v = _beyond(xp, v, g_v, k)
    vh = mT(xp, v)
    # Townsend's quotients by s_j^2 - s_i^2, split so that what does not depend on how U and V
    # turn together stays finite for equal singular values.
    turn_u, turn_v = xp.matmul(mT(xp, u), g_u), xp.matmul(vh, g_v)
    turn_u, turn_v = turn_u - mT(xp, turn_u), turn_v - mT(xp, turn_v)
    s_i, s_j = s[..., :, None], s[..., None, :]
    inner = _ratio(xp, 0.5 * (turn_u + turn_v), s_j - s_i)
    inner = inner + _ratio(xp, 0.5 * (turn_u - turn_v), s_j + s_i)
    inner = xp.where(diagonal_mask(inner), g_s[..., None, :], inner)
    out_x = xp.matmul(xp.matmul(u, inner), vh)
    if u.shape[-2] > k:
        w = _ratio(xp, g_u, s_j)
        out_x = out_x + xp.matmul(w - xp.matmul(u, xp.matmul(mT(xp, u), w)), vh)
    if v.shape[-2] > k:
        w = _ratio(xp, g_v, s_j)
        out_x = out_x + xp.matmul(u, mT(xp, w - xp.matmul(v, xp.matmul(vh, w))))
    return out_x


@op(x=_svd_x, outputs=3, floating=True, promote=("x",), autocast="high")
def svd(xp: Any, x: Array, /, full_matrices: bool = True) -> tuple[Array, Array, Array]:
    """``x = U @ diag(S) @ Vh``, with the singular values S descending.

    Source: J. Townsend, "Differentiating the singular value decomposition", 2016.
    """
    u, s, vh = xp.linalg.svd(for_lapack(x), full_matrices=full_matrices)
    return u, s, vh


def _svdvals_x(g: Array, xp: Any, x: Array) -> Array:
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    return xp.matmul(u * g[..., None, :], vh)


@op(x=_svdvals_x, floating=True, promote=("x",), autocast="high")
def svdvals(xp: Any, x: Array, /) -> Array:
    """The singular values, descending; the gradient is finite if some are equal.

    Equal singular values divide their gradients by LAPACK's choice of bases.
    """
    return xp.linalg.svd(for_lapack(x), compute_uv=False)
