"""Backward hooks of modules: when they run, what they see, what they may replace."""

import numpy as np
import pytest

import autodiff as ad
import nn


class Mix(nn.Module):
    """Two inputs, one of them optional for the result; two results."""

    def forward(self, x, y, use=True):
        return (x * y if use else x * 2.0), x + 1.0


def leaf(values):
    return ad.tensor(values, requires_grad=True, dtype=ad.float64)


def hooked(module, answer=lambda i, o: None):
    seen = []

    def hook(m, grad_input, grad_output):
        assert m is module
        seen.append((grad_input, grad_output))
        return answer(grad_input, grad_output)

    return seen, module.register_full_backward_hook(hook)


def test_it_sees_the_gradients_at_both_borders():
    layer = nn.Linear(3, 2).double()
    seen, handle = hooked(layer)
    x = leaf(np.ones((4, 3)))
    y = layer(x)
    assert not seen
    (y * 2).sum().backward()
    ((grad_input,), (grad_output,)) = seen[0]
    np.testing.assert_array_equal(grad_output.data, np.full((4, 2), 2.0))
    np.testing.assert_array_equal(grad_input.data, x.grad.data)
    handle.remove()
    layer(x).sum().backward()
    assert len(seen) == 1


def test_it_runs_once_for_several_inputs_and_results():
    mix = Mix()
    seen, _ = hooked(mix)
    x, y = leaf([2.0]), leaf([3.0])
    a, b = mix(x, y)
    (a + 10 * b).sum().backward()
    assert len(seen) == 1
    assert [g.item() for g in seen[0][0]] == [13.0, 2.0]
    assert [g.item() for g in seen[0][1]] == [1.0, 10.0]
    assert (x.grad.item(), y.grad.item()) == (13.0, 2.0)


def test_what_has_no_gradient_is_none():
    mix = Mix()
    seen, _ = hooked(mix)
    x, y = leaf([2.0]), leaf([3.0])
    mix(x, y, use=False)[0].sum().backward()
    assert seen[0][0][0].item() == 2.0 and seen[0][0][1] is None
    assert seen[0][1][0].item() == 1.0 and seen[0][1][1] is None
    mix(x, ad.tensor([1.0]))[0].sum().backward()
    assert seen[1][0][1] is None


def test_without_inputs_to_differentiate_it_runs_at_the_results():
    layer = nn.Linear(2, 1)
    seen, _ = hooked(layer)
    layer(ad.ones((1, 2))).sum().backward()
    assert seen[0][0] == (None,) and seen[0][1][0].item() == 1.0
    assert layer.weight.grad is not None
    _, _ = hooked(layer, lambda i, o: i)
    with pytest.raises(RuntimeError, match="no input of the module requires one"):
        layer(ad.ones((1, 2))).sum().backward()


def test_its_answer_replaces_the_gradients_of_the_inputs():
    layer = nn.Linear(2, 2)
    hooked(layer, lambda i, o: (i[0] * 0 + 7.0,))
    second, _ = hooked(layer)
    x = ad.ones((1, 2), requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.data.tolist() == [[7.0, 7.0]] and second[0][0][0].data.tolist() == [[7.0, 7.0]]
    hooked(layer, lambda i, o: (i[0], i[0]))
    with pytest.raises(ValueError, match="returned 2 gradients for 1 inputs"):
        layer(x).sum().backward()


def test_every_call_of_a_shared_module_counts():
    layer = nn.Linear(2, 2)
    seen, _ = hooked(layer)
    layer(layer(ad.ones((1, 2), requires_grad=True))).sum().backward()
    assert len(seen) == 2


def test_drawing_and_second_derivatives():
    layer = nn.Tanh()
    seen, _ = hooked(layer)
    x = leaf([0.5])
    y = layer(x).sum()
    ad.gradients(y, observe=lambda *a: None)
    assert not seen  # whoever only looks fires nothing
    (g,) = ad.gradients(y, [x], create_graph=True)
    g.backward()
    t = np.tanh(0.5)
    assert x.grad.item() == pytest.approx(-2 * t * (1 - t * t))


def test_a_result_that_is_no_tensor_is_refused():
    class Odd(nn.Module):
        def forward(self, x):
            return {"x": x}

    odd = Odd()
    hooked(odd)
    with pytest.raises(TypeError, match="Odd to return a tensor or a tuple, not dict"):
        odd(ad.ones(1))


@pytest.mark.parity
def test_as_pytorch_does():
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
    ).double()
    theirs.load_state_dict({k: torch.tensor(v.data) for k, v in ours.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((5, 3))
    found, expected = [], []
    for model, log in ((ours, found), (theirs, expected)):
        for module in model:
            module.register_full_backward_hook(
                lambda m, i, o, log=log: log.append((type(m).__name__, i[0], o[0]))
            )
    ours(ad.tensor(x)).sum().backward()
    theirs(torch.tensor(x)).sum().backward()
    assert [name for name, _, _ in found] == [name for name, _, _ in expected]
    for (_, a, b), (_, c, d) in zip(found, expected, strict=True):
        assert (a is None) == (c is None)
        if a is not None:
            np.testing.assert_allclose(a.data, c.numpy(), rtol=1e-12)
        np.testing.assert_allclose(b.data, d.numpy(), rtol=1e-12)
