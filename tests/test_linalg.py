"""ad.linalg: what is made of its ops, hard points and errors. The ops are in the op table."""

import numpy as np
import pytest

import autodiff as ad

LinAlgError = np.linalg.LinAlgError


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def leaf(array):
    return ad.tensor(array, requires_grad=True)


def positive(x):
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])


def of_symmetric(fn):
    """``fn`` as a function of the symmetric part, of which differences can be taken."""
    return lambda x: fn(0.5 * (x + ad.matrix_transpose(x)))


# ---------------------------------------------------------------- against NumPy
SAME = [
    ("cholesky", positive(draw(3, 3)), {"upper": True}),
    ("cholesky", positive(draw(2, 3, 3)), {}),
    ("qr", draw(4, 3), {}),
    ("qr", draw(4, 3), {"mode": "r"}),
    ("qr", draw(3, 4), {"mode": "complete"}),
    ("eigh", positive(draw(3, 3)), {}),
    ("svd", draw(3, 4), {}),
    ("svd", draw(3, 4), {"full_matrices": False}),
    ("svd", draw(3, 4), {"compute_uv": False}),
    ("slogdet", draw(2, 3, 3), {}),
    ("matrix_power", draw(3, 3), {"n": 0}),
    ("matrix_power", draw(2, 3, 3), {"n": 1}),
    ("matrix_power", draw(3, 3), {"n": 5}),
    ("matrix_power", draw(3, 3), {"n": -2}),
    ("matrix_rank", draw(3, 2) @ draw(2, 4), {}),
    ("matrix_rank", np.stack([np.eye(3), np.ones((3, 3)), np.zeros((3, 3))]), {}),
    ("matrix_transpose", draw(2, 3, 4), {}),
    ("diagonal", draw(2, 3, 4), {"offset": 1}),
    ("trace", draw(2, 3, 4), {"offset": -1}),
]


ORDERS = [None, "fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf]
NORMS = [(draw(3, 4), {"ord": ord, "keepdims": k}) for ord in ORDERS for k in (False, True)]
NORMS += [(draw(3, 2, 4), {"ord": ord, "axis": axis, "keepdims": k}) for ord in ORDERS
          for axis, k in (((2, 0), False), ((-2, -1), True))]  # fmt: skip
NORMS += [(draw(2, 3), {"ord": ord, "axis": 1}) for ord in (None, 0, 1, 2, 3, np.inf, -np.inf)]
NORMS += [(draw(4), {"ord": ord}) for ord in (None, 1, 2.5)]
NORMS += [(draw(2, 3, 4), {"keepdims": True}), (draw(2, 3), {"axis": (1,), "ord": 1})]
SAME += [("norm", x, options) for x, options in NORMS]
SAME += [("matrix_norm", draw(2, 3, 4), {}), ("matrix_norm", draw(3, 4), {"keepdims": True})]
SAME += [("vector_norm", draw(2, 3), {}), ("vector_norm", draw(2, 3), {"ord": 1, "axis": 0})]


def parts(result):
    return tuple(result) if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize(("name", "x", "options"), SAME, ids=lambda v: str(v)[:16])
def test_values_and_gradients(name, x, options, device):
    ours = getattr(ad.linalg, name)
    expected = getattr(np.linalg, name)(x, **options)
    found = ours(ad.tensor(x, device=device), **options)
    raw = ours(x, **options)
    assert type(found).__name__ == type(expected).__name__ or type(found) is ad.Tensor
    for a, b, c in zip(parts(found), parts(expected), parts(raw), strict=True):
        np.testing.assert_allclose(ad.backend.to_numpy(a.data), b, atol=1e-12)
        np.testing.assert_allclose(c, b, atol=1e-12)
        assert not isinstance(c, ad.Tensor)

    def call(x):
        return tuple(y for y in parts(ours(x, **options)) if y.requires_grad)

    assert ad.gradcheck(of_symmetric(call) if name in ("cholesky", "eigh") else call, leaf(x))


def test_names_of_results():
    x = ad.tensor(positive(draw(2, 2)))
    u, s, vh = result = ad.linalg.svd(x)
    assert (result.U, result.S, result.Vh) == (u, s, vh)
    assert ad.linalg.qr(x)._fields == ("Q", "R")
    assert ad.linalg.eigh(x)._fields == ("eigenvalues", "eigenvectors")
    assert ad.linalg.slogdet(x)._fields == ("sign", "logabsdet")


def test_what_is_not_asked_for_is_not_computed():
    names = []
    x = leaf(draw(3, 3))
    with ad.tap(lambda node, out: names.append(node.op.name)):
        ad.linalg.svd(x, compute_uv=False)
        ad.linalg.matrix_power(x, 8)
    assert names == ["svdvals", "matmul", "matmul", "matmul"]


# ---------------------------------------------------------------- hard points
@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_det_of_singular_matrices(rank):
    """The determinant is a polynomial: nothing happens to its derivatives at rank n - 1 or n - 2.

    Differences straddle the singular matrix.
    """
    x = leaf(draw(3, rank) @ draw(rank, 3, seed=1))
    assert ad.gradcheck(ad.linalg.det, x, order=2)


def test_det_of_a_singular_matrix_is_its_cofactors():
    x = leaf(np.array([[1.0, 2.0], [2.0, 4.0]]))
    ad.linalg.det(x).backward()
    np.testing.assert_allclose(x.grad.data, [[4.0, -2.0], [-2.0, 1.0]], atol=1e-14)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (4, 4)])
def test_pinv_where_the_rank_is_constant(shape):
    """Along matrices of rank 2 the pseudoinverse is smooth (Golub & Pereyra 1973)."""
    m, n = shape
    x, y = leaf(draw(m, 2)), leaf(draw(2, n, seed=1))
    made = ad.linalg.pinv(x @ y)
    np.testing.assert_allclose(made.data, np.linalg.pinv((x @ y).data, 1e-10), atol=1e-12)
    assert ad.gradcheck(lambda x, y: ad.linalg.pinv(x @ y), [x, y], order=2)


def test_pinv_tolerance_is_of_the_dtype():
    """NumPy's default would invert the rounding errors of float32."""
    x = (draw(6, 2) @ draw(2, 5, seed=1)).astype(np.float32)
    made = ad.linalg.pinv(ad.tensor(x))
    assert made.dtype == np.float32 and np.abs(made.data).max() < 100


@pytest.mark.parametrize("name", ["eigvalsh", "svdvals"])
@pytest.mark.parametrize("x", [np.eye(3), np.zeros((3, 3)), np.diag([2.0, 2.0, 1.0])])
def test_equal_values_have_finite_gradients(name, x):
    """The sum of all of them is smooth where it is a trace: its gradient is that of the trace."""
    x = leaf(x)
    getattr(ad.linalg, name)(x).sum().backward()
    assert np.isfinite(x.grad.data).all()
    if name == "eigvalsh" or x.data.any():
        np.testing.assert_allclose(x.grad.data, np.eye(3), atol=1e-12)


def test_values_of_full_decompositions_have_finite_gradients_too():
    x = leaf(np.diag([2.0, 2.0, 1.0]))
    for values in (ad.linalg.eigh(x).eigenvalues, ad.linalg.svd(x).S):
        (g,) = ad.gradients(values.sum(), [x])
        np.testing.assert_allclose(g.data, np.eye(3), atol=1e-12)


def test_equal_eigenvalues_leave_invariant_losses_alone():
    """The projector on a whole eigenspace does not depend on the basis in it."""
    x = leaf(np.diag([1.0, 3.0, 3.0]))

    def projector(x):
        v = ad.linalg.eigh(x).eigenvectors[:, 1:]
        return v @ v.mT

    assert ad.gradcheck(of_symmetric(projector), x)


def test_equal_eigenvalues_make_the_turn_infinite():
    x = leaf(np.eye(2))
    with np.errstate(divide="ignore", invalid="ignore"):
        ad.linalg.eigh(x).eigenvectors[0, 1].backward()
    assert not np.isfinite(x.grad.data).all()


def test_equal_singular_values_leave_invariant_losses_alone():
    """``U @ Vh``, the nearest orthogonal matrix, is smooth where the singular values are equal."""
    x = leaf(np.array([[0.0, 2.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))

    def polar(x):
        u, _, vh = ad.linalg.svd(x)
        return u @ vh

    assert ad.gradcheck(polar, x)


def test_full_svd_may_use_the_space_of_the_added_columns():
    def projector(x):
        others = ad.linalg.svd(x).U[..., 2:]
        return others @ others.mT

    assert ad.gradcheck(projector, leaf(draw(5, 2)), order=2)
    assert ad.gradcheck(lambda x: ad.linalg.svd(x).S, leaf(draw(5, 2)), order=2)
    assert ad.gradcheck(lambda x: ad.linalg.svd(x).Vh[0], leaf(draw(5, 2)))


def test_full_svd_may_not_use_their_basis():
    for x, pick in ((draw(5, 2), lambda r: r.U[0, 3]), (draw(2, 5), lambda r: r.Vh[3, 0])):
        loss = pick(ad.linalg.svd(leaf(x)))
        with pytest.raises(ValueError, match=r"svd: .*full_matrices=False"):
            loss.backward()


def test_qr_complete_of_a_tall_matrix_has_no_gradient():
    x = leaf(draw(4, 2))
    q, _ = ad.linalg.qr(x, mode="complete")
    assert q.shape == (4, 4)
    with pytest.raises(ValueError, match=r'qr: with mode="complete" .*\(4, 2\)'):
        q.sum().backward()


def test_gradients_of_symmetric_matrices_are_symmetric():
    for loss in (
        lambda x: ad.linalg.cholesky(x).sum(),
        lambda x: ad.linalg.cholesky(x, upper=True)[0, 2],
        lambda x: ad.linalg.eigh(x).eigenvectors[0, 1],
        lambda x: ad.linalg.eigvalsh(x)[0],
    ):
        x = leaf(positive(draw(3, 3)))
        loss(x).backward()
        np.testing.assert_allclose(x.grad.data, x.grad.data.T, atol=1e-14)


@pytest.mark.parametrize("ord", [None, "fro"])
def test_the_gradient_of_a_norm_at_zero_is_zero(ord):
    x = leaf(np.zeros((2, 3)))
    ad.linalg.norm(x, ord).backward()
    assert (x.grad.data == 0).all()


@pytest.mark.parametrize("ord", ["nuc", 2, -2])
def test_norms_by_singular_values_are_finite_at_equal_ones(ord):
    for x in (np.zeros((2, 3)), np.eye(3)):
        x = leaf(x)
        ad.linalg.norm(x, ord).backward()
        assert np.isfinite(x.grad.data).all() and np.linalg.norm(x.grad.data, 2) <= 1 + 1e-12


def test_norms_by_singular_values_have_second_derivatives():
    for ord in ("nuc", 2, -2):
        assert ad.gradcheck(lambda x, ord=ord: ad.linalg.norm(x, ord), leaf(draw(3, 4)), order=2)


# ---------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ad.linalg.inv(x), r"inv: Singular matrix \[operands: \(3, 3\) float64\]"),
        (lambda x: ad.linalg.solve(x, np.ones(3)), r"solve: Singular .*\(3, 3\) float64, \(3,\)"),
        (lambda x: ad.linalg.cholesky(x), r"cholesky: .*positive definite.*\(3, 3\)"),
        (lambda x: ad.linalg.inv(x[:2]), r"inv: .*square.*\(2, 3\)"),
        (lambda x: ad.linalg.det(x[0]), r"det: .*\(3,\)"),
        (lambda x: ad.linalg.matrix_power(x, -1), "inv: Singular matrix"),
    ],
)
def test_singular_matrices(call, message):
    with pytest.raises(LinAlgError, match=message):
        call(ad.tensor(np.zeros((3, 3))))


def test_logdet_of_a_singular_matrix():
    x = leaf(np.zeros((2, 2)))
    sign, log = ad.linalg.slogdet(x)
    assert (sign.item(), log.item()) == (0.0, -np.inf)
    with pytest.raises(LinAlgError):
        log.backward()


HALF = "inv det slogdet cholesky qr svd svdvals eigh eigvalsh pinv solve cofactors".split()


@pytest.mark.parametrize("name", HALF)
def test_lapack_has_no_float16(name):
    x = ad.ones((2, 2), dtype=ad.float16)
    args = [x, x] if name == "solve" else [x]
    message = rf"{name}: LAPACK has no float16; use x.astype\(ad.float32\).*\(2, 2\) float16"
    with pytest.raises(TypeError, match=message):
        ad.REGISTRY[name](*args)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ad.linalg.cross(x, x), r"cross: axis -1 must have length 3.*\(2, 4\)"),
        (lambda x: ad.linalg.solve(np.eye(2), np.ones(1)), "solve: "),
        (lambda x: ad.linalg.solve(np.eye(2), np.ones((3, 1))), "solve: "),
        (lambda x: ad.linalg.norm(x, "nuc", axis=1), "vector_norm: ord='nuc' is of matrices"),
        (lambda x: ad.linalg.norm(x[None], 2), r"norm: ord=2 .*\(1, 2, 4\)"),
        (lambda x: ad.linalg.norm(x, 3), "matrix_norm: ord is 'fro'.*not 3"),
        (lambda x: ad.linalg.matrix_power(x, 2), r"matrix_power: shape \(2, 4\)"),
        (lambda x: ad.linalg.matrix_transpose(x[0]), r"matrix_transpose: shape \(4,\)"),
    ],
)
def test_wrong_shapes(call, message):
    with pytest.raises(ValueError, match=message):
        call(draw(2, 4))
