"""Inputs of ops that are not elementwise: axes, shapes, indices, matrices, for `generated`.

Values are `few` where ties and zeros matter, `distinct` where places do, else `normal`. A strategy
of calls draws pairs of inputs and options.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Shape = tuple[int, ...]
BOOLS = st.booleans()
FEW = [-1.5, -1.0, 0.0, 0.5, 2.0]  # they tie, and their sums are exact
SEEDS = st.integers(0, 999)
SELDOM = st.integers(0, 7).map(lambda i: i == 7)
LENGTHS = st.sampled_from([3, 2, 1, 0])
# Hypothesis draws the first of several more often than the others: the telling one stands first.
SHIFTS = st.sampled_from([1, -1, 2, -2, 3, -3, 4, -4, 0])


# ---------------------------------------------------------------- values
def few(shape: Shape) -> Any:
    return hnp.arrays(np.float64, shape, elements=st.sampled_from(FEW))


def distinct(shape: Shape) -> Any:
    """No value twice."""
    values = 0.5 * np.arange(prod(shape)) - 1.25
    return SEEDS.map(lambda seed: np.random.default_rng(seed).permutation(values).reshape(shape))


def normal(shape: Shape) -> Any:
    return SEEDS.map(lambda seed: np.random.default_rng(seed).normal(size=shape))


def numbers(low: int, high: int, shape: Shape | Any) -> Any:
    """Integers, the last excluded."""
    return hnp.arrays(np.int64, shape, elements=st.integers(low, high - 1))


# ---------------------------------------------------------------- shapes and axes
@st.composite
def shapes(draw: Any, least: int = 0, most: int = 3, side: int = 3, empty: bool = True) -> Shape:
    """From ``least`` to ``most`` axes up to ``side`` long; now and then one is empty."""
    ndim = draw(st.sampled_from(sorted(range(least, most + 1), key=lambda n: abs(n - 2.1))))
    lengths = [draw(st.sampled_from([*range(side, 1, -1), 1])) for _ in range(ndim)]
    if empty and ndim and draw(SELDOM):
        lengths[draw(st.integers(0, ndim - 1))] = 0
    return tuple(lengths)


def arrays(values: Callable[[Shape], Any] = distinct, *args: Any, **of_shapes: Any) -> Any:
    return shapes(*args, **of_shapes).flatmap(values)


def one(ndim: int) -> Any:
    """An axis, the last one most often."""
    return st.sampled_from([a for n in range(ndim, 0, -1) for a in (n - 1, -n)])


def one_or_none(ndim: int) -> Any:
    return st.one_of(one(ndim), st.none()) if ndim else st.none()


def some(ndim: int) -> Any:
    """Several axes, as a tuple."""
    counts = st.sampled_from([n for n in (2, 3, 1) if n <= ndim])
    signed = st.permutations([(a, a - ndim)[a % 2] for a in range(ndim)])
    return st.tuples(counts, signed).map(lambda drawn: tuple(drawn[1][: drawn[0]]))


def any_axes(ndim: int) -> Any:
    """None, an axis, or several."""
    return st.one_of(some(ndim), one(ndim), st.none()) if ndim else st.none()


@st.composite
def along(
    draw: Any,
    axis: Callable[[int], Any],
    values: Callable[[Shape], Any] = few,
    least: int = 0,
    empty: bool = True,
    **options: Any,
) -> Any:
    """Calls with an array, an axis and further options."""
    x = draw(arrays(values, least, empty=empty))
    chosen = {name: draw(strategy) for name, strategy in options.items()}
    return [x], {"axis": draw(axis(x.ndim))} | chosen


@st.composite
def unary(draw: Any, options: Callable[[Shape], Any], least: int = 0, **of_shapes: Any) -> Any:
    """Calls with an array, and options that depend on its shape: a dict of strategies."""
    x = draw(arrays(distinct, least, **of_shapes))
    return [x], {name: draw(strategy) for name, strategy in options(x.shape).items()}


@st.composite
def rearranged(draw: Any, shape: Shape) -> Shape:
    """A shape with as many elements, perhaps with one length left open."""
    n, found = prod(shape), []
    while n > 1 and draw(BOOLS):
        found.append(draw(st.sampled_from([m for m in range(1, n + 1) if n % m == 0])))
        n //= found[-1]
    found = draw(st.permutations([*found, n]))
    if prod(shape) and draw(BOOLS):
        found[draw(st.integers(0, len(found) - 1))] = -1
    return tuple(found)


# ---------------------------------------------------------------- indices
@st.composite
def basic(draw: Any, shape: Shape, backward: bool = True) -> Any:
    """Integers, slices, None and an ellipsis."""
    parts: list[Any] = []
    for n in shape[: draw(st.sampled_from(range(len(shape), -1, -1)))]:
        part = st.slices(n) if backward else forward(n)
        parts.append(draw(st.one_of(part, st.integers(-n, n - 1)) if n else part))
    if draw(BOOLS):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if draw(BOOLS):
        parts.append(...)
    return tuple(parts) if len(parts) != 1 or draw(BOOLS) else parts[0]


def forward(n: int) -> Any:
    """Slices with positive steps, the only ones of PyTorch."""
    end = st.one_of(st.none(), st.integers(-n, n))
    return st.builds(slice, end, end, st.sampled_from([None, 1, 2]))


@st.composite
def advanced(draw: Any, shape: Shape, repeats: bool = True) -> Any:
    """Arrays of integers or a mask, among slices, integers and None."""
    places = [i for i, n in enumerate(shape) if n]
    most = draw(st.sampled_from(range(len(places), 0, -1))) if places else 0
    arrays = draw(st.permutations(places))[:most] if repeats else places[:1]
    common = draw(st.sampled_from([(4,), (2, 3), (2,), (1,), (0,)]))
    parts: list[Any] = []
    for i, n in enumerate(shape):
        if i in arrays and repeats:
            own = draw(st.sampled_from([common, common[-1:], (1,)]))
            parts.append(draw(numbers(-n, n, own)))
        elif i in arrays:
            parts.append(np.array(draw(st.permutations(range(n)))[: draw(st.integers(1, n))]))
        else:
            part = forward(n)
            parts.append(draw(st.one_of(part, st.integers(-n, n - 1)) if n else part))
    if draw(BOOLS):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple(parts) if len(parts) != 1 or draw(BOOLS) else parts[0]


@st.composite
def masked(draw: Any, shape: Shape) -> Any:
    """A mask of all axes or the first ones, perhaps a slice or an integer before it."""
    start = draw(st.integers(0, min(1, len(shape) - 1)))
    stop = draw(st.sampled_from(range(len(shape), start, -1)))
    mask = draw(hnp.arrays(np.bool_, shape[start:stop]))
    if not start:
        return mask if draw(BOOLS) else (mask, ...)
    return draw(forward(shape[0])), mask


def indices(shape: Shape) -> Any:
    """Every kind of index; arrays of integers may have duplicates."""
    return st.one_of(basic(shape), advanced(shape), masked(shape)) if shape else basic(shape)


def indices_for_writing(shape: Shape) -> Any:
    """Without duplicates, of which NumPy and PyTorch keep one or the other."""
    if not shape:
        return st.just(...)
    return st.one_of(basic(shape, False), advanced(shape, repeats=False), masked(shape))


@st.composite
def at_axis(draw: Any, least: int = 1, whole: bool = False, repeats: bool = True) -> Any:
    """An array, an axis, and indices along it with the axes of the array.

    ``whole`` indices are as long along the other axes, and may count from the end.
    """
    x = draw(arrays(distinct, least, empty=False))
    axis = draw(one(x.ndim))
    shape = [n if whole else draw(st.sampled_from(range(n, 0, -1))) for n in x.shape]
    n = x.shape[axis]
    shape[axis] = draw(st.sampled_from(range(n + 2 if repeats else n, -1, -1)))
    if repeats:
        return x, axis, draw(numbers(-n if whole else 0, n, tuple(shape)))
    seed = np.random.default_rng(draw(SEEDS))
    order = np.argsort(seed.uniform(size=x.shape), axis=axis)
    return x, axis, np.take(order, np.arange(shape[axis]), axis=axis)


# ---------------------------------------------------------------- matrices
STACKS = st.sampled_from([(), (2,), (), (2, 1), (0,)])
SPECTRUM = [0.5, 1.0, 1.6, 2.5, 4.0]  # far from 0 and from each other


def _orthogonal(rng: Any, stack: Shape, n: int, plain: bool) -> Any:
    if plain:
        return np.zeros((*stack, n, n)) + np.eye(n)
    return np.linalg.qr(rng.normal(size=(*stack, n, n)))[0]


@st.composite
def matrices(draw: Any, kind: str = "", least: int = 1, most: int = 4, stacks: Any = STACKS) -> Any:
    """Well-conditioned, with singular values far from each other.

    ``kind`` is empty, ``square``, ``symmetric`` or ``positive`` (and symmetric).
    """
    stack = draw(stacks)
    lengths = st.sampled_from(range(most, least - 1, -1))
    m = draw(lengths)
    n = m if kind else draw(lengths)
    k = min(m, n)
    rng = np.random.default_rng(draw(SEEDS))
    plain = draw(SELDOM)  # diagonal
    values = rng.permuted(np.zeros((*stack, 1)) + SPECTRUM, axis=-1)[..., :k]
    u = _orthogonal(rng, stack, m, plain)
    if kind in ("symmetric", "positive"):
        signs = 1 if kind == "positive" else rng.choice([-1.0, 1.0], values.shape)
        return (u * (values * signs)[..., None, :]) @ np.swapaxes(u, -1, -2)
    v = _orthogonal(rng, stack, n, plain)
    return (u[..., :k] * values[..., None, :]) @ np.swapaxes(v, -1, -2)[..., :k, :]


def lone(values: Any, **options: Any) -> Any:
    """Calls with one input and options of their own."""
    return st.tuples(values.map(lambda x: [x]), st.fixed_dictionaries(options))


@st.composite
def products(draw: Any) -> list[Any]:
    """Operands of ``matmul``: vectors, matrices, stacks that broadcast."""
    n, m, p = (draw(LENGTHS) for _ in range(3))
    stacks = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3))
    x, y = stacks.input_shapes
    of_x = draw(st.sampled_from([(m,), (n, m), (*x, n, m)]))
    of_y = draw(st.sampled_from([(m,), (m, p), (*y, m, p)]))
    return [draw(normal(of_x)), draw(normal(of_y))]


# ---------------------------------------------------------------- sums over labels
@st.composite
def sums(draw: Any, broadcast: bool = True) -> tuple[str, list[Shape]]:
    """Subscripts of one to four operands, with shapes that fit: any grammar that NumPy takes."""
    labels = draw(st.permutations(list("abcXYZ")))[:5]
    length = {c: draw(st.integers(0, 3)) for c in labels}
    count = draw(st.integers(1, 4))
    terms = [draw(st.lists(st.sampled_from(labels), max_size=4)) for _ in range(count)]
    dots = [draw(st.integers(0, 2)) for _ in terms] if draw(BOOLS) else None
    around = [draw(st.integers(1, 3)) for _ in range(2)]
    shapes, texts = [], []
    for i, term in enumerate(terms):
        own = {c: 1 if broadcast and draw(st.integers(0, 5)) == 0 else length[c] for c in term}
        at = draw(st.integers(0, len(term)))
        shape = [own[c] for c in term]
        text = list(term)
        if dots is not None and (dots[i] or draw(BOOLS)):
            shape[at:at] = around[len(around) - dots[i] :]
            text.insert(at, "...")
        shapes.append(tuple(shape))
        texts.append("".join(text) if draw(BOOLS) else " ".join(text))
    subscripts = ",".join(texts)
    used = sorted({c for term in terms for c in term})
    if draw(BOOLS):
        out = draw(st.permutations(used))[: draw(st.integers(0, len(used)))]
        if "..." in subscripts:
            out.insert(draw(st.integers(0, len(out))), "...")
        subscripts += "->" + "".join(out)
    return subscripts, shapes


@st.composite
def einsums(draw: Any) -> list[Any]:
    subscripts, shapes = draw(sums())
    return [subscripts, *[draw(normal(shape)) for shape in shapes]]


@st.composite
def contractions(draw: Any) -> Any:
    """One operand or two, the result named, no dots."""
    length = {c: draw(LENGTHS) for c in "ijkl"}
    lists = st.lists(st.sampled_from("ijkl"), max_size=4)
    terms = ["".join(draw(lists)) for _ in range(draw(st.integers(1, 2)))]
    used = draw(st.permutations(sorted(set("".join(terms)))))
    out = "".join(used[: draw(st.integers(0, len(used)))])
    values = [draw(normal(tuple([length[c] for c in term]))) for term in terms]
    return values, {"subscripts": f"{','.join(terms)}->{out}"}
