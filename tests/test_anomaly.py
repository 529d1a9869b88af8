"""The op at which a gradient stops being finite is found, with its line."""

import numpy as np
import pytest

import autodiff as ad


def leaf(data, **how):
    return ad.tensor(np.asarray(data, dtype=np.float64), requires_grad=True, **how)


def test_the_op_the_operand_and_the_line_are_named():
    x = leaf([4.0, 0.0])
    with ad.detect_anomaly():
        y = ad.sqrt(x).sum()  # this line
        with (
            np.errstate(divide="ignore"),
            pytest.raises(FloatingPointError, match="sqrt turned .* into inf .*'x'.*# this line"),
        ):
            y.backward()
    assert x.grad is None


def test_the_first_op_is_blamed_not_those_after_it():
    """0 * inf: the product is where a finite gradient becomes NaN, far from the loss."""
    x = leaf(0.0)
    with ad.detect_anomaly(), np.errstate(all="ignore"):
        loss = ad.exp((1.0 / x) * x * 2.0)
        with pytest.raises(FloatingPointError, match="turned a finite gradient into nan") as error:
            loss.backward()
    assert "1.0 / x" in str(error.value)


def test_an_incoming_gradient_is_not_blamed_on_an_op():
    x = leaf([1.0, 2.0])
    with ad.detect_anomaly():
        y = x * 2.0
        with pytest.raises(FloatingPointError, match="that backward was given.*holds nan"):
            y.backward(np.array([1.0, np.nan]))


def test_scalars_several_outputs_and_higher_derivatives():
    s = ad.Scalar(0.0)
    with ad.detect_anomaly():
        with pytest.raises(FloatingPointError, match="sqrt turned"):
            ad.sqrt(s).backward()
        m = leaf([[2.0, 1.0], [1.0, 3.0]])
        ad.linalg.slogdet(m)[1].backward()
        x = leaf(0.0)
        with np.errstate(all="ignore"):
            first = ad.gradients(x**1.5, x, create_graph=True)
            with pytest.raises(FloatingPointError, match="power turned .* into inf"):
                first.backward()


def test_finite_gradients_pass_and_outside_nothing_is_checked():
    x = leaf([1.0, 4.0])
    with ad.detect_anomaly():
        ad.sqrt(x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [0.5, 0.25])
    zero = leaf(0.0)
    with np.errstate(divide="ignore"):
        ad.sqrt(zero).backward()
    assert zero.grad.item() == np.inf


def test_a_write_names_both_lines():
    x = leaf([1.0, 2.0])
    with ad.detect_anomaly():
        y = x * 1.0
        z = y * y  # saved here
        y[0] = 0.0  # written here
        with pytest.raises(RuntimeError, match="(?s)# saved here.*saved 'y'.*# written here"):
            z.sum().backward()


def test_other_modes_and_observers_go_on():
    seen, nodes = [], []
    x = leaf([1.0, 2.0])
    with ad.tap(lambda node, out: nodes.append(node)), ad.detect_anomaly():
        with ad.no_grad(), ad.enable_grad():
            y = (x * x).sum()
        y.backward(observe=lambda node, g, pulled: seen.append(node))
    assert len(nodes) == 2 and len(seen) == 3
