"""Products of arrays: `einsum` and its kin, made of the op `contract`."""

from collections.abc import Sequence
from math import prod
from string import ascii_lowercase
from typing import Any

from . import backend
from ._subscripts import from_sublist, parse, path
from .backend import NUMBERS, Array
from .ops.arithmetic import multiply
from .ops.einsum import contract
from .ops.linalg import matmul
from .ops.rearrange import diagonal
from .ops.reduce import sum
from .ops.shape import reshape


def operands(name: str, *xs: Any) -> list[Any]:
    """Arrays and tensors as they are, lists as arrays beside them; numbers too if all are."""
    raw = [getattr(x, "_data", x) for x in xs]
    settled = backend.settle(name, raw, (True,) * len(raw), False)[2]
    made = [x if hasattr(x, "_node") else y for x, y in zip(xs, settled)]
    return made if any(hasattr(x, "shape") for x in made) else list(map(backend.from_python, made))


def _ndim(x: Any) -> int:
    return len(getattr(x, "shape", ()))


def _match(name: str, x: Array, y: Array, axes: Sequence[tuple[int, int]]) -> None:
    """Raise unless the axes that are summed together have the same lengths."""
    for i, j in axes:
        if x.shape[i] != y.shape[j]:
            raise ValueError(
                f"{name}: axis {i} of shape {tuple(x.shape)} and axis {j} of shape "
                f"{tuple(y.shape)} are summed together, but differ in length"
            )


def einsum(*args: Any) -> Any:
    """Sum products of operands over labelled axes (Einstein's convention).

    Parameters
    ----------
    *args
        Subscripts, then the operands: ``einsum("ij,jk->ik", x, y)``. Without ``->`` the result
        has the labels that occur once, in alphabetical order; ``...`` stands for further axes,
        which broadcast; a label twice in one operand takes its diagonal. Or each operand with a
        list of integers, and one for the result: ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        If the subscripts are malformed or do not fit the shapes.

    Notes
    -----
    Two operands are contracted by one matrix product; more of them two by two, the pair with the
    fewest multiplications first. An axis of length 1 broadcasts, as in NumPy.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> ad.einsum("ij,ij->i", x, x)
    tensor([ 5., 25.])
    >>> ad.einsum("ii", x)
    tensor(5.)
    """
    if args and not isinstance(args[0], str):
        inputs = [from_sublist(tuple(labels)) for labels in args[1::2]]
        result = f"->{from_sublist(tuple(args[-1]))}" if len(args) % 2 else ""
        args = (",".join(inputs) + result, *args[: len(args) - len(args) % 2 : 2])
    if len(args) < 2:
        raise ValueError("einsum: there are no operands; call einsum(subscripts, x, y)")
    xs = operands("einsum", *args[1:])
    terms, output = parse(args[0], tuple([_ndim(x) for x in xs]))
    # Python numbers have no labels, and as factors of the result they do not widen its dtype.
    numbers = [x for x in xs if type(x) in NUMBERS]
    labelled = [(x, term) for x, term in zip(xs, terms) if type(x) not in NUMBERS]
    xs, terms = [x for x, _ in labelled], tuple([term for _, term in labelled])
    for places, subscripts in path(terms, output, tuple([tuple(x.shape) for x in xs])):
        pair = [xs[i] for i in places]
        xs = [x for i, x in enumerate(xs) if i not in places]
        xs.append(contract(*pair, subscripts=subscripts))
    return multiply(xs[0], prod(numbers)) if numbers else xs[0]


def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """Sum products over several axes.

    Parameters
    ----------
    x, y : array
    axes : int or pair
        How many of the last axes of ``x`` are summed with as many of the first of ``y``; or the
        axes of ``x`` and those of ``y``, each an int or a sequence.

    Returns
    -------
    array
        With the other axes of ``x``, then those of ``y``.

    Raises
    ------
    ValueError
        If axes that are summed together differ in length.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.tensordot(ad.ones((2, 3)), ad.ones((4, 3)), axes=(1, 1)).shape
    (2, 4)
    """
    x, y = operands("tensordot", x, y)
    n, m = _ndim(x), _ndim(y)
    if isinstance(axes, int):
        if not 0 <= axes <= min(n, m):
            raise ValueError(f"tensordot: axes={axes}, but the operands have {n} and {m} axes")
        of_x, of_y = list(range(n - axes, n)), list(range(axes))
    else:
        of_x, of_y = ([a] if isinstance(a, int) else list(a) for a in axes)
    if len(of_x) != len(of_y):
        raise ValueError(f"tensordot: {len(of_x)} axes of x and {len(of_y)} of y are paired")
    for ndim, found in ((n, of_x), (m, of_y)):
        if wrong := [a for a in found if not -ndim <= a < ndim]:
            raise ValueError(f"tensordot: there is no axis {wrong[0]} among {ndim}")
    if not (n and m):
        return multiply(x, y)
    _match("tensordot", x, y, list(zip(of_x, of_y)))
    left = [chr(ord("A") + i) for i in range(n)]
    right = [chr(ord("a") + i) for i in range(m)]
    for i, j in zip(of_x, of_y):
        right[j] = left[i]
    shared = {left[i] for i in of_x}
    rest = "".join(c for c in left + right if c not in shared)
    return contract(x, y, f"{''.join(left)},{''.join(right)}->{rest}")


def dot(x: Any, y: Any) -> Any:
    """Sum products over the last axis of ``x`` and the last but one of ``y``, as NumPy's ``dot``.

    Of vectors it is their inner product, of matrices their product; a 0-d operand multiplies.
    For stacks of matrices `matmul` is what is usually meant.
    """
    x, y = operands("dot", x, y)
    if not (_ndim(x) and _ndim(y)):
        return multiply(x, y)
    return matmul(x, y) if _ndim(y) <= 2 else tensordot(x, y, (-1, -2))


def inner(x: Any, y: Any) -> Any:
    """Sum products over the last axes: ``sum(x[i, :] * y[j, :])`` for all ``i`` and ``j``."""
    x, y = operands("inner", x, y)
    return tensordot(x, y, (-1, -1)) if _ndim(x) and _ndim(y) else multiply(x, y)


def outer(x: Any, y: Any) -> Any:
    """Every element of ``x`` times every element of ``y``, both flattened."""
    x, y = (x if _ndim(x) else [x] if type(x) in NUMBERS else x for x in (x, y))
    x, y = operands("outer", x, y)
    return multiply(reshape(x, (-1, 1)), reshape(y, (1, -1)))


def vecdot(x: Any, y: Any, axis: int = -1) -> Any:
    """The dot product of vectors along an axis; the other axes broadcast.

    Parameters
    ----------
    x, y : array
    axis : int
        Counted after broadcasting, so better from the end.

    Raises
    ------
    ValueError
        If the vectors differ in length.
    """
    x, y = operands("vecdot", x, y)
    axis = axis if axis < 0 else axis - max(_ndim(x), _ndim(y))
    if not -min(_ndim(x), _ndim(y)) <= axis < 0:
        raise ValueError(
            f"vecdot: shapes {getattr(x, 'shape', ())} and {getattr(y, 'shape', ())} do not both "
            f"have the axis {axis}"
        )
    _match("vecdot", x, y, [(axis, axis)])
    last = ascii_lowercase[:-axis]
    return einsum(f"...{last},...{last}->...{last[1:]}", x, y)


def kron(x: Any, y: Any) -> Any:
    """The Kronecker product: ``y`` times each element of ``x``, laid out in blocks."""
    x, y = operands("kron", x, y)
    n = max(_ndim(x), _ndim(y))
    of_x, of_y = ((1,) * (n - _ndim(z)) + tuple(getattr(z, "shape", ())) for z in (x, y))
    if not (_ndim(x) and _ndim(y)):
        return multiply(x, y)
    x = reshape(x, tuple(m for length in of_x for m in (length, 1)))
    y = reshape(y, tuple(m for length in of_y for m in (1, length)))
    return reshape(multiply(x, y), tuple(a * b for a, b in zip(of_x, of_y)))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal of two axes."""
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)
