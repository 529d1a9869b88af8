"""Rows of the op table: decompositions.

Singular vectors and eigenvectors are determined up to their sign. LAPACK chooses it by the
matrix, the same for a matrix nearby, so that differences can be taken of the vectors themselves.
"""

import numpy as np
from hypothesis import strategies as st

from .case import LAPACK, Case, positive, special, symmetric
from .generated import Generated
from .strategies import lone, matrices


def lapack(op, shape, prepare=lambda x: x, **options):
    known = prepare in (symmetric, positive)
    return Case(op, (shape,), options, prepare=prepare, half=LAPACK, symmetric=known)


CASES = [
    lapack("cholesky", (3, 3), positive),
    lapack("cholesky", (2, 3, 3), positive),
    lapack("cholesky", (1, 1), positive),
    lapack("cholesky", (0, 2, 2), positive),
    lapack("qr", (4, 3)),
    lapack("qr", (3, 3)),
    lapack("qr", (2, 4)),
    lapack("qr", (2, 3, 2)),
    lapack("qr", (2, 2, 3)),
    lapack("qr", (2, 3), mode="complete"),
    lapack("qr", (0, 2)),
    lapack("eigh", (3, 3), symmetric),
    lapack("eigh", (2, 3, 3), symmetric),
    lapack("eigh", (3, 3), symmetric, UPLO="U"),
    lapack("eigh", (1, 1), symmetric),
    lapack("eigvalsh", (3, 3), symmetric),
    lapack("eigvalsh", (2, 3, 3), symmetric, UPLO="U"),
    lapack("svd", (4, 3), full_matrices=False),
    lapack("svd", (2, 4), full_matrices=False),
    lapack("svd", (2, 3, 2), full_matrices=False),
    lapack("svd", (0, 2, 2), full_matrices=False),
    lapack("svd", (3, 3)),
    lapack("svd", (2, 3)),
    lapack("svd", (3, 2)),
    lapack("svdvals", (4, 3)),
    lapack("svdvals", (2, 2, 3)),
]

EQUAL = [[2.0, 0.0], [0.0, 2.0]]
ONE = [[1.0, 0.0], [0.0, 1.0]]
SPECIAL = [
    special("eigvalsh", [EQUAL], [2.0, 2.0], [ONE]),
    special("svdvals", [EQUAL], [2.0, 2.0], [ONE]),
]


def svd_parts(u, s, vh):
    """What is determined: the terms of ``x = sum(s_i u_i v_i)``, the spaces that the rest spans."""
    k, v = s.shape[-1], vh.mT
    terms = u[..., :k].mT[..., None] * vh[..., :k, None, :]
    return s, terms, *(w[..., k:] @ w[..., k:].mT for w in (u, v))


def qr_terms(q, r):
    """The terms of ``x = sum(q_i r_i)``, which have no sign to choose."""
    return q[..., : r.shape[-2]].mT[..., None] * r[..., None, :]


def eigh_parts(values, vectors):
    """The eigenvalues, and the projections onto the eigenvectors."""
    v = vectors.mT
    return values, v[..., None] * v[..., None, :]


UPLO = st.sampled_from("LU")
SYMMETRIC = lone(matrices("symmetric"), UPLO=UPLO)
GENERATED = [
    Generated("cholesky", lone(matrices("positive")), whole=True, order=2),
    Generated("qr", lone(matrices()), compared=qr_terms, whole=True),
    Generated("eigh", SYMMETRIC, compared=eigh_parts, whole=True),
    Generated("eigvalsh", SYMMETRIC, whole=True),
    Generated("svd", lone(matrices(), full_matrices=st.booleans()), compared=svd_parts, whole=True),
    Generated("svdvals", lone(matrices()), whole=True),
]


# ---------------------------------------------------------------- PyTorch
def counterparts(torch):
    """PyTorch's function for each op here.

    Of symmetric matrices it returns gradients that are not symmetric, so it is asked for the
    symmetric part. It drops the gradients of the vectors that ``full_matrices`` adds (they are
    right here, as differences show), so these are computed from the others. Its vectors are
    given the signs of NumPy's.
    """

    def of_symmetric(fn):
        return lambda x, *args, **options: fn(0.5 * (x + x.mT), *args, **options)

    def signs(mine, theirs):
        """For each column of PyTorch's, 1 or -1."""
        product = (torch.tensor(mine) * theirs.detach()).sum(-2, keepdim=True)
        return torch.sign(product)

    def eigh(x, UPLO="L"):
        w, v = torch.linalg.eigh(x, UPLO)
        return w, v * signs(np.linalg.eigh(x.detach().numpy(), UPLO)[1], v)

    def completed(u, full):
        """``u`` with the last column of ``full``, as a function of ``u``."""
        column = full[..., u.shape[-1] :].detach()
        column = column - u @ (u.mT @ column)
        return torch.cat([u, column / column.norm(dim=-2, keepdim=True)], -1)

    def svd(x, full_matrices=True):
        u, s, vh = torch.linalg.svd(x, False)
        v = vh.mT
        full_u, _, full_vh = np.linalg.svd(x.detach().numpy(), full_matrices)
        full_v = np.swapaxes(full_vh, -1, -2)
        if full_matrices and x.shape[-2] > x.shape[-1]:
            u = completed(u, torch.tensor(full_u))
        if full_matrices and x.shape[-2] < x.shape[-1]:
            v = completed(v, torch.tensor(full_v))
        return u * signs(full_u, u), s, (v * signs(full_v, v)).mT

    return {
        "cholesky": of_symmetric(torch.linalg.cholesky),
        "eigh": of_symmetric(eigh),
        "eigvalsh": of_symmetric(torch.linalg.eigvalsh),
        "qr": lambda x, mode="reduced": tuple(torch.linalg.qr(x, mode)),
        "svd": svd,
        "svdvals": torch.linalg.svdvals,
    }
