"""Linear algebra (``ad.linalg``), under the names of NumPy and of the array API.

Every function takes one matrix or a stack of them. LAPACK has no float16: convert before. A
singular matrix raises ``numpy.linalg.LinAlgError`` on the CPU; on a GPU CuPy returns NaN or
infinities, unless ``cupyx.errstate(linalg="raise")`` is set.
"""

from typing import Any, NamedTuple

from . import backend
from ._products import operands as _operands
from ._products import outer, tensordot, vecdot
from ._products import trace as _trace
from .backend import Array, rank_tolerance
from .nodes import wrap
from .ops import decompositions, determinants
from .ops.arithmetic import absolute, greater, multiply
from .ops.decompositions import eigvalsh, svdvals
from .ops.determinants import det
from .ops.linalg import cross, inv, matmul, pinv, solve
from .ops.norm import norm as _norm
from .ops.rearrange import diagonal as _diagonal
from .ops.reduce import max, min, sum
from .ops.shape import reshape, swapaxes, transpose

__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Array
    logabsdet: Array


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Array
    R: Array


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Array
    eigenvectors: Array


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Array
    S: Array
    Vh: Array


# ---------------------------------------------------------------- decompositions
def cholesky(x: Any, upper: bool = False) -> Any:
    """The Cholesky factor of a symmetric positive definite matrix.

    Parameters
    ----------
    x : array, shape (..., M, M)
        Of which one triangle is read, the lower one unless ``upper``.
    upper : bool
        Return ``U`` with ``x = U.T @ U`` instead of ``L`` with ``x = L @ L.T``.

    Returns
    -------
    array, shape (..., M, M)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite.

    Notes
    -----
    The gradient is symmetric: a step along it keeps the matrix so. Source: I. Murray,
    "Differentiation of the Cholesky decomposition", 2016.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.linalg.cholesky(ad.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    if not upper:
        return decompositions.cholesky(x)
    (x,) = _operands("cholesky", x)
    return swapaxes(decompositions.cholesky(swapaxes(x, -1, -2)), -1, -2)


def qr(x: Any, mode: str = "reduced") -> Any:
    """The decomposition ``x = Q @ R``, with orthonormal columns in Q and R upper triangular.

    Parameters
    ----------
    x : array, shape (..., M, N)
    mode : {"reduced", "complete", "r"}
        ``"reduced"`` gives shapes (M, K) and (K, N) with K = min(M, N), ``"complete"`` (M, M) and
        (M, N), ``"r"`` only R.

    Returns
    -------
    Q, R : array
        Only R for ``mode="r"``.

    Raises
    ------
    ValueError
        In the backward pass, if ``mode="complete"`` and M > N: the last columns of Q could be
        others, and have no gradient.

    Notes
    -----
    The first min(M, N) columns of ``x`` must be independent; else R is singular and the backward
    pass raises ``LinAlgError``. Sources: Walter & Lehmann 2010; Roberts & Roberts 2020.
    """
    if mode == "r":
        return decompositions.qr(x)[1]
    return QRResult(*decompositions.qr(x, mode))


def eigh(x: Any, UPLO: str = "L") -> EighResult:
    """The eigenvalues and eigenvectors of a symmetric matrix.

    Parameters
    ----------
    x : array, shape (..., M, M)
    UPLO : {"L", "U"}
        Which triangle is read.

    Returns
    -------
    eigenvalues : array, shape (..., M)
        Ascending.
    eigenvectors : array, shape (..., M, M)
        As columns.

    Notes
    -----
    The gradient is symmetric (Giles 2008, 3.1). Eigenvectors are determined up to their sign. For
    equal eigenvalues they may turn: a loss that depends on the turn has an infinite gradient, one
    that does not may get NaN from rounding; gradients of the eigenvalues alone are finite.
    `eigvalsh` gives the eigenvalues for less.
    """
    return EighResult(*decompositions.eigh(x, UPLO))


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition ``x = U @ diag(S) @ Vh``.

    Parameters
    ----------
    x : array, shape (..., M, N)
    full_matrices : bool
        Square U and Vh, else of shapes (M, K) and (K, N) with K = min(M, N).
    compute_uv : bool
        If not, return S alone, as `svdvals` does.

    Returns
    -------
    U, S, Vh : array
        S descending.

    Raises
    ------
    ValueError
        In the backward pass, if a loss depends on the basis of the columns that
        ``full_matrices`` adds. It may depend on the space that they span.

    Notes
    -----
    Source: J. Townsend, "Differentiating the singular value decomposition", 2016. A column of U
    and the row of Vh are determined up to a common sign. For equal singular values they may turn
    together: a loss that depends on the turn has an infinite gradient; gradients of the singular
    values alone are finite. A singular value of 0 makes gradients through U and Vh infinite.
    """
    if not compute_uv:
        return svdvals(x)
    return SVDResult(*decompositions.svd(x, full_matrices))


def slogdet(x: Any) -> SlogdetResult:
    """The sign and the logarithm of the absolute value of a determinant.

    Of a singular matrix they are 0 and ``-inf``; there is no derivative then, and the backward
    pass raises ``LinAlgError``. The sign carries no gradient.

    Source: Giles 2008, section 2.2.4.
    """
    return SlogdetResult(*determinants.slogdet(x))


# ---------------------------------------------------------------- norms
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors or of matrices.

    Parameters
    ----------
    x : array
    ord : int, float, {"fro", "nuc"}, optional
        Of vectors any number, ``inf`` and ``-inf`` included; of matrices what `matrix_norm` takes.
        By default the square root of the sum of squares, of either.
    axis : int or pair of int, optional
        An int for vectors, two for matrices. By default all of ``x`` if ``ord`` is not given,
        else the axes that it has, one or two.
    keepdims : bool
        Keep the axes as 1.

    Returns
    -------
    array

    Notes
    -----
    The gradient of the 2-norm and of the Frobenius norm at 0 is taken as 0.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([[3.0, 0.0], [0.0, 4.0]])
    >>> ad.linalg.norm(x), ad.linalg.norm(x, 2), ad.linalg.norm(x, axis=0)
    (tensor(5.), tensor(4.), tensor([3., 4.]))
    """
    (x,) = _operands("norm", x)
    n = len(x.shape)
    if ord is None and not isinstance(axis, (tuple, list)):
        return vector_norm(x, 2, axis, keepdims)
    if axis is None:
        axis = tuple(range(n))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if len(axes) == 1:
        return vector_norm(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise ValueError(
            f"norm: ord={ord!r} is of vectors or matrices; name one axis or two of shape "
            f"{tuple(x.shape)}"
        )
    rows, columns = (a % n for a in axes)
    others = tuple(i for i in range(n) if i not in (rows, columns))
    out = matrix_norm(transpose(x, (*others, rows, columns)), "fro" if ord is None else ord)
    if not keepdims:
        return out
    return reshape(out, tuple(1 if i in (rows, columns) else m for i, m in enumerate(x.shape)))


def vector_norm(x: Any, ord: float = 2, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors: `autodiff.norm`, under the name that the array API has for it."""
    if isinstance(ord, str):
        raise ValueError(f"vector_norm: ord={ord!r} is of matrices; name two axes, or a number")
    return _norm(x, ord, axis, keepdims)


def matrix_norm(x: Any, ord: Any = "fro", keepdims: bool = False) -> Any:
    """The norm of matrices, which are the last two axes.

    Parameters
    ----------
    x : array, shape (..., M, N)
    ord : {"fro", "nuc", 2, -2, 1, -1, inf, -inf}
        The root of the sum of squares; the sum of the singular values, the largest, the least;
        the largest and the least sum of absolute values of a column, and of a row.
    keepdims : bool
        Keep the axes as 1.

    Notes
    -----
    The gradient of ``"fro"`` at 0 is taken as 0. Where the largest or the least is not the only
    one, those that tie share the gradient; of ``"nuc"`` at singular values of 0 it is one of
    several that are possible.
    """
    (x,) = _operands("matrix_norm", x)
    inf = float("inf")
    if ord == "fro":
        out = vector_norm(x, 2, (-2, -1))
    elif ord == "nuc":
        out = sum(svdvals(x), axis=-1)
    elif ord in (2, -2):
        out = (max if ord > 0 else min)(svdvals(x), axis=-1)
    elif ord in (1, -1, inf, -inf):
        sums = sum(absolute(x), axis=-2 if ord in (1, -1) else -1)
        out = (max if ord > 0 else min)(sums, axis=-1)
    else:
        raise ValueError(
            f"matrix_norm: ord is 'fro', 'nuc', 2, -2, 1, -1, inf or -inf, not {ord!r}"
        )
    return reshape(out, (*x.shape[:-2], 1, 1)) if keepdims else out


# ---------------------------------------------------------------- powers, ranks and parts
def matrix_rank(x: Any, rtol: float | None = None) -> Any:
    """How many singular values exceed ``rtol`` times the largest; carries no gradient.

    ``rtol`` is by default ``max(M, N)`` times the precision of the dtype.
    """
    (x,) = _operands("matrix_rank", x)
    s = svdvals(x)
    least = multiply(max(s, axis=-1, keepdims=True), rank_tolerance(x) if rtol is None else rtol)
    return sum(greater(s, least), axis=-1)


def matrix_power(x: Any, n: int) -> Any:
    """A square matrix multiplied with itself ``n`` times; its inverse if ``n`` is negative.

    Takes about ``log2(n)`` products. The power 0 is the identity, and carries no gradient.
    """
    (x,) = _operands("matrix_power", x)
    if len(x.shape) < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"matrix_power: shape {tuple(x.shape)} is not of square matrices")
    if n == 0:
        data = getattr(x, "_data", x)
        xp = backend.namespace(data)
        one = xp.zeros_like(data) + xp.eye(data.shape[-1], dtype=data.dtype)
        return one if data is x else wrap(one)
    if n < 0:
        x, n = inv(x), -n
    out = None
    while n:
        if n & 1:
            out = x if out is None else matmul(out, x)
        n >>= 1
        if n:
            x = matmul(x, x)
    return out


def matrix_transpose(x: Any) -> Any:
    """The last two axes exchanged."""
    (x,) = _operands("matrix_transpose", x)
    if len(x.shape) < 2:
        raise ValueError(f"matrix_transpose: shape {tuple(x.shape)} has fewer than two axes")
    return swapaxes(x, -1, -2)


def diagonal(x: Any, offset: int = 0) -> Any:
    """The diagonal of the last two axes; above the main one if ``offset`` is positive."""
    return _diagonal(x, offset, -2, -1)


def trace(x: Any, offset: int = 0) -> Any:
    """The sum of a diagonal of the last two axes."""
    return _trace(x, offset, -2, -1)
