"""What is kept of a gradient: against NumPy in float64, at the edges of what dtypes hold."""

import math

import numpy as np
import pytest

import autodiff as ad
from tests import strict
from viz._stats import TINY_MEAN_ABS, Collector, measure


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 4, 5)])
def test_the_numbers_are_those_of_numpy(dtype, shape):
    g = np.array(np.random.default_rng(0).normal(size=shape), dtype)
    g.flat[1::5] = 0
    found, wide = measure(g), g.astype("float64")
    assert found.rms == pytest.approx(np.sqrt(np.mean(wide**2)), rel=1e-12)
    assert found.l2 == pytest.approx(np.linalg.norm(wide), rel=1e-12)
    assert found.mean_abs == pytest.approx(np.abs(wide).mean(), rel=1e-12)
    assert found.max_abs == np.abs(wide).max()
    assert found.zero_fraction == np.mean(g == 0)
    assert (found.size, found.nonfinite) == (g.size, 0)


def test_float16_squares_do_not_overflow():
    found = measure(np.full(100_000, 60_000, "float16"))
    assert found.rms == pytest.approx(60_000, rel=1e-3)
    assert found.state == "ok"


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
def test_float64_squares_neither_overflow_nor_vanish(size):
    found = measure(np.array([3 * size, -4 * size]))
    assert found.l2 == pytest.approx(5 * size, rel=1e-12)
    assert found.rms == pytest.approx(5 * size / math.sqrt(2), rel=1e-12)


@pytest.mark.parametrize(
    ("values", "state", "nonfinite"),
    [
        ([1.0, -2.0], "ok", 0),
        ([0.0, -0.0], "zero", 0),
        ([1e-9, 0.0], "tiny", 0),
        ([5e-324, 0.0], "tiny", 0),
        ([1.0, math.nan, math.inf], "nonfinite", 2),
        ([0.0, -math.inf], "nonfinite", 1),
    ],
)
def test_states(values, state, nonfinite):
    found = measure(np.array(values))
    assert (found.state, found.nonfinite) == (state, nonfinite)


def test_tiny_is_below_the_threshold_and_not_at_it():
    assert measure(np.array([TINY_MEAN_ABS])).state == "ok"
    assert measure(np.array([np.nextafter(TINY_MEAN_ABS, 0)])).state == "tiny"


def test_non_finite_values_are_not_averaged_away():
    assert math.isnan(measure(np.array([1.0, math.nan, math.inf])).rms)
    assert measure(np.array([1.0, -math.inf])).max_abs == math.inf


def test_floats_measure_as_arrays_do():
    for x in (0.5, -2.0, 0.0, math.nan, -math.inf, 1e-200):
        a, b = measure(x), measure(np.array(x))
        assert repr(a) == repr(b)


def entries(rng, kind):
    """A value to measure, of ordinary or extreme size; zeros, NaN and infinities in some."""
    n = int(rng.integers(1, 600))
    x = rng.normal(size=n) * 10.0 ** rng.choice([0, 0, -3, -9, 150, -150, 300, -300])
    for special in (0.0, math.nan, -math.inf, 5e-324):
        if rng.random() < 0.2:
            x[rng.integers(0, n, size=n // 8)] = special
    with np.errstate(all="ignore"):
        return float(x[0]) if kind == "number" else x.astype(kind)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_measured_together_is_what_is_measured_apart(seed):
    """Small arrays are gathered, and what stands beside them changes no bit of their numbers."""
    rng = np.random.default_rng(seed)
    kinds = ["float16", "float32", "float64", "number"]
    values = [entries(rng, rng.choice(kinds)) for _ in range(12)]
    asked = rng.integers(0, 2, (12, 2)).astype(bool).tolist()
    collector = Collector()
    for value, (moments, bins) in zip(values, asked, strict=True):
        collector.add(value, moments=moments, bins=bins)
    for value, found, (moments, bins) in zip(values, collector.results(), asked, strict=True):
        assert repr(found) == repr(measure(value, moments=moments, bins=bins))
        # As one part of a tuple it goes the way of large arrays.
        apart = measure((value, None), moments=moments, bins=bins)
        for name in (
            "size",
            "max_abs",
            "zero_fraction",
            "nonfinite",
            "state",
            "low",
            "high",
            "bins",
        ):
            assert repr(getattr(found, name)) == repr(getattr(apart, name)), name
        for name in ("rms", "l2", "mean_abs"):
            expected = pytest.approx(getattr(apart, name), rel=1e-12, nan_ok=True)
            assert getattr(found, name) == expected, name
        scale = max(abs(found.low), abs(found.high))
        for name in ("mean", "std"):
            expected = pytest.approx(getattr(apart, name), rel=1e-9, abs=1e-12 * scale, nan_ok=True)
            assert getattr(found, name) == expected, name


def test_more_than_fits_is_measured_in_several_goes():
    values = [np.full(n % 512 + 1, float(n)) for n in range(300)]
    collector = Collector(bins=True)
    for value in values:
        collector.add(value)
    assert [f.rms for f in collector.results()] == [float(n) for n in range(300)]
    assert [f.size for f in collector.results()] == [v.size for v in values]


def test_several_outputs_are_one_gradient():
    parts = (np.array([3.0, 0.0]), None, np.array([[4.0, math.inf]]))
    found = measure(parts)
    assert (found.size, found.nonfinite, found.zero_fraction) == (4, 1, 0.25)
    assert measure((np.array([3.0, 0.0]), None, np.array([[4.0, 0.0]]))).l2 == pytest.approx(5)


def test_none_and_empty():
    assert measure(None).state == "absent"
    assert measure((None, None)).state == "absent"
    assert measure(np.zeros((0, 3))).state == "zero"


def test_a_device_is_asked_once(monkeypatch):
    """All numbers leave the device together, and nothing else does."""
    fetched = []
    to_numpy = ad.backend.to_numpy
    monkeypatch.setattr(ad.backend, "to_numpy", lambda x: fetched.append(x) or to_numpy(x))
    strict.install()
    collector = Collector(moments=True, bins=True)
    before = strict.StrictArray.syncs
    values = [np.array([3.0, 4.0], "float16"), np.array([math.nan, 1.0]), np.array(0.0)]
    for value in values:
        collector.add(strict.xp.asarray(value))
    collector.add(strict.xp.zeros((0, 2)))
    assert not fetched and strict.StrictArray.syncs == before
    found = collector.results()
    assert len(fetched) == 1 and strict.StrictArray.syncs == before + 1
    assert [repr(f) for f in found[:3]] == [
        repr(measure(v, moments=True, bins=True)) for v in values
    ]


@pytest.mark.parametrize("shift", [0.0, 1e8, -3.0])
def test_moments_and_range(shift):
    x = np.random.default_rng(3).normal(size=(40, 3)) + shift
    found = measure(x, moments=True)
    assert found.mean == pytest.approx(x.mean(), rel=1e-12)
    assert found.std == pytest.approx(x.std(), rel=1e-6 if shift == 1e8 else 1e-12)
    assert (found.low, found.high) == (x.min(), x.max())
    halves = measure((x[:7], np.zeros((0, 2)), x[7:]), moments=True)
    assert halves.mean == pytest.approx(x.mean(), rel=1e-12)
    assert halves.std == pytest.approx(x.std(), rel=1e-6 if shift == 1e8 else 1e-12)


def test_moments_are_of_the_finite_entries():
    found = measure(np.array([1.0, math.nan, 3.0, -math.inf]), moments=True)
    assert (found.mean, found.std, found.low, found.high) == (2.0, 1.0, 1.0, 3.0)
    assert math.isnan(measure(np.array([math.nan]), moments=True).mean)
    assert math.isnan(measure(np.array([1.0])).mean)  # not asked for


def test_histogram_has_a_bin_for_every_power_of_two():
    x = np.array([1.0, -1.5, 0.5, 0.75, 2.0**-149, 0.0, math.nan, math.inf, 1e-300, 1e300])
    bins = dict(measure(x, bins=True).bins)
    assert bins == {1: 2, 0: 2, -148: 1, -151: 1, 128: 1}
    g = np.random.default_rng(0).normal(size=1000).astype("float16")
    exponents, counts = np.unique(np.frexp(np.abs(g.astype(float)))[1], return_counts=True)
    found = measure(g, moments=True, bins=True)
    assert found.bins == tuple(zip(exponents.tolist(), counts.tolist(), strict=True))


def test_floats_have_moments_and_bins_as_arrays_do():
    for x in (0.5, -2.0, 0.0, math.nan, -math.inf, 1e-200, 3):
        a, b = (measure(v, moments=True, bins=True) for v in (x, np.array(float(x))))
        assert repr(a) == repr(b)
