"""`Generator`: a seed and an offset, which draw the same numbers on every device.

The source is Philox4x64-10 (Salmon et al., 2011), a function from a key and a 256-bit counter to
four 64-bit words: the seed is the key, the offset the counter. A draw reserves the counters it
needs and computes from their words, so the whole state is two integers, nothing depends on how a
draw is cut into pieces, and the CPU and the GPU agree, up to the rounding of ``log`` and ``cos``.
"""

import math
import operator
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from . import backend
from .backend import Array

Shape = int | tuple[int, ...]

_BLOCK = 4  # words for one value of the counter
_SIGNIFICAND = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}  # bits
_lock = threading.Lock()  # one for all: a generator of plain integers can be copied and pickled

# One thread makes one block. The host's NumPy starts at counter + 1; so does this.
PHILOX = r"""
extern "C" __global__ void philox(
    unsigned long long *out, unsigned long long blocks,
    unsigned long long c0, unsigned long long c1, unsigned long long c2, unsigned long long c3,
    unsigned long long k0, unsigned long long k1)
{
    unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= blocks) return;
    c0 += i + 1;  // i + 1 <= blocks, which never wraps
    if (c0 < i + 1 && ++c1 == 0 && ++c2 == 0) ++c3;
    for (int round = 0; round < 10; ++round) {
        unsigned long long h0 = __umul64hi(0xD2E7470EE14C6C93ULL, c0);
        unsigned long long l0 = 0xD2E7470EE14C6C93ULL * c0;
        unsigned long long h1 = __umul64hi(0xCA5A826395121157ULL, c2);
        unsigned long long l1 = 0xCA5A826395121157ULL * c2;
        c0 = h1 ^ c1 ^ k0;
        c1 = l1;
        c2 = h0 ^ c3 ^ k1;
        c3 = l0;
        k0 += 0x9E3779B97F4A7C15ULL;
        k1 += 0xBB67AE8584CAA73BULL;
    }
    out[4 * i] = c0;
    out[4 * i + 1] = c1;
    out[4 * i + 2] = c2;
    out[4 * i + 3] = c3;
}
"""


@cache
def _kernel(cupy: Any) -> Any:
    return cupy.RawKernel(PHILOX, "philox")


def _limbs(value: int, count: int) -> list[np.uint64]:
    """The 64-bit digits of an integer, lowest first."""
    return [np.uint64(value >> 64 * i & 0xFFFFFFFFFFFFFFFF) for i in range(count)]


def _words(seed: int, offset: int, count: int, device: str) -> Array:
    """The first ``count`` words of the blocks after ``offset``, on ``device``."""
    blocks = -(-count // _BLOCK)
    kind = backend.device_kind(device)
    if device.startswith("cuda"):
        out = kind.xp.empty(_BLOCK * blocks, np.uint64)
        if blocks:
            arguments = (out, np.uint64(blocks), *_limbs(offset, 4), *_limbs(seed, 2))
            _kernel(kind.xp)((-(-blocks // 256),), (256,), arguments)
        return out[:count]
    words = np.random.Philox(counter=offset, key=seed).random_raw(_BLOCK * blocks)
    return kind.put(words[:count], device)


@contextmanager
def _on(device: str | None) -> Iterator[tuple[Any, str]]:
    """The namespace and full name of a device, which is CuPy's current one meanwhile."""
    device = backend.parse_device(device or backend.default_device())
    xp = backend.device_kind(device).xp
    if device.startswith("cuda"):
        with xp.cuda.Device(int(device.partition(":")[2])):
            yield xp, device
    else:
        yield xp, device


def _as_shape(shape: Shape) -> tuple[int, ...]:
    lengths = tuple(map(operator.index, shape if isinstance(shape, (tuple, list)) else (shape,)))
    if any(length < 0 for length in lengths):
        raise ValueError(f"random: shape {lengths} has a negative length")
    return lengths


def _as_float(dtype: Any) -> np.dtype:
    chosen = backend.get_default_dtype() if dtype is None else np.dtype(dtype)
    if chosen.name not in _SIGNIFICAND:
        raise TypeError(f"random: dtype must be one of {', '.join(_SIGNIFICAND)}, not {chosen}")
    return chosen


def _working(dtype: np.dtype) -> tuple[int, type[np.floating]]:
    """How many random bits a float of ``dtype`` is made of, and the dtype to compute it in."""
    return (64, np.float64) if dtype == np.float64 else (32, np.float32)


def _require_finite(what: str, *values: float) -> None:
    if not all(map(math.isfinite, values)):
        raise ValueError(f"random.{what}: parameters must be finite, not {values}")


class Generator:
    """A stream of random numbers whose state is two integers.

    Its methods return raw arrays; the functions of `autodiff.random`, which take
    ``generator=``, return tensors. Different seeds give independent streams.

    Parameters
    ----------
    seed : int, optional
        From 0 to ``2**128 - 1``; without it, one from the operating system.

    Examples
    --------
    >>> import autodiff as ad
    >>> g = ad.random.Generator(7)
    >>> state = g.state
    >>> a = g.normal((2, 3))
    >>> g.state = state
    >>> bool((g.normal((2, 3)) == a).all())
    True
    """

    __slots__ = ("_offset", "_seed")

    def __init__(self, seed: int | None = None) -> None:
        self.state = (int.from_bytes(os.urandom(8), "little") if seed is None else seed, 0)

    def __repr__(self) -> str:
        seed, offset = self.state
        return f"Generator(seed={seed}, offset={offset})"

    @property
    def state(self) -> tuple[int, int]:
        """``(seed, offset)``; set it to continue from there."""
        with _lock:
            return self._seed, self._offset

    @state.setter
    def state(self, state: tuple[int, int]) -> None:
        seed, offset = (int(value) for value in state)
        if not (0 <= seed < 1 << 128 and 0 <= offset < 1 << 256):
            raise ValueError(
                "Generator: the seed must be from 0 to 2**128 - 1 and the offset from 0 to "
                f"2**256 - 1, not {state}"
            )
        with _lock:
            self._seed, self._offset = seed, offset

    def _bits(self, count: int, width: int, device: str) -> Array:
        """``count`` random unsigned integers of ``width`` bits."""
        words = -(-count * width // 64)
        with _lock:
            seed, offset = self._seed, self._offset
            self._offset = (offset + -(-words // _BLOCK)) % (1 << 256)
        bits = _words(seed, offset, words, device)
        return bits if width == 64 else bits.view(np.uint32)[:count]

    def _unit(self, count: int, dtype: np.dtype, device: str) -> Array:
        """Floats in [0, 1): every multiple of one unit in the last place below 1."""
        width, working = _working(dtype)
        digits = _SIGNIFICAND[dtype.name]
        bits = self._bits(count, width, device)
        bits >>= width - digits
        unit = bits.astype(working)
        unit *= 2.0**-digits
        return unit

    def uniform(
        self,
        shape: Shape = (),
        low: float = 0.0,
        high: float = 1.0,
        *,
        dtype: Any = None,
        device: str | None = None,
    ) -> Array:
        """Floats from ``low`` up to, never including, ``high``."""
        shape, dtype = _as_shape(shape), _as_float(dtype)
        _require_finite("uniform", low, high, high - low)
        if high < low:
            raise ValueError(f"random.uniform: low={low} is above high={high}")
        with _on(device) as (xp, device):
            out = self._unit(math.prod(shape), dtype, device)
            if (low, high) != (0.0, 1.0):
                out *= high - low
                out += low
                # Rounding can reach `high`: for one in 2**24 draws of U(1, 2), say.
                last = float(np.nextafter(dtype.type(high), dtype.type(low)))
                xp.minimum(out, last, out=out)
            return out.reshape(shape).astype(dtype, copy=False)

    def normal(
        self,
        shape: Shape = (),
        mean: float = 0.0,
        std: float = 1.0,
        *,
        dtype: Any = None,
        device: str | None = None,
    ) -> Array:
        """Floats of the normal distribution, by Box and Muller's transform."""
        shape, dtype = _as_shape(shape), _as_float(dtype)
        _require_finite("normal", mean, std)
        if std < 0:
            raise ValueError(f"random.normal: std={std} is negative")
        count = math.prod(shape)
        pairs = -(-count // 2)
        width, working = _working(dtype)
        with _on(device) as (xp, device):
            bits = self._bits(2 * pairs, width, device).reshape(pairs, 2)
            radius = bits[:, 0].astype(working)
            radius += 0.5  # the logarithm of 0 is never taken, and the tail is as fine as it gets
            radius *= 2.0**-width
            xp.log(radius, out=radius)
            radius *= -2.0
            xp.sqrt(radius, out=radius)
            angle = bits[:, 1].astype(working)
            angle *= 2.0 * math.pi * 2.0**-width
            out = xp.empty((pairs, 2), working)
            out[:, 0] = radius * xp.cos(angle)
            out[:, 1] = radius * xp.sin(angle)
            if std != 1.0:
                out *= std
            if mean != 0.0:
                out += mean
            return out.reshape(2 * pairs)[:count].reshape(shape).astype(dtype, copy=False)

    def truncated_normal(
        self,
        shape: Shape = (),
        mean: float = 0.0,
        std: float = 1.0,
        low: float = -2.0,
        high: float = 2.0,
        *,
        dtype: Any = None,
        device: str | None = None,
    ) -> Array:
        """Normal floats between ``mean + low * std`` and ``mean + high * std``.

        By the inverse of the distribution function, with no rejection. Computed on the host in
        float64 and moved to ``device``, since it serves to initialize.
        """
        from scipy import special

        shape, dtype = _as_shape(shape), _as_float(dtype)
        _require_finite("truncated_normal", mean, std, low, high)
        if std < 0 or high <= low:
            raise ValueError(
                f"random.truncated_normal: std={std} must not be negative, and low={low} must be "
                f"below high={high}"
            )
        # In the upper tail the distribution function rounds to 1: work in the lower one.
        sign = -1.0 if low > 0 else 1.0
        left, right = (-high, -low) if low > 0 else (low, high)
        below, above = special.ndtr(left), special.ndtr(right)
        out = self._unit(math.prod(shape), np.dtype(np.float64), "cpu")
        out *= above - below
        out += below
        special.ndtri(out, out=out)
        np.clip(out, left, right, out=out)
        out *= sign * std
        out += mean
        place = backend.parse_device(device or backend.default_device())
        return backend.to_device(out.astype(dtype).reshape(shape), place)

    def integers(
        self,
        low: int,
        high: int | None = None,
        shape: Shape = (),
        *,
        dtype: Any = np.int64,
        device: str | None = None,
    ) -> Array:
        """Integers from ``low`` up to, never including, ``high``; from 0 with one bound.

        A 64-bit word modulo the range ``r = high - low``: no value is more likely than another
        by more than ``r / 2**64`` of its probability.
        """
        shape, dtype = _as_shape(shape), np.dtype(dtype)
        low, high = (0, low) if high is None else (low, high)
        if dtype.kind not in "iu":
            raise TypeError(f"random.integers: dtype must be an integer type, not {dtype}")
        info = np.iinfo(dtype)
        if not info.min <= low < high <= info.max + 1:
            raise ValueError(
                f"random.integers: need {info.min} <= low < high <= {info.max + 1} for {dtype}, "
                f"not low={low}, high={high}"
            )
        with _on(device) as (_, device):
            out = self._bits(math.prod(shape), 64, device)
            if high - low < 1 << 64:
                out %= np.uint64(high - low)
            out = out.astype(dtype)
            if low:
                out += dtype.type(low)
            return out.reshape(shape)

    def permutation(self, n: int, *, device: str | None = None) -> Array:
        """The integers below ``n`` in random order, as int64."""
        if n < 0:
            raise ValueError(f"random.permutation: n={n} is negative")
        with _on(device) as (xp, device):
            return xp.argsort(self._bits(n, 64, device), kind="stable").astype(np.int64, copy=False)

    def bernoulli(
        self, p: float, shape: Shape = (), *, dtype: Any = None, device: str | None = None
    ) -> Array:
        """Ones with probability ``p``, else zeros; to within ``2**-24`` of ``p``."""
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"random.bernoulli: p={p} is not a probability")
        shape = _as_shape(shape)
        dtype = np.dtype(dtype) if dtype is not None else backend.get_default_dtype()
        with _on(device) as (_, device):
            unit = self._unit(math.prod(shape), np.dtype(np.float32), device)
            return (unit < p).astype(dtype, copy=False).reshape(shape)
