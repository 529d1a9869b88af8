"""Subscripts of einsum: what they say, and how a product of two operands is computed.

Only strings and shapes here, no arrays. The answers are cached: a training loop asks the same
questions at every step.
"""

from collections import Counter
from functools import lru_cache
from itertools import combinations
from math import prod
from string import ascii_letters
from typing import NamedTuple

Shape = tuple[int, ...]


def from_sublist(labels: tuple[object, ...]) -> str:
    """The letters of an operand's labels given as integers (and ``Ellipsis``)."""
    found = []
    for label in labels:
        if label is Ellipsis:
            found.append("...")
        elif isinstance(label, int) and 0 <= label < 52:
            found.append(chr((ord("A") if label < 26 else ord("a") - 26) + label))
        else:
            raise ValueError(f"einsum: a label is an integer from 0 to 51 or ..., not {label!r}")
    return "".join(found)


@lru_cache(4096)
def parse(subscripts: str, ndims: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """The labels of each operand and of the result; ``...`` and an absent result spelled out."""
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: {subscripts!r} has {len(terms)} operands, {len(ndims)} given")
    letters = [term.replace("...", "", 1) for term in (*terms, output)]
    for term, own in zip((*terms, output), letters):
        if wrong := set(own) - set(ascii_letters):
            raise ValueError(
                f"einsum: {min(wrong)!r} in {term!r} of {subscripts!r}; labels are letters, with "
                "one '...' at most"
            )
    *letters, of_output = letters
    lengths = [n - len(own) for n, own in zip(ndims, letters)]
    for i, (term, length, n) in enumerate(zip(terms, lengths, ndims)):
        if length < 0 or (length and "..." not in term):
            raise ValueError(
                f"einsum: operand {i} has {n} axes, which {term!r} of {subscripts!r} does not fit"
            )
    free = [c for c in ascii_letters if c not in text] + [chr(0x100 + i) for i in range(64)]
    dots = "".join(free[: max(lengths)])  # aligned at the right, as in broadcasting
    terms = [t.replace("...", dots[len(dots) - n :]) for t, n in zip(terms, lengths)]
    if not arrow:
        once = Counter("".join(letters))
        return tuple(terms), dots + "".join(sorted(c for c in once if once[c] == 1))
    if dots and "..." not in output:
        raise ValueError(f"einsum: {subscripts!r} drops the axes under '...'; add it to the result")
    if unknown := set(of_output) - set("".join(letters)):
        raise ValueError(f"einsum: {subscripts!r}: no operand has the label {min(unknown)!r}")
    if len(set(of_output)) < len(of_output):
        raise ValueError(f"einsum: {subscripts!r} has a label twice in its result")
    return tuple(terms), output.replace("...", dots)


@lru_cache(4096)
def sizes(terms: tuple[str, ...], shapes: tuple[Shape, ...]) -> dict[str, int]:
    """The length of each label; an axis of length 1 broadcasts against the other operands."""
    found: dict[str, int] = {}
    for i, (term, shape) in enumerate(zip(terms, shapes)):
        own: dict[str, int] = {}
        for label, n in zip(term, shape):
            if own.setdefault(label, n) != n:
                raise ValueError(
                    f"einsum: {label!r} is twice in {term!r}, on axes of lengths {own[label]} and "
                    f"{n} of operand {i}, of shape {shape}"
                )
        for label, n in own.items():
            other = found.get(label, 1)
            if other != 1 and n not in (1, other):
                raise ValueError(
                    f"einsum: label {label!r} has lengths {other} and {n}; the operands "
                    f"{', '.join(terms)} have shapes {', '.join(map(str, shapes))}"
                )
            found[label] = n if other == 1 else other
    return found


@lru_cache(4096)
def path(
    terms: tuple[str, ...], output: str, shapes: tuple[Shape, ...]
) -> tuple[tuple[tuple[int, ...], str], ...]:
    """Which operands to contract next, and by which subscripts: the cheapest pair each time.

    A result goes to the end of the list of operands. The cost of a pair is the number of its
    multiplications.
    """
    length = sizes(terms, shapes)
    left = list(terms)
    steps: list[tuple[tuple[int, ...], str]] = []
    while len(left) > 2:
        pairs = combinations(range(len(left)), 2)
        cost = {(i, j): prod(length[c] for c in {*left[i], *left[j]}) for i, j in pairs}
        i, j = min(cost, key=cost.__getitem__)
        y, x = left.pop(j), left.pop(i)
        made = "".join(c for c in dict.fromkeys(x + y) if c in output or c in "".join(left))
        steps.append(((i, j), f"{x},{y}->{made}"))
        left.append(made)
    steps.append((tuple(range(len(left))), f"{','.join(left)}->{output}"))
    return tuple(steps)


class Ready(NamedTuple):
    """How an operand is brought into form: diagonals, sums, a transposition, a reshape."""

    diagonals: tuple[tuple[int, int], ...]
    sums: tuple[int, ...]
    order: tuple[int, ...] | None
    shape: Shape


class Plan(NamedTuple):
    """How to contract one operand or two: the forms, whether to multiply, and what follows."""

    x: Ready
    y: Ready | None
    elementwise: bool
    shape: Shape
    order: tuple[int, ...] | None


def split(subscripts: str) -> tuple[list[str], str]:
    """The operands' labels and the result's, of subscripts with nothing left out."""
    inputs, _, output = subscripts.partition("->")
    return inputs.split(","), output


def _order(labels: str, wanted: str) -> tuple[int, ...] | None:
    """The transposition from one order to another; None if they are the same."""
    return None if labels == wanted else tuple(labels.index(c) for c in wanted)


def _ready(term: str, summed: set[str], wanted: str, shape: Shape) -> Ready:
    """``wanted``: the labels of the form; ``shape``: its lengths, some axes merged or added."""
    diagonals = []
    while repeated := [c for c in term if term.count(c) > 1]:
        i = term.index(repeated[0])
        j = term.index(repeated[0], i + 1)
        diagonals.append((i, j))
        term = term[:i] + term[i + 1 : j] + term[j + 1 :] + term[i]  # a diagonal goes last
    sums = tuple(i for i, c in enumerate(term) if c in summed)
    term = "".join(c for c in term if c not in summed)
    dropped = "".join(c for c in term if c not in wanted)  # of length 1: the reshape drops them
    return Ready(tuple(diagonals), sums, _order(term, wanted + dropped), shape)


@lru_cache(4096)
def plan(subscripts: str, x_shape: Shape, y_shape: Shape | None) -> Plan:
    """How to compute the contraction of one operand, or of two through one matrix product."""
    terms, output = split(subscripts)
    if y_shape is None:
        length = sizes(tuple(terms), (x_shape,))
        shape = tuple(length[c] for c in output)
        return Plan(
            _ready(terms[0], set(terms[0]) - set(output), output, shape), None, False, shape, None
        )
    x, y = terms
    length = sizes((x, y), (x_shape, y_shape))

    def own(term: str, shape: Shape) -> set[str]:
        """The labels that an operand has in full length."""
        return {c for c, n in zip(term, shape) if n == length[c]}

    in_x, in_y, kept = own(x, x_shape), own(y, y_shape), set(output)
    only_x, only_y = in_x - in_y - kept, in_y - in_x - kept
    both = "".join(c for c in dict.fromkeys(x) if c in in_x & in_y and c not in kept)
    if not both:
        first = "".join(c for c in output if c in in_x)
        second = "".join(c for c in output if c in in_y)
        return Plan(
            _ready(x, only_x, first, tuple(length[c] if c in in_x else 1 for c in output)),
            _ready(y, only_y, second, tuple(length[c] if c in in_y else 1 for c in output)),
            True,
            tuple(length[c] for c in output),
            None,
        )
    batch = "".join(c for c in output if c in in_x & in_y)
    rows = "".join(c for c in dict.fromkeys(x) if c in kept & in_x - in_y)
    columns = "".join(c for c in dict.fromkeys(y) if c in kept & in_y - in_x)

    def merged(*groups: str) -> Shape:
        return tuple(length[c] for c in batch) + tuple(prod(length[c] for c in g) for g in groups)

    made = batch + rows + columns
    return Plan(
        _ready(x, only_x, batch + rows + both, merged(rows, both)),
        _ready(y, only_y, batch + both + columns, merged(both, columns)),
        False,
        tuple(length[c] for c in made),
        _order(made, output),
    )


@lru_cache(4096)
def transposed(subscripts: str, which: int, x_shape: Shape, y_shape: Shape | None) -> str:
    """The labels, each once, in which the gradient of operand ``which`` can be contracted.

    What it has besides was summed alone, or was broadcast: there the gradient is constant.
    """
    terms, output = split(subscripts)
    shapes = [x_shape] if y_shape is None else [x_shape, y_shape]
    own, shape = terms[which], shapes[which]
    length = sizes(tuple(terms), tuple(shapes))
    others = {c: length[c] for c in output}
    if y_shape is not None:
        for c, n in zip(terms[1 - which], shapes[1 - which]):
            others[c] = max(others.get(c, 1), n) if c in output else n
    return "".join(dict.fromkeys(c for c, n in zip(own, shape) if others.get(c) == n))


class Spreading(NamedTuple):
    """How values spread over labels: a transposition, a reshape, masks of diagonals, the shape."""

    order: tuple[int, ...]
    shape: Shape
    diagonals: tuple[tuple[int, Shape], ...]


@lru_cache(4096)
def spreading(subscripts: str, shape: Shape) -> Spreading:
    """How to put an operand on the labels of ``shape``, which may be new or stand twice."""
    (labels,), target = split(subscripts)
    length = sizes((target,), (shape,))
    order = tuple(labels.index(c) for c in length if c in labels)
    first = {c: target.index(c) for c in length}
    once = tuple(length[c] if c in labels and first[c] == i else 1 for i, c in enumerate(target))
    diagonals = tuple(
        (length[c], tuple(length[c] if j in (i, first[c]) else 1 for j in range(len(target))))
        for i, c in enumerate(target)
        if i != first[c]
    )
    return Spreading(order, once, diagonals)
