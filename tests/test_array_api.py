"""`autodiff` as a namespace of the array API standard, 2024.12."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad

TABLE = (Path(__file__).parent / "array_api_names.txt").read_text().splitlines()[1:]

# Functions and parameters of the standard that are not there, and why.
ABSENT = {
    "isin": "needs sets on every device",
    "unique_all": "its shape depends on the data, and its values have no derivative yet",
    "unique_counts": "as unique_all",
    "unique_inverse": "as unique_all",
    "unique_values": "as unique_all",
}
WITHOUT = {
    "reshape": {"copy": "a view where NumPy makes one; .clone() copies"},
    "linalg.trace": {"dtype": "x.astype(dtype) before"},
}


def standard(line):
    """The name, then parameters: only by position, either way, only by name."""
    name, listed = re.fullmatch(r"([\w.]+)\((.*)\)", line).groups()
    position, either, keyword = [], [], []
    parameters = listed.split(", ")
    before, star = "/" in parameters, False
    for p in parameters:
        if p == "/":
            before = False
        elif p.startswith("*"):
            star = True
            position += [p] if len(p) > 1 else []
        else:
            (keyword if star else position if before else either).append(p)
    return name, position, either, keyword


def ours(name):
    """Our function of that name, or None."""
    found = ad
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def complaints(line, function):
    """What a call by the standard would stumble over."""
    name, position, either, keyword = standard(line)
    parameters = list(inspect.signature(function).parameters.values())
    kinds = {p.kind for p in parameters}
    found = []
    for i, p in enumerate(position + either):
        if inspect.Parameter.VAR_POSITIONAL in kinds:
            continue
        mine = parameters[i] if i < len(parameters) else None
        if p.startswith("*"):
            found.append(f"{name} takes no {p}")
        elif mine is None or mine.kind in (mine.KEYWORD_ONLY, mine.VAR_KEYWORD):
            found.append(f"{name}: {p} cannot be given by position")
        elif p in either and mine.name != p:
            found.append(f"{name}: {p} is called {mine.name}")
    names = {p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY}
    accepted = names | WITHOUT.get(name, {}).keys()
    return found + [f"{name} takes no {p}=" for p in keyword if p not in accepted]


@pytest.mark.parametrize("line", TABLE)
def test_a_function_is_there_as_the_standard_has_it(line):
    name = line.partition("(")[0]
    if name in ABSENT:
        assert ours(name) is None, f"{name} is there now: take it out of ABSENT"
        return
    assert ours(name) is not None
    assert not complaints(line, ours(name))


def test_the_check_of_signatures_bites():
    assert complaints("f(x, /, *, axis)", lambda x, axis=None: 0) == []
    assert complaints("f(x, /, *, axis)", lambda x: 0)
    assert complaints("f(x, /, shape)", lambda x, lengths: 0)
    assert complaints("f(x1, x2, /)", lambda x1, *, x2: 0)
    assert complaints("f(*arrays)", lambda arrays: 0)
    assert len(TABLE) > 140


def test_names_that_are_excused_are_in_the_table():
    names = {line.partition("(")[0] for line in TABLE}
    assert ABSENT.keys() <= names and WITHOUT.keys() <= names


def test_constants_and_version():
    assert (ad.e, ad.pi, ad.inf) == (np.e, np.pi, np.inf) and ad.nan != ad.nan
    assert ad.newaxis is None and ad.__array_api_version__ == "2024.12"
    t = ad.ones(2)
    assert t.__array_namespace__() is ad is t.__array_namespace__(api_version="2022.12")
    with pytest.raises(ValueError, match="2031"):
        t.__array_namespace__(api_version="2031.12")


def test_attributes_of_arrays():
    t = ad.ones((2, 3))
    assert (t.ndim, t.shape, t.size, t.T.shape, t.mT.shape) == (2, (2, 3), 6, (3, 2), (3, 2))
    there = t.to_device("strict")
    assert there.device == "strict" and there.to_device("cpu").device == t.device == "cpu"
    assert t.to_device("cpu") is t
    with pytest.raises(ValueError, match="stream"):
        t.to_device("cpu", stream=1)


def test_inspection():
    info = ad.__array_namespace_info__()
    assert info.capabilities()["boolean indexing"] is True
    assert info.default_device() == "cpu" and "cpu" in info.devices()
    assert info.default_dtypes() == {
        "real floating": ad.float32, "integral": ad.int64, "indexing": ad.int64,
    }  # fmt: skip
    assert info.dtypes(kind="real floating") == {"float32": ad.float32, "float64": ad.float64}
    assert info.dtypes(kind=("bool", "unsigned integer")).keys() == {
        "bool", "uint8", "uint16", "uint32", "uint64",
    }  # fmt: skip
    assert all(getattr(ad, name) == dtype for name, dtype in info.dtypes().items())


@pytest.mark.parametrize("x", ["bool", "int8", "int64", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("y", ["bool", "int32", "uint8", "float32", "float64", 2, 2.5, np.int64(2)])
def test_result_type_is_what_an_op_makes(x, y):
    operand = ad.ones(2, dtype=y) if isinstance(y, str) else y
    made = (ad.ones(2, dtype=x) * operand).dtype
    assert ad.result_type(x if isinstance(y, str) else np.dtype(x), operand) == made
    assert ad.result_type(ad.ones(2, dtype=x), operand) == made


def test_dtypes():
    assert ad.can_cast(ad.int64, ad.float32) and not ad.can_cast(ad.float64, ad.float32)
    assert ad.can_cast(ad.ones(2), "float64")
    assert ad.isdtype(ad.float32, "real floating") and not ad.isdtype(ad.int8, ("bool", ad.int16))
    assert ad.isdtype(ad.int8, ("bool", ad.int8))
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert ad.isdtype(ml_dtypes.bfloat16, "real floating")
    assert ad.finfo(ml_dtypes.bfloat16).bits == 16 and ad.finfo(ad.ones(2)).bits == 32
    assert ad.iinfo(ad.int8).max == 127
    with pytest.raises(ValueError, match="at least one"):
        ad.result_type(1, 2.0)


# ---------------------------------------------------------------- code written for the standard
def softmax(x, axis=-1):
    xp = x.__array_namespace__()
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


def whiten(x):
    xp = x.__array_namespace__()
    x = xp.asarray(x, dtype=xp.float64, copy=True)
    x = x - xp.mean(x, axis=0)
    covariance = xp.matmul(xp.permute_dims(x, (1, 0)), x) / x.shape[0]
    covariance = covariance + 0.1 * xp.eye(x.shape[1], dtype=x.dtype, device=x.device)
    return xp.matmul(x, xp.linalg.inv(xp.linalg.cholesky(covariance)))


def moments(x):
    xp = x.__array_namespace__()
    parts = [xp.astype(xp.std(x, correction=1), x.dtype, copy=False)]
    parts += [xp.diff(xp.cumulative_sum(x, axis=0, include_initial=True), axis=0)]
    parts += [xp.where(x > 0, xp.log1p(xp.abs(x)), xp.zeros_like(x))]
    return xp.concat([xp.reshape(p, (-1,)) for p in parts])


@pytest.mark.parametrize("f", [softmax, whiten, moments])
def test_generic_code_runs_on_tensors_and_is_differentiated(f):
    a = np.random.default_rng(0).normal(size=(6, 3))
    out = f(ad.asarray(a))
    assert type(out) is ad.Tensor
    np.testing.assert_allclose(out.numpy(), f(a), rtol=1e-12, atol=1e-14)
    ad.gradcheck(f, [ad.tensor(a, requires_grad=True)])


def test_cumulative_functions_and_diff():
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert ad.cumulative_sum(x, axis=1, include_initial=True).tolist() == [[0, 1, 3], [0, 3, 7]]
    assert ad.cumulative_prod(x[0], include_initial=True).tolist() == [1, 1, 2]
    assert ad.cumulative_sum(x, axis=-1, dtype=ad.float64).dtype == np.float64
    with pytest.raises(ValueError, match=r"cumulative_sum: name the axis of shape \(2, 2\)"):
        ad.cumulative_sum(x)
    a = np.random.default_rng(0).normal(size=(4, 5))
    for options in ({}, {"axis": 0}, {"n": 2}, {"n": 0}, {"prepend": a, "append": a[:, :1]}):
        assert np.array_equal(ad.diff(ad.asarray(a), **options).numpy(), np.diff(a, **options))
    ad.gradcheck(lambda x: ad.diff(x, n=2, append=x), [ad.tensor(a, requires_grad=True)])
    with pytest.raises(ValueError, match="negative"):
        ad.diff(x, n=-1)
    there = ad.cumulative_prod(x.to("strict"), axis=0, include_initial=True)
    assert there.device == "strict" and there.tolist() == [[1, 1], [1, 2], [3, 8]]


def test_astype_and_shapes():
    x = ad.tensor([1.0], requires_grad=True)
    assert ad.astype(x, ad.float32, copy=False) is x and ad.astype(x, ad.float32) is not x
    y = ad.astype(x, ad.float64, device="strict")
    assert y.device == "strict" and y.dtype == np.float64
    y.sum().backward()
    assert x.grad.tolist() == [1] and x.grad.dtype == np.float32
    assert ad.broadcast_shapes((3, 1), (2,)) == (3, 2)
