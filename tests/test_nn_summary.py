"""The table of a model: what it counts, and that it leaves no trace."""

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import REGISTRY
from nn import costs

from .table import registered


def cells(text):
    """The rows between the rules as lists of words, and the lines below."""
    head, table, totals = text.split("-\n")
    rows = [line.split("  ") for line in table.rstrip("-").splitlines()]
    return [[cell.strip() for cell in row if cell.strip()] for row in rows], totals.splitlines()


class Scaled(nn.Module):
    """Own parameters, an own product, a child that is called twice."""

    def __init__(self):
        self.mix = nn.Parameter(np.ones((3, 3), np.float32))
        self.inner = nn.Linear(3, 3, bias=False)

    def forward(self, x):
        return ad.einsum("bi,ij->bj", self.inner(self.inner(x)), self.mix)


def test_every_matrix_product_is_counted():
    products = {name for name in registered() if REGISTRY[name].traits.autocast == "low"}
    assert products == set(costs.COUNTS)


def test_rows_and_totals():
    model = nn.Sequential(Scaled(), nn.ReLU(), nn.Linear(3, 2))
    rows, totals = cells(model.summary((5, 3)))
    found = {row[0]: row[1:] for row in rows}
    assert found["0: Scaled"] == ["(5, 3)", "9", "60 B", "45"]  # the einsum keeps its input
    assert found["0.inner: Linear x2"] == ["(5, 3)", "9", "120 B", "90"]
    assert found["1: ReLU"] == ["(5, 3)", "0", "60 B", "0"]
    assert found["2: Linear"] == ["(5, 2)", "8", "0 B", "30"]  # keeps what the ReLU keeps
    assert totals == [
        "26 parameters",
        "104 B for parameters",
        "240 B kept for the backward pass",
        "165 multiply-adds forward",
    ]


def test_products_of_tensors_are_counted_wherever_they_are():
    class Products(nn.Module):
        def forward(self, x):
            y = ad.ones((4, 3)) @ ad.transpose(x, (1, 0))  # 4 x 5 of 3, x second
            return ad.matmul(y, ad.ones((2, 5, 1)))  # 2 x 4 of 5

    assert "(model): Products" in Products().summary((5, 3))
    rows, totals = cells(Products().summary((5, 3)))
    assert rows[0][-1] == str(4 * 5 * 3 + 2 * 4 * 5)


def test_recurrent_steps_are_counted():
    for kind, gates in ((nn.RNN, 1), (nn.LSTM, 4), (nn.GRU, 3)):
        rows, _ = cells(kind(5, 6).summary((7, 2, 5)))  # 7 steps of 2 sequences
        assert rows[0][-1] == f"{7 * 2 * (5 + 6) * 6 * gates:,}"


def test_frozen_parameters_and_buffers():
    model = nn.Sequential(nn.Linear(4, 3).requires_grad_(False), nn.Linear(3, 2))
    model[0].seen = nn.Buffer(np.zeros(2, np.float32))
    rows, totals = cells(model.summary((1, 4)))
    assert totals[:2] == ["23 parameters, of which 15 frozen", "100 B for parameters and buffers"]
    assert rows[0][-1] == "12"


def test_several_inputs_and_dtypes():
    class Pick(nn.Module):
        def forward(self, x, index):
            assert index.dtype == np.int64
            return ad.take(x, index, axis=0)

    assert "(2, 3)" in Pick().summary((5, 3), (2,), dtype=(None, ad.int64))
    with pytest.raises(ValueError, match="2 shapes and 3 dtypes"):
        Pick().summary((5, 3), (2,), dtype=(None, None, None))


def test_it_leaves_no_trace(device):
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).to(device)
    model.eval()
    model[1].train()
    with ad.no_grad():
        model.summary((5, 4))
    assert [m.training for m in model.modules()] == [False, False, True, False]
    assert not any(m._hooks for m in model.modules())
    assert all(p.grad is None and p.is_leaf for p in model.parameters())


def test_sizes():
    assert [nn.summary.size(n) for n in (0, 1023, 1024, 5 << 20, 3 << 30, 3 << 40)] == [
        "0 B", "1023 B", "1.0 KiB", "5.0 MiB", "3.0 GiB", "3072.0 GiB"
    ]  # fmt: skip
