"""Containers are taken apart and put together again."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest

import autodiff as ad
from autodiff import _tree

Pair = namedtuple("Pair", "first second")


@dataclass(frozen=True, slots=True)
class Frozen:
    a: object
    b: object


@dataclass
class Derived:
    a: object
    twice: object = field(init=False)

    def __post_init__(self):
        self.twice = (self.a, self.a)


TREES = [
    1,
    None,
    [],
    (),
    {},
    [1, (2, 3), {"b": 4, "a": 5}],
    Pair(1, Pair(2, [3])),
    OrderedDict(z=1, a=(None, 2)),
    Frozen(1, {"x": 2}),
    [None, (), {"k": []}, "text"],
]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_round_trip(tree):
    leaves, spec = _tree.flatten(tree)
    again = spec.unflatten(leaves)
    assert again == tree and type(again) is type(tree)
    assert spec.count == len(leaves) == len(spec.paths())
    assert _tree.flatten(again) == (leaves, spec)


def test_dict_order_and_paths():
    leaves, spec = _tree.flatten({"b": 1, "a": [2, Pair(3, Frozen(4, 5))]})
    assert leaves == [1, 2, 3, 4, 5]
    assert spec.paths() == [
        ("b",), ("a", 0), ("a", 1, "first"), ("a", 1, "second", "a"), ("a", 1, "second", "b"),
    ]  # fmt: skip
    assert list(spec.unflatten(leaves)) == ["b", "a"]


def test_dataclasses_are_rebuilt_from_their_fields_alone():
    leaves, spec = _tree.flatten(Derived(1))
    assert leaves == [1, 1, 1]
    made = spec.unflatten([7, 8, 9])
    assert (made.a, made.twice) == (7, (8, 9))


def test_tensors_arrays_and_modules_are_leaves():
    values = [ad.tensor([1.0, 2.0]), np.ones(3), ad.Scalar(1.0), "s", Frozen]
    leaves, _ = _tree.flatten(values)
    assert all(x is y for x, y in zip(leaves, values, strict=True))


def test_depth_does_not_matter():
    tree = 1
    for _ in range(100_000):
        tree = [tree]
    leaves, spec = _tree.flatten(tree)
    again = spec.unflatten([2])
    depth = 0
    while isinstance(again, list):
        (again,), depth = again, depth + 1
    assert (leaves, again, depth) == ([1], 2, 100_000)
    while isinstance(tree, list):  # freeing it all at once would recurse in C
        (tree,) = tree


def test_specs_tell_structures_apart():
    specs = [_tree.flatten(tree)[1] for tree in TREES]
    assert all((a == b) == (i == j) for i, a in enumerate(specs) for j, b in enumerate(specs))


def test_tree_map():
    assert _tree.tree_map(lambda x, y: x + y, {"a": [1, 2]}, {"a": [10, 20]}) == {"a": [11, 22]}
    with pytest.raises(ValueError, match=r"containers differ: \[1\] and \(1, array\(2,\)\)"):
        _tree.tree_map(lambda x, y: x, [1], (1, np.ones(2)))


def test_spread():
    tree = ({"a": 1, "b": [2, 3]}, 4)
    assert _tree.spread(0, tree, "axes") == [0, 0, 0, 0]
    assert _tree.spread(({"b": [0, None], "a": 1}, None), tree, "axes") == [1, 0, None, None]
    assert _tree.spread([None, 2], tree, "axes") == [None, None, None, 2]
    with pytest.raises(ValueError, match="axes=\\(0,\\) does not fit"):
        _tree.spread((0,), tree, "axes")
    with pytest.raises(ValueError, match="keys"):
        _tree.spread(({"a": 1, "c": 0}, 0), tree, "axes")
