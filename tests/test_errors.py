"""Bad input: each error names what is at fault and the remedy."""

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff._spellings import HERE


def leaf(values):
    return ad.tensor(values, requires_grad=True)


def test_mismatched_shapes_name_the_op_and_the_shapes():
    with pytest.raises(ValueError, match=r"add: .*\(2,\).*\(3,\)"):
        leaf([1.0, 2.0]) + leaf([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"matmul: .*\(2, 3\).*\(2, 3\)"):
        leaf(np.ones((2, 3))) @ np.ones((2, 3))
    with pytest.raises(ValueError, match=r"matmul: .*\(2, 3\).*\(2, 3\)"):
        ad.tensor(np.ones((2, 3))) @ np.ones((2, 3))  # nothing recorded
    with pytest.raises(ValueError, match=r"reshape: .*\(2,\)"):
        leaf([1.0, 2.0]).reshape(3)


def test_integers_have_no_gradient():
    with pytest.raises(TypeError, match="int64 cannot require a gradient.*astype"):
        ad.tensor([1, 2], requires_grad=True)
    with pytest.raises(TypeError, match="bool cannot require"):
        ad.tensor([True]).requires_grad_()
    assert not ad.tensor([1.5], requires_grad=True).astype(ad.int64).requires_grad


def test_backward_needs_a_single_element_or_a_seed():
    with pytest.raises(RuntimeError, match=r"shape \(2,\) has no single gradient.*sum\(\)"):
        (leaf([1.0, 2.0]) * 2).backward()
    with pytest.raises(ValueError, match=r"gradient of shape \(3,\) for a tensor of shape \(2,\)"):
        (leaf([1.0, 2.0]) * 2).backward(np.ones(3))


def test_backward_of_a_constant():
    with pytest.raises(RuntimeError, match="does not require a gradient.*no_grad"):
        ad.tensor(1.0).backward()
    with pytest.raises(RuntimeError, match="does not require"):
        ad.gradients(ad.tensor(1.0), leaf(1.0))


def test_mixed_devices_name_the_op_and_both():
    x, y = leaf([1.0]), ad.tensor([1.0], device="strict")
    for a, b in ((x, y), (y, x), (x.detach(), y)):
        with pytest.raises(ValueError, match='multiply: operands on different devices, .*"'):
            a * b
    with pytest.raises(ValueError, match="concatenate: operands on different devices"):
        ad.concatenate([x, y])


def test_unknown_device():
    for name in ("gpu", "cuda:x", "cpu:1", ""):
        with pytest.raises(ValueError, match="unknown device"):
            ad.tensor([1.0], device=name)
    with pytest.raises(ValueError, match="unknown device"):
        ad.set_default_device("tpu")


def test_no_gpu_says_what_to_install():
    try:
        import cupy  # noqa: F401

        pytest.skip("CuPy is installed")
    except ImportError:
        pass
    with pytest.raises(RuntimeError, match="pip install.*cuda13.*cpu"):
        ad.tensor([1.0], device="cuda")


def test_not_an_array():
    with pytest.raises(TypeError, match="add: .*object is not an array"):
        leaf([1.0]) + object()
    with pytest.raises((TypeError, ValueError)):
        ad.tensor([[1.0], [1.0, 2.0]])
    assert (ad.tensor([1.0]) == None) is False  # noqa: E711


def test_scalars_and_arrays_do_not_mix():
    with pytest.raises(TypeError, match="a Scalar goes with Scalars and numbers"):
        ad.Scalar(1.0) + np.ones(3)
    with pytest.raises(TypeError, match="Scalar"):
        ad.Scalar(1.0) * leaf([1.0])
    with pytest.raises(TypeError, match="Scalar"):
        leaf([1.0]) * ad.Scalar(1.0)
    with pytest.raises(TypeError, match="sum has no scalar mode"):
        ad.sum(ad.Scalar(1.0))


def test_numpy_of_a_recorded_tensor():
    x = leaf([1.0])
    for convert in (np.asarray, ad.Tensor.numpy, np.array):
        with pytest.raises(RuntimeError, match="detach"):
            convert(x)
    np.testing.assert_array_equal(np.asarray(x.detach()), [1.0])
    with pytest.raises(TypeError, match="cpu"):
        ad.tensor([1.0], device="strict").numpy()


def test_item_and_bool_of_several():
    with pytest.raises(ValueError, match=r"shape \(2,\) is not a single number"):
        ad.tensor([1.0, 2.0]).item()
    with pytest.raises(ValueError, match=r"truth value; .*any\(\)"):
        bool(ad.tensor([1.0, 2.0]) > 1)
    with pytest.raises(TypeError, match="no length"):
        len(ad.tensor(1.0))


def test_leaves_and_hooks():
    x = leaf([1.0])
    y = x * 2
    with pytest.raises(RuntimeError, match="detach"):
        y.requires_grad_(False)
    with pytest.raises(RuntimeError, match="only leaves"):
        y.register_post_accumulate_hook(print)
    with pytest.raises(RuntimeError, match="does not require"):
        ad.tensor(1.0).register_hook(print)
    with pytest.raises(ValueError, match=r"shape \(2,\) does not fit"):
        x.grad = np.ones(2)


def test_generated_code_has_its_own_names():
    """An option called as one of its variables would be overwritten, and computed with."""
    with pytest.raises(TypeError, match="op padded: mode is a name of the generated code"):

        @ad.op
        def padded(xp, x, /, mode):
            return x


def test_wrong_rules_are_found_when_declared_or_walked():
    with pytest.raises(TypeError, match="a rule names z"):

        @ad.op(x=lambda g, z: g)
        def unreadable(xp, x, /):
            return x

    with pytest.raises(TypeError, match="must be the only operand"):

        @ad.op
        def crowded(xp, x, /, *ys):
            return x

    @ad.op(x=lambda g: g[:1])
    def misshapen(xp, x, /):
        return x * 2

    with pytest.raises(RuntimeError, match="the derivative rule that made it is wrong"):
        misshapen(leaf([1.0, 2.0])).sum().backward()

    with pytest.raises(TypeError, match="scale is an option and has no derivative"):

        @ad.op(x=lambda g: g, scale=lambda g: g)
        def optional(xp, x, /, scale=1.0):
            return x * scale

    with pytest.raises(TypeError, match="its body needs operands, which end with /"):

        @ad.op
        def slashless(xp, x):
            return x


def test_a_rule_that_is_wrong_is_reported_by_element():
    @ad.op(x=lambda g, x: g * x)
    def half_wrong(xp, x, /):
        return x * x

    with pytest.raises(AssertionError, match=r"input 0\[1\]: -?\d.* by the rule, "):
        ad.gradcheck(half_wrong, ad.tensor([1.0, 2.0], dtype=ad.float64, requires_grad=True))


def test_a_rule_without_higher_derivatives_says_so():
    @ad.op(x=lambda g, xp: xp.deg2rad(g))
    def radians_(xp, x, /):
        return xp.deg2rad(x)

    x = leaf([1.0])
    radians_(x).sum().backward()
    with pytest.raises(AttributeError, match="xp.deg2rad is not an op"):
        ad.gradients(radians_(x).sum(), x, create_graph=True)


def test_a_failed_op_leaves_the_mode_as_it_was():
    with pytest.raises(ZeroDivisionError), ad.no_grad():
        1 / 0  # noqa: B018
    assert ad.is_grad_enabled()


def test_data_of_a_leaf_stays_a_float():
    x = leaf([1.0])
    with pytest.raises(TypeError, match="cannot become int64"):
        x.data = np.array([1])


def test_a_recorded_result_is_not_copied_with_its_graph():
    import copy

    with pytest.raises(RuntimeError, match="clone"):
        copy.deepcopy(leaf([1.0]) * 2)


def test_names_of_pytorch_are_translated():
    x = ad.ones((2, 3))
    with pytest.raises(AttributeError, match=r"'unsqueeze'; here it is ad.expand_dims\(x, axis\)$"):
        x.unsqueeze(0)
    with pytest.raises(AttributeError, match=r"^'Tensor' object has no attribute 'unsqeeze'$"):
        x.unsqeeze(0)
    x.requires_grad_()
    with pytest.raises(AttributeError, match="requires a gradient; use detach"):
        x.__cuda_array_interface__  # noqa: B018 - what a property says is not lost


@pytest.mark.parametrize("name", sorted(HERE))
def test_translations_run(name):
    x = ad.arange(1.0, 7.0).reshape(2, 3)
    assert not hasattr(x, name)
    if name in ("mm", "bmm", "matmul"):
        x = x[:, :2]
    values = {"ad": ad, "nn": nn, "x": x, "y": x, "mask": x > 1, "value": 5.0, "low": 1, "high": 2}
    values |= {"axis": -1, "k": 2, "number_of_parts": 3, "shape": (3, 2), "index": ad.arange(2)}
    if name == "expand":
        values["shape"] = (4, 2, 3)
    if name == "gather":
        values["index"] = ad.tensor([[0], [1]])
    exec(HERE[name], values)
