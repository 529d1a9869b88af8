"""Embeddings: what the table of modules cannot say."""

import numpy as np
import pytest

import autodiff as ad
import nn

F = nn.functional


@pytest.fixture
def table():
    return ad.tensor(np.arange(12.0).reshape(4, 3), requires_grad=True)


def test_repeated_rows_are_summed(table):
    F.embedding(ad.tensor([[1, 3], [3, 3]]), table).sum().backward()
    np.testing.assert_array_equal(table.grad.data, np.outer([0, 1, 0, 3], np.ones(3)))


def test_padding_is_looked_up_and_not_trained(table):
    out = F.embedding(ad.tensor([1, 3, 3]), table, padding_idx=-1)
    np.testing.assert_array_equal(out.data, table.data[[1, 3, 3]])
    out.sum().backward()
    np.testing.assert_array_equal(table.grad.data, np.outer([0, 1, 0, 0], np.ones(3)))


def test_the_layer_starts_with_zeros_for_the_padding():
    layer = nn.Embedding(5, 2, padding_idx=1, weight_init="ones")
    np.testing.assert_array_equal(layer.weight.data[:, 0], [1, 0, 1, 1, 1])


def test_gradients_by_frequency(table):
    F.embedding(ad.tensor([1, 3, 3]), table, scale_grad_by_freq=True).sum().backward()
    np.testing.assert_array_equal(table.grad.data, np.outer([0, 1, 0, 1], np.ones(3)))


def test_scale_gradient():
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    y = ad.REGISTRY["scale_gradient"](x, np.array([3.0, 0.0]))
    assert y.data.tolist() == [1.0, 2.0]
    y.sum().backward()
    assert x.grad.data.tolist() == [3.0, 0.0]


def test_the_norm_is_limited_in_place(table):
    before = table.data.copy()
    out = F.embedding(ad.tensor([3, 1, 3]), table, max_norm=1.0)
    np.testing.assert_allclose(np.linalg.norm(out.data, axis=1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(table.data[[0, 2]], before[[0, 2]])
    np.testing.assert_array_equal(table.data[[3, 1, 3]], out.data)


def test_the_largest_norm_is_limited(table):
    F.embedding(ad.tensor([3]), table, max_norm=2.0, norm_type=np.inf)
    np.testing.assert_allclose(table.data[3], [2 * 9 / 11, 2 * 10 / 11, 2], rtol=1e-6)


def test_a_limited_norm_is_a_write(table):
    """What was saved of the table before is noticed to be gone."""
    y = (table * table).sum()
    F.embedding(ad.tensor([3]), table, max_norm=1.0)
    with pytest.raises(RuntimeError, match="multiply saved .* written in place"):
        y.backward()


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_row_that_is_not_there(table, wrong):
    with pytest.raises(IndexError, match=rf"no row {wrong} in a table of 4.*from 0 to 3"):
        F.embedding(ad.tensor([0, wrong]), table)


def test_errors(table):
    words = ad.tensor([0, 1])
    with pytest.raises(TypeError, match="embedding: input must be integers, not float32"):
        F.embedding(ad.tensor([0.0]), table)
    with pytest.raises(ValueError, match=r"embedding: weight has shape \(3,\); .* a matrix"):
        F.embedding(words, table[0])
    with pytest.raises(ValueError, match="embedding: padding_idx=4 is none of the 4 rows"):
        F.embedding(words, table, padding_idx=4)
    with pytest.raises(ValueError, match="Embedding: padding_idx=-6 is none of the 5 rows"):
        nn.Embedding(5, 2, padding_idx=-6)
    with pytest.raises(ValueError, match=r"Embedding\(-1, 2\): sizes must not be negative"):
        nn.Embedding(-1, 2)
    with pytest.raises(ValueError, match=r"from_pretrained: embeddings of shape \(2,\)"):
        nn.Embedding.from_pretrained(words)


def test_from_pretrained(table):
    frozen = nn.Embedding.from_pretrained(table, padding_idx=0)
    assert not frozen.weight.requires_grad and frozen.padding_idx == 0
    assert frozen.weight.dtype == np.float64  # that of the vectors
    np.testing.assert_array_equal(frozen.weight.data, table.data)  # the padding too
    assert not np.shares_memory(frozen.weight.data, table.data)
    free = nn.Embedding.from_pretrained(table, freeze=False)
    free(ad.tensor([2])).sum().backward()
    assert free.weight.grad is not None and table.grad is None


def test_drawn_from_a_generator():
    one, two = [nn.Embedding(50, 40, generator=ad.random.Generator(3)) for _ in range(2)]
    np.testing.assert_array_equal(one.weight.data, two.weight.data)
    assert abs(one.weight.data.mean()) < 0.1 and abs(one.weight.data.std() - 1) < 0.1


def test_in_vmap(table):
    words = np.array([[0, 1], [3, 3]])
    out = ad.vmap(lambda i: F.embedding(i, table, padding_idx=3))(words)
    np.testing.assert_array_equal(out.data, table.data[words])


def test_one_hot():
    assert F.one_hot is ad.one_hot
