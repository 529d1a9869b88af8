"""The gradient graph: its numbers against finite differences and hand computation."""

import math
import re
import warnings

import numpy as np
import pytest

import autodiff as ad
import nn
import viz


class Block:
    """The least that is a module: names, and a scope around the call."""

    def __init__(self, **parts):
        self.__dict__.update(parts)

    def named_modules(self, prefix=""):
        yield prefix, self
        for name, part in vars(self).items():
            if isinstance(part, Block):
                yield from part.named_modules(f"{prefix}.{name}" if prefix else name)

    def named_parameters(self):
        for prefix, module in self.named_modules():
            for name, part in vars(module).items():
                if isinstance(part, ad.Tensor):
                    yield (f"{prefix}.{name}" if prefix else name), part

    def __call__(self, *args):
        with ad.scope(self):
            return self.forward(*args)


class Affine(Block):
    def forward(self, x):
        return ad.matmul(x, self.weight) + self.bias


class Sigmoid(Block):
    def forward(self, x):
        return ad.sigmoid(x)


class Chain(Block):
    def forward(self, x):
        for layer in vars(self).values():
            x = layer(x)
        return x


def leaf(values, name=None, dtype="float64"):
    return ad.tensor(np.asarray(values), dtype=dtype, requires_grad=True, name=name)


SIZES = (3, 5, 4, 2)


def network(sizes=SIZES):
    rng = np.random.default_rng(1)
    layers = {}
    for i, (n, m) in enumerate(zip(sizes, sizes[1:], strict=False)):
        layers[f"fc{i}"] = Affine(
            weight=leaf(rng.normal(size=(n, m))), bias=leaf(rng.normal(size=m))
        )
        layers[f"act{i}"] = Sigmoid()
    return Chain(**layers)


def inputs():
    return np.random.default_rng(2).normal(size=(6, SIZES[0]))


def loss_of(net, x=None):
    y = net(ad.tensor(inputs()) if x is None else x)
    return (y * y).mean()


def by_name(records):
    return {r.name: r for r in records}


def finite_differences(net):
    """RMS of the derivative at every place, from values alone: NumPy and central differences."""
    values = {name: p.data.copy() for name, p in net.named_parameters()}

    def forward(nudge):
        found = {}

        def site(name, value):
            found[name] = value
            return value + nudge.get(name, 0.0)

        x = inputs()
        for i in range(len(SIZES) - 1):
            weight = site(f"fc{i}.weight", values[f"fc{i}.weight"])
            bias = site(f"fc{i}.bias", values[f"fc{i}.bias"])
            x = site(f"fc{i}.add", site(f"fc{i}.matmul", x @ weight) + bias)
            x = site(f"act{i}.sigmoid", 1 / (1 + np.exp(-x)))
        return np.mean(site("multiply", x * x)), found

    rms = {}
    eps = 1e-5
    for name, value in forward({})[1].items():
        g = np.zeros_like(value)
        for i in np.ndindex(value.shape):
            up = np.zeros_like(value)
            up[i] = eps
            g[i] = (forward({name: up})[0] - forward({name: -up})[0]) / (2 * eps)
        rms[name] = np.sqrt(np.mean(g**2))
    return rms


def test_every_node_is_labelled_with_the_rms_that_finite_differences_give():
    net = network()
    graph = viz.graph(loss_of(net), model=net)
    expected = finite_differences(net)
    expected["mean"] = 1.0
    nodes = by_name(graph.nodes)
    assert set(nodes) == set(expected)
    for name, rms in expected.items():
        assert nodes[name].rms == pytest.approx(rms, rel=1e-6), name
    labels = dict(re.findall(r'label="([\w.]+)\\n[^"]*?\\n(?:▼ )?([-+.\de]+)"', graph.dot()))
    assert set(labels) == set(expected)
    for name, printed in labels.items():
        assert float(printed) == pytest.approx(expected[name], rel=6e-3), name


def test_every_edge_is_labelled():
    net = network()
    graph = viz.graph(loss_of(net), model=net)
    nodes = {n.id: n for n in graph.nodes}
    dot = graph.dot()
    for edge in graph.edges:
        label = re.search(rf'{edge.source} -> {edge.target} \[label=" (?:▼ )?([-+.\de]+)"', dot)
        assert float(label[1]) == pytest.approx(edge.rms, rel=6e-3), edge.name
        if edge.op != "multiply":  # elsewhere each tensor is read once
            assert edge.rms == pytest.approx(nodes[edge.source].rms)


def test_a_tensor_read_twice_has_two_edges_and_their_sum():
    x = leaf([3.0, -4.0], "x")
    graph = viz.graph((x * x).sum())
    assert [e.name for e in graph.edges[:2]] == ["x -> multiply [0]", "x -> multiply [1]"]
    rms = math.sqrt(12.5)
    assert [e.rms for e in graph.edges[:2]] == pytest.approx([rms, rms])
    assert graph.nodes[0].rms == pytest.approx(2 * rms)


def test_a_broadcast_operand_is_measured_in_its_own_shape():
    x, b = leaf(np.ones((5, 2)), "x"), leaf([1.0, 2.0], "b")
    graph = viz.graph((x + b).sum())
    edge = by_name(graph.edges)["b -> add"]
    assert (edge.shape, edge.rms, edge.size) == ((2,), 5.0, 2)


def test_shared_weights_are_one_node_with_an_edge_for_each_use():
    fc = Affine(weight=leaf(np.eye(2)), bias=leaf([0.0, 0.0]))
    net = Chain(first=fc, second=fc)
    graph = viz.graph(net(ad.tensor(np.ones((1, 2)))).sum(), model=net)
    weight = by_name(graph.nodes)["first.weight"]
    uses = [e.rms for e in graph.edges if e.source == weight.id]
    assert uses == [1.0, 1.0] and weight.rms == 2.0
    assert {"first.matmul", "first.matmul#2"} <= set(by_name(graph.nodes))


def test_several_outputs():
    a = leaf([[2.0, 1.0], [0.0, 3.0]], "a")
    sign, logdet = ad.linalg.slogdet(a)
    graph = viz.graph(logdet)
    nodes = by_name(graph.nodes)
    assert nodes["slogdet"].shape == ((), ())
    assert nodes["slogdet[1]"].rms == 1.0
    inverse = np.linalg.inv(a.data).T
    assert nodes["a"].rms == pytest.approx(np.sqrt(np.mean(inverse**2)))
    assert "shape" in graph.dot()


def test_zero_dimensional_and_leaf_only_graphs():
    x = leaf(2.0, "x")
    assert viz.graph(x * 3.0).nodes[0].rms == 3.0
    assert [n.rms for n in viz.graph(x).nodes] == [1.0]
    assert "reference" in viz.graph(x).dot()


def test_nothing_is_changed():
    net = network()
    loss = loss_of(net)
    fired = []
    first = net.fc0.weight
    first.grad = ad.tensor(np.full(first.shape, 7.0))
    first.register_hook(fired.append)
    before = dict(net.named_parameters())
    graph = viz.graph(loss, model=net)
    assert np.all(first.grad.data == 7.0) and net.fc1.weight.grad is None
    assert not fired
    assert viz.graph(loss, model=net).nodes == graph.nodes
    loss.backward()
    assert before["fc1.weight"].grad is not None


def test_names_come_from_the_outermost_module_where_no_model_is_given():
    net = network()
    loss = loss_of(net)
    assert viz.graph(loss).nodes == viz.graph(loss, model=net).nodes


def test_modules_of_nn_are_named_by_their_paths():
    net = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Sequential(nn.Linear(4, 2)))
    loss = nn.MSELoss()(net(ad.tensor(np.ones((5, 3)), dtype="float32")), ad.zeros((5, 2)))
    graph = viz.graph(loss, model=net)
    nodes = by_name(graph.nodes)
    assert {"0.weight", "0.bias", "0.linear", "1.sigmoid", "2.0.weight"} <= set(nodes)
    rows = [(r.name, r.kind) for r in graph.profile()]
    assert rows[:3] == [("0", "Linear"), ("1", "Sigmoid"), ("2.0", "Linear")]
    loss.backward()
    for name, p in net.named_parameters():
        rms = np.sqrt(np.mean(p.grad.data.astype("float64") ** 2))
        assert nodes[name].rms == pytest.approx(rms, rel=1e-6)


def test_names_without_any_module():
    a, b = leaf([1.0], "a"), leaf([2.0])
    names = [n.name for n in viz.graph((a * b + a).sum()).nodes]
    assert names == ["a", "leaf", "multiply", "add", "sum"]


def test_leaves_that_are_no_parameters_are_told_apart():
    net = network()
    x = leaf(inputs(), "pixels")
    nodes = by_name(viz.graph(loss_of(net, x), model=net).nodes)
    assert (nodes["pixels"].kind, nodes["pixels"].group) == ("input", "activations")
    assert (nodes["fc0.weight"].kind, nodes["fc0.weight"].scope) == ("parameter", "fc0")
    assert nodes["fc0.matmul"].kind == "op"
    dot = viz.graph(loss_of(net, x), model=net).dot()
    shapes = {re.search(rf"{nodes[n].id} \[.*shape=(\w+)", dot)[1] for n in
              ("pixels", "fc0.weight", "fc0.matmul")}  # fmt: skip
    assert len(shapes) == 3


def test_the_transpose_of_a_weight_is_compared_with_parameters():
    w = leaf(np.ones((2, 3)), "w")
    graph = viz.graph(ad.matmul(ad.tensor(np.ones((4, 3))), w.T).sum())
    assert [n.group for n in graph.nodes][:3] == ["parameters", "parameters", "activations"]


def test_references_are_medians_of_each_group():
    graph = viz.graph(loss_of(network()))
    for group, reference in graph.references.items():
        assert reference == pytest.approx(
            np.median([n.rms for n in graph.nodes if n.group == group])
        )
    for r in (*graph.nodes, *graph.edges):
        assert math.isfinite(r.decades)
    node = graph.nodes[0]
    assert node.decades == pytest.approx(np.log10(node.rms / graph.references[node.group]))


def test_gradients_that_are_zero_or_not_finite_do_not_move_the_reference():
    a, b, c = (leaf([1.0], n) for n in "abc")
    graph = viz.graph((a * 0.5 + b * 0.0 + c * 0.0).sum() + (leaf([1.0]) * math.inf).sum())
    assert graph.references["parameters"] == 0.5


def test_other_references():
    loss = loss_of(network())
    assert set(viz.graph(loss, reference="loss").references.values()) == {1.0}
    node = viz.graph(loss, reference=1e-3).nodes[0]
    assert node.decades == pytest.approx(math.log10(node.rms) + 3)
    for bad in ("mean", 0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="reference must be"):
            viz.graph(loss, reference=bad)


def test_states():
    ok, zero, tiny, bad = (leaf([1.0, 2.0], n) for n in ("ok", "zero", "tiny", "bad"))
    loss = (ok + zero * 0.0 + tiny * 1e-12).sum() + (bad * math.nan).sum()
    nodes = by_name(viz.graph(loss).nodes)
    for state in ("ok", "zero", "tiny"):
        assert nodes[state].state == state
    assert (nodes["bad"].state, nodes["bad"].nonfinite) == ("nonfinite", 2)
    assert nodes["zero"].decades == -math.inf


def test_ghosts_say_why_no_gradient_reached_a_parameter():
    net = network()
    net.spare = Affine(weight=leaf([[1.0]]), bias=ad.tensor([0.0]))
    y = net.act0(net.fc0(ad.tensor(inputs())))
    graph = viz.graph(y.sum(), model=net)
    ghosts = {n.name: n.note for n in graph.nodes if n.state == "absent"}
    assert ghosts["spare.bias"] == "frozen: requires_grad=False"
    assert ghosts["spare.weight"] == ghosts["fc1.weight"] == "the loss does not depend on it"
    assert "frozen: requires_grad=False" in graph.dot()
    assert "spare.bias" not in by_name(viz.graph(y.sum(), model=net, ghosts=False).nodes)


def test_after_backward_the_leaves_are_drawn_and_the_rest_is_said_to_be_released():
    net = network()
    loss = loss_of(net)
    whole = by_name(viz.graph(loss, model=net).nodes)
    loss.backward()
    with pytest.warns(UserWarning, match="before backward, or backward.retain_graph=True"):
        graph = viz.graph(loss, model=net)
    assert graph.released
    for node in graph.nodes:
        if node.kind == "parameter":
            assert node.rms == pytest.approx(whole[node.name].rms)
        else:
            assert node.state == "released"
    assert {e.state for e in graph.edges} == {"released"}
    assert "retain_graph=True" in graph.dot()
    assert "released" in str(graph)


def test_the_warning_points_at_the_line_of_the_caller(tmp_path):
    x = leaf([1.0])
    loss = (x * x).sum()
    loss.backward()
    for call in (lambda: viz.graph(loss), lambda: viz.draw(loss, tmp_path / "x.dot")):
        with pytest.warns(UserWarning) as caught:
            call()
        assert caught[0].filename == __file__


def test_a_retained_graph_is_drawn_whole():
    net = network()
    loss = loss_of(net)
    loss.backward(retain_graph=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not viz.graph(loss).released


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_chain_of_thousands_of_ops(count):
    x = leaf([1.0], "x")
    y = x
    for _ in range(count):
        y = y * 1.0
    graph = viz.graph(y.sum(), collapse=None)
    assert len(graph.nodes) == len(graph.profile()) == count + 2
    assert graph.dot().count(" -> ") > count


def test_the_same_program_gives_the_same_text():
    assert viz.graph(loss_of(network())).dot() == viz.graph(loss_of(network())).dot()


def test_the_graph_is_not_kept_alive():
    x = leaf([1.0], "x")
    loss = (x * x).sum()
    import weakref

    node = weakref.ref(loss.node)
    graph = viz.graph(loss)
    del loss
    assert node() is None
    assert graph.dot()


def test_profile_goes_layer_by_layer():
    net = network()
    graph = viz.graph(loss_of(net), model=net)
    rows = graph.profile()
    assert [r.name for r in rows] == [*vars(net), "multiply", "mean"]
    assert rows[0].kind == "Affine" and math.isnan(rows[1].parameters)
    entries = np.concatenate([g.ravel() for g in _gradients(net)[:2]])
    assert rows[0].parameters == pytest.approx(np.sqrt(np.mean(entries**2)))
    assert rows[0].activation == by_name(graph.nodes)["fc0.add"].rms
    lost = math.log10(rows[4].parameters / rows[0].parameters)
    assert graph.decades_lost == pytest.approx(lost)


def _gradients(net):
    loss = loss_of(net)
    return [g.data for g in ad.gradients(loss, [p for _, p in net.named_parameters()])]


def test_bottlenecks_are_where_the_gradient_shrinks_most():
    x = leaf(np.ones(4), "x")
    graph = viz.graph((((x * 2.0) * 1e-3) * 0.5).sum())
    worst = graph.bottlenecks(1)[0]
    assert (worst.source, worst.target) == ("n1", "n2")


def test_text_is_aligned_and_has_a_glyph_for_each_state():
    net = network()
    text = str(viz.graph(loss_of(net), model=net))
    lines = text.splitlines()
    assert lines[0].startswith("Gradient flow of loss")
    assert "decades" in lines[1]
    heads = next(line for line in lines if line.startswith("layer "))
    column = heads.index("activation") + len("activation")
    rows = [line for line in lines[lines.index(heads) + 1 :] if line.startswith(("fc", "act"))]
    assert len(rows) == 6 and all(line[column - 1].isdigit() for line in rows)
    assert "\x1b" not in text


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colour_is_for_terminals_without_no_color(monkeypatch, no_color):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert ("\x1b[48;2;" in str(viz.graph(loss_of(network())))) is (not no_color)


def test_a_name_cannot_write_to_the_terminal():
    x = leaf([1.0], "\x1b[2J")
    assert "\x1b" not in str(viz.graph((x * x).sum()))


def test_bad_arguments():
    x = leaf([1.0, 2.0])
    with pytest.raises(TypeError, match="expected a Tensor"):
        viz.graph(np.ones(3))
    with pytest.raises(ValueError, match="has no graph"):
        viz.graph(ad.tensor([1.0]).sum())
    with pytest.raises((ValueError, RuntimeError), match="scalar|shape"):
        viz.graph(x * 2.0)
    with pytest.raises(TypeError, match="named_parameters"):
        viz.graph(x.sum(), model="net")
    with pytest.raises(ValueError, match="rankdir"):
        viz.graph(x.sum(), rankdir="up")
    with pytest.raises(ValueError, match="mode .size. does not exist"):
        viz.graph(x.sum(), mode="size")


def test_a_nan_loss_is_drawn():
    x = leaf([math.nan], "x")
    graph = viz.graph((x * x).sum())
    assert "nan" in graph.title[0]
    assert by_name(graph.nodes)["x"].state == "nonfinite"
    assert "✖" in graph.dot()
