"""Metrics: scikit-learn's numbers, and the same however a set is cut into batches."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
from nn import train as tr
from nn.train.tally import Tally

sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn, of the extra demos")

NAMES = {"precision": "precision_score", "recall": "recall_score", "f1": "f1_score"}


def scored(n, classes, seed, low=0):
    g = np.random.default_rng(seed)
    return g.normal(size=(n, classes)).astype("float32"), g.integers(low, classes, n)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("average", ["macro", "micro", "weighted", "each"])
@pytest.mark.parametrize("name", NAMES)
def test_of_the_confusion_matrix(name, average, classes):
    scores, labels = scored(40, classes, classes)
    said = scores.argmax(axis=1)
    theirs = getattr(sklearn, NAMES[name])(
        labels, said, average=None if average == "each" else average, zero_division=0.0,
        labels=np.arange(classes) if average == "each" else None,
    )  # fmt: skip
    mine = getattr(tr, name)(ad.tensor(scores), ad.tensor(labels), average=average)
    np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    matrix = tr.confusion_matrix(scores, labels)
    np.testing.assert_array_equal(
        matrix, sklearn.confusion_matrix(labels, said, labels=np.arange(classes))
    )


@pytest.mark.parametrize("zero", [0.0, 1.0])
def test_absent_classes(zero):
    scores = np.eye(4)[[0, 0, 1, 1]]
    labels = np.array([0, 1, 0, 2])  # class 3 neither is nor is said; 2 is never said
    said = scores.argmax(axis=1)
    for name, theirs in NAMES.items():
        for average in ("macro", "weighted"):
            expected = getattr(sklearn, theirs)(labels, said, average=average, zero_division=zero)
            got = getattr(tr, name)(scores, labels, average=average, zero_division=zero)
            assert math.isclose(got, expected), (name, average)


@pytest.mark.parametrize("shape", [(30,), (30, 1)])
def test_two_classes_with_one_score(shape):
    g = np.random.default_rng(0)
    scores, labels = g.normal(size=shape), g.integers(0, 2, 30)
    said = scores.reshape(-1) > 0
    assert tr.accuracy(scores, labels) == sklearn.accuracy_score(labels, said)
    for name, theirs in NAMES.items():
        assert math.isclose(
            getattr(tr, name)(scores, labels), getattr(sklearn, theirs)(labels, said)
        )
    chances = 1 / (1 + np.exp(-scores))
    assert tr.accuracy(chances, labels, threshold=0.5) == tr.accuracy(scores, labels)


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_top_k(k):
    scores, labels = scored(50, 6, k)
    expected = (
        1.0 if k == 6 else sklearn.top_k_accuracy_score(labels, scores, k=k, labels=np.arange(6))
    )
    assert math.isclose(tr.top_k(scores, labels, k=k), expected)


def test_of_equal_scores_the_first_class_is_the_better():
    ties = np.zeros((3, 3))
    assert tr.accuracy(ties, np.array([0, 1, 2])) == 1 / 3
    assert tr.top_k(ties, np.array([0, 1, 2]), k=2) == 2 / 3


def test_more_axes_and_targets_left_out():
    g = np.random.default_rng(1)
    scores, labels = g.normal(size=(4, 3, 5, 6)), g.integers(0, 3, (4, 5, 6))
    flat = np.moveaxis(scores, 1, -1).reshape(-1, 3)
    assert tr.accuracy(scores, labels) == tr.accuracy(flat, labels.reshape(-1))
    some = np.where(g.random(labels.shape) < 0.3, -100, labels)
    kept = some.reshape(-1) >= 0
    expected = tr.f1(flat[kept], labels.reshape(-1)[kept])
    assert math.isclose(tr.f1(scores, some, ignore_index=-100), expected)
    expected = tr.accuracy(flat[kept], labels.reshape(-1)[kept])
    assert tr.accuracy(scores, some, ignore_index=-100) == expected


def test_numbers():
    g = np.random.default_rng(2)
    said, true = g.normal(size=(2, 40, 3)) + 1e4
    assert math.isclose(tr.mae(said, true), sklearn.mean_absolute_error(true, said))
    assert math.isclose(tr.mse(said, true), sklearn.mean_squared_error(true, said))
    assert math.isclose(tr.r2(said[:, 0], true[:, 0]), sklearn.r2_score(true[:, 0], said[:, 0]))


EXACT = {
    "accuracy": tr.accuracy, "top_k": functools.partial(tr.top_k, k=2), "f1": tr.f1,
    "confusion_matrix": tr.confusion_matrix,
}  # fmt: skip


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 99))
def test_the_same_in_any_batches(sizes, seed):
    scores, labels = scored(sum(sizes), 4, seed)
    said, true = scores[:, 0] + 1e3, scores[:, 1] + 1e3
    ends = np.cumsum(sizes)[:-1]
    classes, numbers = Tally(EXACT), Tally({"mae": tr.mae, "mse": tr.mse, "r2": tr.r2})
    for s, y in zip(np.split(scores, ends), np.split(labels, ends)):
        classes.add(1.0, len(s), ad.tensor(s), ad.tensor(y))
    for a, b in zip(np.split(said, ends), np.split(true, ends)):
        numbers.add(1.0, len(a), ad.tensor(a), ad.tensor(b))
    found = classes.results()
    for name, function in EXACT.items():
        np.testing.assert_array_equal(found[name], function(scores, labels))
    assert math.isclose(numbers.results()["mae"], tr.mae(said, true), rel_tol=1e-12)
    r2 = tr.r2(said, true)
    np.testing.assert_allclose(numbers.results()["r2"], r2, rtol=1e-9)


def test_of_nothing():
    empty = np.zeros((0, 3)), np.zeros(0, int)
    assert math.isnan(tr.accuracy(*empty)) and math.isnan(tr.f1(*empty))
    assert math.isnan(tr.r2(np.zeros(0), np.zeros(0))) and math.isnan(tr.r2([1.0, 2.0], [3.0, 3.0]))
    assert Tally(EXACT).results()["loss"] != 0


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: tr.accuracy(np.zeros((3, 2)), np.zeros(4, int)), ValueError, r"\(3, 2\).*\(4,\)"),
        (lambda: tr.accuracy(np.zeros((3, 2)), np.zeros(3)), TypeError, "argmax"),
        (lambda: tr.top_k(np.zeros((3, 2)), np.zeros(3, int), k=3), ValueError, "k=3 of 2"),
        (lambda: tr.confusion_matrix(np.zeros((3, 2)), np.full(3, 2)), ValueError, "3 targets"),
        (lambda: tr.f1(np.zeros((3, 2)), np.full(3, -1)), ValueError, "3 targets"),
        (lambda: tr.f1(np.zeros((3, 3)), np.zeros(3, int), average="binary"), ValueError, "binary"),
        (lambda: tr.mse(np.zeros((3, 1)), np.zeros(3)), ValueError, r"\(3, 1\).*\(3,\)"),
    ],
)
def test_bad_input(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
