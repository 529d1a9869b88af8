"""Random numbers: the stream itself, what is made of it, and its state."""

import copy
import ctypes
import math
import pickle
import shutil
import subprocess
import threading

import numpy as np
import pytest

import autodiff as ad
from autodiff import _generator
from autodiff.random import Generator
from tests import strict

FLOATS = ["float16", "float32", "float64"]

DRAWS = {
    "uniform": lambda g, n, **where: g.uniform(n, -1.0, 3.0, **where),
    "normal": lambda g, n, **where: g.normal(n, 1.0, 2.0, **where),
    "truncated_normal": lambda g, n, **where: g.truncated_normal(n, **where),
    "integers": lambda g, n, **where: g.integers(-3, 1000, n, **where),
    "permutation": lambda g, n, **where: g.permutation(n, **where),
    "bernoulli": lambda g, n, **where: g.bernoulli(0.3, n, **where),
}


@pytest.fixture(params=DRAWS)
def draw(request):
    return DRAWS[request.param]


# ---------------------------------------------------------------- the stream
OFFSETS = [0, 1, 2**64 - 3, 2**64 - 1, 2**128 - 2, 2**192 - 2, 2**256 - 3]
SEEDS = [0, 1, 2**64 - 1, 2**64, 2**128 - 1]


@pytest.fixture(scope="module")
def philox(tmp_path_factory):
    """The GPU's kernel, its source compiled for the host, with loops where the GPU has threads."""
    compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    if compiler is None:
        pytest.skip("no C++ compiler here to build the kernel's source with")
    folder = tmp_path_factory.mktemp("philox")
    (folder / "philox.cpp").write_text(
        """
        #define __global__
        struct { unsigned x; } blockIdx, blockDim, threadIdx;
        typedef unsigned long long u64;
        static u64 __umul64hi(u64 a, u64 b) { return (u64)((unsigned __int128)a * b >> 64); }
        """
        + _generator.PHILOX
        + """
        extern "C" void grid(unsigned grids, unsigned threads, u64 *out, u64 blocks,
                             const u64 *c, const u64 *k)
        {
            blockDim.x = threads;
            for (blockIdx.x = 0; blockIdx.x < grids; ++blockIdx.x)
                for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x)
                    philox(out, blocks, c[0], c[1], c[2], c[3], k[0], k[1]);
        }
        """
    )
    build = [compiler, "-O1", "-shared", "-fPIC", "-o", "philox.so", "philox.cpp"]
    subprocess.run(build, cwd=folder, check=True)
    grid = ctypes.CDLL(str(folder / "philox.so")).grid

    def words(seed, offset, blocks):
        grids = -(-blocks // 8)
        out = np.zeros(4 * 8 * grids, np.uint64)  # beyond the blocks too, to see an overrun
        counter, key = (
            np.array(_generator._limbs(value, n), np.uint64)
            for value, n in ((offset, 4), (seed, 2))
        )
        pointers = [ctypes.c_void_p(x.ctypes.data) for x in (out, counter, key)]
        grid(grids, 8, pointers[0], ctypes.c_uint64(blocks), *pointers[1:])
        assert not out[4 * blocks :].any()
        return out[: 4 * blocks]

    return words


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("offset", OFFSETS)
def test_the_kernel_is_numpys_philox(philox, seed, offset):
    expected = np.random.Philox(counter=offset, key=seed).random_raw(4 * 21)
    np.testing.assert_array_equal(philox(seed, offset, 21), expected)


def test_the_known_answer():
    """The test vector that Philox's authors publish for key 0 and counter 0."""
    g = Generator(0)
    g.state = (0, 2**256 - 1)
    answer = "16554d9eca36314c db20fe9d672d0fdc d7e772cee186176b 7e68b68aec7ba23b".split()
    assert [f"{word:016x}" for word in g._bits(4, 64, "cpu").tolist()] == answer


PINNED = {
    "uniform": [0.5221977, 0.6881366, 0.5903196, 0.36998987],
    "normal": [-1.3161442, 0.21952653, 0.40458888, -1.0038462],
    "truncated_normal": [0.46348655, -0.43494767, -0.1972022, -1.1744655],
    "integers": [170, 331, 570, 290],
    "permutation": [2, 0, 3, 1],
    "bernoulli": [0, 0, 0, 0],
}


def test_first_values_are_pinned():
    """These numbers are a promise: changing them breaks every saved state."""
    g = Generator(2026)
    for name, expected in PINNED.items():
        np.testing.assert_allclose(DRAWS[name](g, 4), expected, rtol=3e-6, err_msg=name)
    assert g.state == (2026, 6)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_draw_does_not_depend_on_where_the_offset_came_from(draw, dtype):
    """Skipping the blocks of a draw is the same as drawing them."""
    options = {} if draw in (DRAWS["integers"], DRAWS["permutation"]) else {"dtype": dtype}
    g = Generator(5)
    first = draw(g, 1001, **options)
    middle = g.state
    second = draw(g, 1001, **options)
    h = Generator(5)
    h.state = middle
    np.testing.assert_array_equal(draw(h, 1001, **options), second)
    assert not np.array_equal(first, second)


def test_a_long_draw_begins_as_a_short_one():
    for dtype in FLOATS:
        for method in ("uniform", "normal", "truncated_normal"):
            short, long = (getattr(Generator(3), method)(n, dtype=dtype) for n in (17, 4001))
            np.testing.assert_allclose(short, long[:17], rtol=1e-6, err_msg=f"{method} {dtype}")


def test_seeds_are_independent():
    streams = np.stack([Generator(seed).normal(40_000, dtype="float64") for seed in range(8)])
    off_diagonal = np.corrcoef(streams) - np.eye(8)
    assert abs(off_diagonal).max() < 5 / math.sqrt(40_000)


def test_neighbours_in_one_stream_are_independent():
    z = Generator(11).normal(100_000, dtype="float64")
    for lag in (1, 2, 3, 4):
        for f in (lambda x: x, np.square):
            r = np.corrcoef(f(z[:-lag]), f(z[lag:]))[0, 1]
            assert abs(r) < 5 / math.sqrt(z.size), (lag, r)


# ---------------------------------------------------------------- distributions
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1.0, 2.0), (-3.0, 0.5)])
def test_uniform(dtype, low, high):
    n = 200_000
    u = Generator(1).uniform(n, low, high, dtype=dtype)
    assert u.dtype == dtype and low <= u.min() and u.max() < high
    x = (u.astype(np.float64) - low) / (high - low)
    assert abs(x.mean() - 0.5) < 5 / math.sqrt(12 * n) + 2**-11
    counts = np.bincount((x * 16).astype(int), minlength=16)
    assert ((counts - n / 16) ** 2 / (n / 16)).sum() < 60  # chi-squared, 15 degrees: p < 1e-6


def test_uniform_never_reaches_high():
    """Float16 rounds to it once in 4096 draws; see the code for float32."""
    assert Generator(1).uniform(100_000, 1.0, 2.0, dtype="float16").max() == np.float16(2 - 2**-10)


@pytest.mark.parametrize("dtype", FLOATS)
def test_normal(dtype):
    n = 400_000
    z = Generator(2).normal((n // 4, 4), 3.0, 0.5, dtype=dtype)
    assert z.dtype == dtype and z.shape == (n // 4, 4)
    x = (z.astype(np.float64).ravel() - 3.0) / 0.5
    for moment, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        slack = 5 * math.sqrt(variance / n) + (1e-3 if dtype == "float16" else 0)
        assert abs((x**moment).mean() - expected) < slack, moment
    for bound in (0.5, 1.0, 2.0, 3.0, 4.0):
        tail = math.erfc(bound / math.sqrt(2))
        slack = 5 * math.sqrt(tail / n) + (2e-3 if dtype == "float16" else 0)
        assert abs((abs(x) > bound).mean() - tail) < slack, bound


@pytest.mark.parametrize(("low", "high"), [(-2, 2), (-1, 0.5), (1, 3), (6, 7), (-7, -6), (-9, 9)])
def test_truncated_normal(low, high):
    from scipy.stats import truncnorm

    n = 50_000
    z = Generator(3).truncated_normal(n, 10.0, 2.0, low, high, dtype="float64")
    x = (z - 10.0) / 2.0
    assert low - 1e-12 <= x.min() and x.max() <= high + 1e-12
    expected = truncnorm(low, high)
    assert abs(x.mean() - expected.mean()) < 5 * expected.std() / math.sqrt(n)
    assert abs(x.std() / expected.std() - 1) < 0.03


def test_the_deviation_that_the_documentation_gives():
    assert abs(Generator(4).truncated_normal(200_000, dtype="float64").std() - 0.88) < 5e-3


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_integers(dtype):
    info = np.iinfo(dtype)
    for low, high in ((0, 10), (info.min, info.max + 1), (info.max - 1, info.max + 1)):
        x = Generator(5).integers(low, high, 20_000, dtype=dtype)
        assert x.dtype == dtype
        assert low <= int(x.min()) and int(x.max()) < high
        if high - low <= 256:
            counts = np.bincount(x.astype(np.int64) - low, minlength=high - low)
            mean, degrees = x.size / (high - low), high - low - 1
            chi = ((counts - mean) ** 2 / mean).sum()
            assert chi < degrees + 6 * math.sqrt(2 * degrees) + 12


def test_integers_with_one_bound():
    np.testing.assert_array_equal(Generator(6).integers(7, shape=9), Generator(6).integers(0, 7, 9))


def test_permutation():
    for n in (0, 1, 2, 1000):
        assert sorted(Generator(7).permutation(n).tolist()) == list(range(n))
    g = Generator(8)
    counts = {}
    for _ in range(6000):
        order = tuple(g.permutation(3).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 35  # p < 1e-5


def test_bernoulli():
    for p in (0.0, 0.1, 0.5, 1.0):
        x = Generator(9).bernoulli(p, 100_000)
        assert set(np.unique(x).tolist()) <= {0.0, 1.0}
        assert abs(x.mean() - p) <= 5 * math.sqrt(p * (1 - p) / x.size)
    assert Generator(9).bernoulli(0.5, (2, 3), dtype=bool).dtype == bool


@pytest.mark.parametrize("shape", [(), 0, 1, (1,), (3, 0), (2, 3, 5)])
def test_shapes(shape):
    expected = (shape,) if isinstance(shape, int) else shape
    g = Generator(10)
    draws = [g.uniform(shape), g.uniform(shape, 1, 2), g.normal(shape), g.truncated_normal(shape)]
    for x in [*draws, g.integers(5, shape=shape), g.bernoulli(0.5, shape)]:
        assert type(x) is np.ndarray and x.shape == expected and x.flags.writeable


def test_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="bfloat16 on the CPU needs ml_dtypes")
    u = Generator(12).uniform(10_000, 1.0, 2.0, dtype=ml_dtypes.bfloat16)
    assert u.dtype == ml_dtypes.bfloat16 and float(u.max()) < 2
    assert Generator(12).normal(3, dtype=ml_dtypes.bfloat16).dtype == ml_dtypes.bfloat16


@pytest.mark.parametrize("word", [0, 2**64 - 1])
def test_extreme_words(monkeypatch, word):
    """What random tests would meet once in billions of draws."""
    monkeypatch.setattr(
        _generator, "_words", lambda seed, offset, n, device: np.full(n, word, np.uint64)
    )
    g = Generator(0)
    for dtype in FLOATS:
        assert 0 <= g.uniform(2, dtype=dtype).min() <= g.uniform(2, dtype=dtype).max() < 1
        assert np.isfinite(g.normal(2, dtype=dtype)).all()
    for low, high in ((-2, 2), (-0.3, 0.7), (1, 3), (-9, -8), (30, 31)):
        for x in g.truncated_normal(2, 0.0, 1.0, low, high, dtype="float64"):
            assert low <= x <= high
    assert not g.bernoulli(0.0, 2).any() and g.bernoulli(1.0, 2).all()


# ---------------------------------------------------------------- state
def test_state_is_two_integers_and_comes_back(draw):
    g = Generator(13)
    draw(g, 10)
    state = g.state
    assert [type(value) for value in state] == [int, int]
    after = draw(g, 10)
    g.state = state
    np.testing.assert_array_equal(draw(g, 10), after)


def test_generators_can_be_copied_and_pickled():
    g = Generator(14)
    g.normal(5)
    for twin in (copy.deepcopy(g), pickle.loads(pickle.dumps(g))):
        assert twin.state == g.state
        twin.normal(5)
        assert twin.state != g.state  # its own from here on


def test_without_a_seed_generators_differ():
    assert Generator().state != Generator().state


def test_the_offset_wraps_at_its_end():
    g = Generator(1)
    for before, after in ((2**255, 2**255 + 2), (2**256 - 1, 1)):
        g.state = (1, before)
        g.uniform(16)
        assert g.state == (1, after)


def test_threads_never_draw_the_same_numbers():
    g = Generator(15)
    draws = []

    def work():
        for _ in range(200):
            draws.append(g.integers(2**62, shape=4).tobytes())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(draws)) == 800 and g.state == (15, 800)


def test_a_draw_reserves_under_the_lock():
    """Whether threads collide without it depends on the interpreter, so look at the lock itself."""
    g = Generator(15)
    thread = threading.Thread(target=g.uniform)
    with _generator._lock:
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
    thread.join()
    assert g.state == (15, 1)


# ---------------------------------------------------------------- tensors, devices, errors
def test_functions_return_tensors_and_take_a_generator(draw):
    from autodiff import random

    x = draw(_Functions(random, Generator(16)), 20)
    assert isinstance(x, ad.Tensor)
    np.testing.assert_array_equal(x.numpy(), draw(Generator(16), 20))


class _Functions:
    """The functions of a module as methods that pass ``generator=`` on."""

    def __init__(self, module, generator):
        self.module, self.generator = module, generator

    def __getattr__(self, name):
        function = getattr(self.module, name)
        return lambda *args, **options: function(*args, generator=self.generator, **options)


def test_manual_seed_starts_the_default_generator_afresh():
    before = ad.random.default_generator.state
    try:
        ad.manual_seed(17)
        x = ad.random.normal(3)
        ad.manual_seed(17)
        np.testing.assert_array_equal(ad.random.normal(3).numpy(), x.numpy())
        np.testing.assert_array_equal(x.numpy(), Generator(17).normal(3))
    finally:
        ad.random.default_generator.state = before


def test_defaults_are_the_librarys():
    assert Generator(1).normal(2).dtype == ad.get_default_dtype() == np.float32
    with ad.device("cpu"):
        assert ad.random.uniform(2).device == "cpu"


def test_the_same_numbers_on_another_kind_of_array(draw):
    strict.install()
    on_device = draw(Generator(18), 1001, device="strict")
    assert type(on_device) is strict.StrictArray
    np.testing.assert_array_equal(on_device.get(), draw(Generator(18), 1001))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_same_numbers_on_the_gpu(draw, dtype):
    cupy = pytest.importorskip("cupy", reason="needs CuPy")
    if not cupy.is_available():
        pytest.skip("needs a CUDA device")
    exact = draw in (DRAWS["integers"], DRAWS["permutation"])
    options = {} if exact else {"dtype": dtype}
    host = draw(Generator(19), 100_001, **options)
    on_device = draw(Generator(19), 100_001, device="cuda", **options)
    tolerance = 0 if exact else {"float16": 2e-3, "float32": 2e-6, "float64": 1e-14}[dtype]
    np.testing.assert_allclose(on_device.get(), host, rtol=tolerance, atol=2 * tolerance)


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda g: g.uniform(3, 2.0, 1.0), ValueError, "low=2.0 is above high=1.0"),
        (lambda g: g.uniform(3, 0.0, math.inf), ValueError, "must be finite"),
        (lambda g: g.uniform(3, dtype="int32"), TypeError, "not int32"),
        (lambda g: g.normal(3, 0.0, -1.0), ValueError, "std=-1.0 is negative"),
        (lambda g: g.normal(3, math.nan), ValueError, "must be finite"),
        (lambda g: g.truncated_normal(3, low=1, high=1), ValueError, "low=1 must be below high=1"),
        (lambda g: g.integers(5, 5), ValueError, "low=5, high=5"),
        (lambda g: g.integers(0, 300, dtype="uint8"), ValueError, "<= 256 for uint8"),
        (lambda g: g.integers(3, dtype="float32"), TypeError, "integer type, not float32"),
        (lambda g: g.permutation(-1), ValueError, "n=-1 is negative"),
        (lambda g: g.bernoulli(1.5), ValueError, "p=1.5 is not a probability"),
        (lambda g: g.bernoulli(math.nan), ValueError, "p=nan"),
        (lambda g: g.normal(3, device="tpu"), ValueError, "unknown device 'tpu'"),
        (lambda g: g.normal(-3), ValueError, "shape"),
        (lambda g: Generator(-1), ValueError, "seed must be from 0"),
        (lambda g: Generator(2**128), ValueError, "seed must be from 0"),
        (lambda g: setattr(g, "state", (0, -1)), ValueError, "offset from 0"),
    ],
)
def test_bad_input_is_named_and_draws_nothing(draw, error, message):
    g = Generator(20)
    with pytest.raises(error, match=message):
        draw(g)
    assert g.state == (20, 0)
