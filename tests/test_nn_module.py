"""Modules: finding parts, scopes, hooks, moving, saving and loading."""

import copy
import gc
import warnings
import weakref

import numpy as np
import pytest

import autodiff as ad
import nn


class Block(nn.Module):
    """Parts set out of order, on purpose, and no call of ``super().__init__()``."""

    def __init__(self, size=2):
        self.inner = nn.Linear(size, size)
        self.running = nn.Buffer(np.zeros(size, np.float32))
        self.absent = None
        self.scale = nn.Parameter(np.ones(size, np.float32))
        self.scratch = nn.Buffer(np.zeros(1, np.int64), persistent=False)

    def forward(self, x):
        return self.inner(x) * self.scale


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2, bias=False)
        self.b = nn.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(self.a(x))


# ---------------------------------------------------------------- finding parts
def test_own_parameters_come_before_those_of_children():
    names = ["scale", "inner.weight", "inner.bias"]
    model = Block()
    assert [name for name, _ in model.named_parameters()] == names
    assert [name for name, _ in model.named_parameters("net")] == [f"net.{n}" for n in names]
    assert list(map(id, model.parameters())) == [id(p) for _, p in model.named_parameters()]
    assert list(model.state_dict()) == ["scale", "running", "inner.weight", "inner.bias"]
    assert [name for name, _ in model.named_buffers()] == ["running", "scratch"]


def test_a_shared_parameter_is_found_once_and_saved_under_both_names():
    model = Tied()
    assert [name for name, _ in model.named_parameters()] == ["a.weight"]
    assert list(model.state_dict()) == ["a.weight", "b.weight"]


def test_a_shared_module_is_found_once():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert [name for name, _ in model.named_modules()] == ["", "0", "1"]
    assert len(list(model.parameters())) == 2
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_a_deep_model_is_walked_without_recursion():
    model = nn.Linear(1, 1)
    for _ in range(3000):
        outer = nn.Module()
        outer.inner = model
        model = outer
    assert len(list(model.parameters())) == 2
    assert len(model.state_dict()) == 2


def test_parts_set_later_are_found():
    model = Block()
    model.absent = nn.Parameter([1.0])
    assert "absent" in dict(model.named_parameters())
    del model.inner
    assert list(dict(model.named_parameters())) == ["absent", "scale"]  # as first set


@pytest.mark.parametrize(
    "hidden",
    [
        [nn.Linear(1, 1)],
        (nn.Parameter([1.0]),),
        {"a": nn.Linear(1, 1)},
        [[nn.Linear(1, 1)]],
    ],
    ids=["list", "tuple", "dict", "nested"],
)
def test_a_plain_container_of_parts_warns_once(hidden):
    model = Block()
    model.layers = hidden
    with pytest.warns(UserWarning, match=r"Block\.layers.*nn\.ModuleList") as caught:
        assert len(list(model.parameters())) == 3
        list(model.parameters())
        model.state_dict()
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_plain_containers_of_other_things_do_not_warn():
    model = Block()
    model.sizes, model.table = [1, 2, [3]], {"a": np.ones(3)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(model.parameters())


def test_get_submodule():
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 3)), nn.ReLU())
    assert model.get_submodule("0.0") is model[0][0]
    assert model.get_submodule("") is model
    with pytest.raises(AttributeError, match=r"^0 has no submodule '7'; it has: 0$"):
        model.get_submodule("0.7")
    with pytest.raises(AttributeError, match=r"Sequential has no submodule 'x'"):
        model.get_submodule("x.0")


def test_registering_by_name():
    model = nn.Module()
    model.add_module("2", nn.Linear(1, 1))
    model.register_parameter("w", nn.Parameter([1.0]))
    model.register_parameter("none", None)
    model.register_buffer("mean", ad.tensor([1.0]))
    model.register_buffer("count", ad.tensor([1]), persistent=False)
    assert list(model.state_dict()) == ["w", "mean", "2.weight", "2.bias"]
    with pytest.raises(TypeError, match="'w' must be a Parameter or None, not Tensor"):
        model.register_parameter("w", ad.tensor([1.0]))
    with pytest.raises(KeyError, match="dot"):
        model.add_module("a.b", nn.ReLU())
    with pytest.raises(KeyError, match="already has an attribute 'forward'"):
        model.add_module("forward", nn.ReLU())


# ---------------------------------------------------------------- calling
def test_nodes_know_their_module_and_call():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    x = ad.ones((1, 2))
    model(x)
    y = model(x)
    relu = y.node
    linear = relu.parents[0]
    assert [relu.op.name, linear.op.name] == ["relu", "linear"]
    assert relu.scope.module() is model[1] and relu.scope.label == "ReLU"
    assert linear.scope.module() is model[0] and linear.scope.call == 1
    assert relu.scope.outer.module() is model and relu.scope.outer.outer is None
    assert model[0].weight.node.scope is None
    assert (y + 1).node.scope is None


def test_a_scope_ends_when_forward_raises():
    class Bad(nn.Module):
        def forward(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Bad()()
    assert (ad.ones(1, requires_grad=True) * 2).node.scope is None


def test_a_graph_does_not_keep_its_modules_alive():
    model = nn.Sequential(nn.Linear(2, 2))
    y, alive = model(ad.ones((1, 2))), weakref.ref(model)
    gc.disable()
    try:
        del model
        assert alive() is None  # and no cycle kept it either
    finally:
        gc.enable()
    assert y.node.scope.module() is None


def test_forward_must_be_defined():
    with pytest.raises(NotImplementedError, match=r"Module defines no forward"):
        nn.Module()(1)


def test_forward_hooks_see_and_replace_the_output():
    layer, seen = nn.Identity(), []
    first = layer.register_forward_hook(lambda m, args, out: seen.append((m, args, out)))
    second = layer.register_forward_hook(lambda m, args, out: out + 1)
    third = layer.register_forward_hook(lambda m, args, out: out * 10)
    assert layer(1) == 20
    assert seen == [(layer, (1,), 1)]
    second.remove()
    second.remove()
    assert layer(1) == 10
    first.remove()
    third.remove()
    assert layer(1) == 1 and len(seen) == 2


def test_what_a_hook_computes_is_in_the_modules_scope():
    layer = nn.Linear(1, 1)
    layer.register_forward_hook(lambda m, args, out: out * 2)
    assert layer(ad.ones((1, 1))).node.scope.module() is layer


# ---------------------------------------------------------------- changing all at once
def test_train_and_eval_reach_every_module():
    model = nn.Sequential(Block(), nn.ReLU())
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    model[0].train()
    assert [module.training for module in model.modules()] == [False, True, True, False]


def test_apply_visits_children_first():
    model, seen = nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.ReLU()), nn.Tanh()), []
    assert model.apply(lambda module: seen.append(type(module).__name__)) is model
    assert seen == ["Linear", "ReLU", "Sequential", "Tanh", "Sequential"]


def test_zero_grad_and_requires_grad():
    model = nn.Linear(2, 1)
    model(ad.ones((1, 2))).sum().backward()
    model.zero_grad(set_to_none=False)
    assert all((p.grad.data == 0).all() for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    model.requires_grad_(False)
    assert not model(ad.ones((1, 2))).requires_grad
    assert model.requires_grad_().weight.requires_grad


def test_casting_keeps_identity_and_integers_and_takes_gradients_along():
    model = Block()
    model(ad.ones((1, 2))).sum().backward()
    before = list(model.parameters())
    assert model.double() is model
    assert list(map(id, model.parameters())) == list(map(id, before))
    assert {p.dtype for p in before} == {p.grad.dtype for p in before} == {np.dtype("float64")}
    assert model.running.dtype == np.float64 and model.scratch.dtype == np.int64
    assert model(ad.ones((1, 2), dtype=ad.float64)).dtype == np.float64
    assert model.half().scale.dtype == np.float16 and model.float().scale.dtype == np.float32
    assert model.to(ad.float64).scale.dtype == np.float64
    with pytest.raises(TypeError, match="float dtype only, not to int64"):
        model.to(ad.int64)
    assert model.scale.dtype == np.float64


def test_moving(device):
    model = Block()
    model(ad.ones((1, 2))).sum().backward()
    weight = model.inner.weight
    values, grad = weight.data.copy(), weight.grad.data.copy()
    model.to(device)
    assert model.inner.weight is weight and weight.device.startswith(device)
    assert weight.grad.device == model.running.device == weight.device
    assert model(ad.ones((1, 2), device=device)).device == weight.device
    model.cpu()
    np.testing.assert_array_equal(weight.data, values)
    np.testing.assert_array_equal(weight.grad.data, grad)


def test_an_unknown_device_changes_nothing():
    model = Block()
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        model.to("gpu")
    assert model.inner.weight.device == "cpu"


# ---------------------------------------------------------------- saving and loading
def test_state_shares_memory_and_loads_back():
    model, other = Block(), Block()
    state = model.state_dict()
    assert all(type(t) is ad.Tensor and not t.requires_grad for t in state.values())
    assert np.shares_memory(state["scale"].data, model.scale.data)
    before = other.inner.weight
    assert other.load_state_dict(state) == ([], [])
    assert other.inner.weight is before
    for name, tensor in other.state_dict().items():
        np.testing.assert_array_equal(tensor.data, state[name].data)
        assert not np.shares_memory(tensor.data, state[name].data)


def test_loading_casts_and_takes_arrays():
    model = nn.Linear(2, 1)
    model.load_state_dict({"weight": np.array([[1.5, 2.5]]), "bias": [3]})
    assert model.weight.dtype == model.bias.dtype == np.float32
    assert model.weight.data.tolist() == [[1.5, 2.5]] and model.bias.data.tolist() == [3]


def test_loading_is_strict_about_names():
    model = nn.Linear(2, 1)
    state = {"weight": np.ones((1, 2)), "wait": np.ones(1)}
    with pytest.raises(KeyError, match=r"Linear: missing: bias; unexpected: wait"):
        model.load_state_dict(state)
    assert not (model.weight.data == 1).all()
    report = model.load_state_dict(state, strict=False)
    assert report.missing_keys == ["bias"] and report.unexpected_keys == ["wait"]
    assert (model.weight.data == 1).all()


def test_loading_names_every_misfit_and_loads_nothing():
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 2))
    before = {name: t.data.copy() for name, t in model.state_dict().items()}
    state = {name: np.ones_like(values) for name, values in before.items()}
    state["0.weight"], state["1.bias"] = np.ones((1, 3)), np.ones(3)
    with pytest.raises(ValueError, match=r"0\.weight: shape \(1, 3\).*1\.bias: shape \(3,\)"):
        model.load_state_dict(state)
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.data, before[name])


def test_floats_do_not_load_into_integers():
    model = Block()
    model.register_buffer("steps", ad.tensor(0))
    with pytest.raises(ValueError, match="steps: dtype float64 does not fit int64"):
        model.load_state_dict({"steps": np.array(1.5)}, strict=False)


def test_a_graph_recorded_before_loading_notices_nothing():
    """Loading gives parameters new memory: what was saved for a backward pass is untouched."""
    model = nn.Linear(2, 2)
    x = ad.ones((1, 2), requires_grad=True)
    y, weight = model(x).sum(), model.weight.data.copy()
    model.load_state_dict({"weight": np.zeros((2, 2)), "bias": np.zeros(2)})
    y.backward()
    np.testing.assert_array_equal(x.grad.data, weight.sum(0, keepdims=True))


def test_a_module_copies_deeply():
    model = Block()
    model(ad.ones((1, 2))).sum().backward()
    other = copy.deepcopy(model)
    assert other.scale is not model.scale and isinstance(other.scale, nn.Parameter)
    assert other.scale.requires_grad and other.scratch.persistent is False
    np.testing.assert_array_equal(other.scale.grad.data, model.scale.grad.data)
    other.scale.data[...] = 7
    assert (model.scale.data == 1).all()
    other(ad.ones((1, 2))).sum().backward()


# ---------------------------------------------------------------- functional_call
def test_functional_call_differentiates_what_it_is_given():
    model = nn.Linear(2, 1)
    weight = ad.tensor([[2.0, 3.0]], requires_grad=True)
    before = model.weight
    y = nn.functional_call(model, {"weight": weight}, ad.tensor([[1.0, 10.0]]))
    y.sum().backward()
    assert y.item() == 32 and weight.grad.data.tolist() == [[1.0, 10.0]]
    assert model.weight is before and before.grad is None


def test_functional_call_replaces_a_shared_parameter_everywhere():
    model = Tied()
    doubled = ad.tensor([[2.0, 0.0], [0.0, 2.0]])
    y = nn.functional_call(model, {"b.weight": doubled}, ad.ones((1, 2)))
    assert y.data.tolist() == [[4.0, 4.0]]
    assert model.a.weight is model.b.weight


def test_functional_call_puts_everything_back_after_an_error():
    model = Block()
    before = dict(model.named_parameters())
    with pytest.raises(ValueError):
        nn.functional_call(model, {"scale": ad.ones(2)}, ad.ones((1, 5)))
    assert dict(model.named_parameters()) == before
    with pytest.raises(KeyError, match=r"no parameter or buffer nope; it has: scale"):
        nn.functional_call(model, {"nope": ad.ones(2)}, ad.ones((1, 2)))
    assert nn.functional_call(model, {"scratch": ad.ones(1)}, ad.ones((1, 2))).shape == (1, 2)


# ---------------------------------------------------------------- containers
def test_module_list():
    layers = nn.ModuleList([nn.Linear(1, 2), nn.Linear(2, 3)])
    layers.append(nn.Linear(3, 4)).extend([nn.ReLU()])
    assert len(layers) == 4 and layers[-1] is list(layers)[3]
    layers.insert(1, nn.Tanh())
    assert [type(m).__name__ for m in layers] == ["Linear", "Tanh", "Linear", "Linear", "ReLU"]
    assert [name for name, _ in layers.named_children()] == list("01234")
    del layers[0]
    layers[0] = nn.Identity()
    assert [type(m).__name__ for m in layers[:2]] == ["Identity", "Linear"]
    assert isinstance(layers[1:], nn.ModuleList)
    assert [name for name, _ in layers[1:].named_children()] == list("012")
    with pytest.raises(IndexError, match="of 4 modules has no index 4"):
        layers[4]
    with pytest.raises(TypeError, match="must be a Module"):
        layers.append(3)


def test_sequential():
    model = nn.Sequential({"hidden": nn.Linear(2, 3), "act": nn.ReLU()})
    assert model.hidden is model[0]
    assert list(model.state_dict()) == ["hidden.weight", "hidden.bias"]
    x = ad.random.normal((4, 2))
    np.testing.assert_array_equal(model(x).data, ad.relu(model.hidden(x)).data)
    np.testing.assert_array_equal(model[:1](x).data, model.hidden(x).data)
    assert nn.Sequential()(x) is x


def test_module_dict():
    heads = nn.ModuleDict({"a": nn.Linear(1, 2)})
    heads["b"] = nn.ReLU()
    assert list(heads) == list(heads.keys()) == ["a", "b"] and len(heads) == 2
    assert "a" in heads and "c" not in heads
    assert dict(heads.items())["b"] is heads["b"] is list(heads.values())[1]
    del heads["a"]
    assert list(heads.state_dict()) == []
    with pytest.raises(KeyError):
        heads["a"]
    with pytest.raises(KeyError, match="already has an attribute 'keys'"):
        heads["keys"] = nn.ReLU()


# ---------------------------------------------------------------- looking
def test_print_shows_the_tree():
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 3, bias=False), nn.LeakyReLU()), nn.Flatten())
    assert str(model) == (
        "Sequential(\n"
        "  (0): Sequential(\n"
        "    (0): Linear(2, 3, bias=False)\n"
        "    (1): LeakyReLU(negative_slope=0.01)\n"
        "  )\n"
        "  (1): Flatten()\n"
        ")"
    )


def test_parameters_copy_their_data():
    values = np.ones(2, np.float32)
    parameter = nn.Parameter(values, name="w")
    values[0] = 5
    assert parameter.data.tolist() == [1, 1] and parameter.name == parameter.node.name == "w"
    assert not nn.Parameter([1.0], requires_grad=False).requires_grad
    assert nn.Parameter([1.0], dtype=ad.float64).dtype == np.float64
    with pytest.raises(TypeError, match="int64 cannot require a gradient"):
        nn.Parameter([1, 2])
