"""Every label in every mode against NumPy: a small net written out by hand, both ways."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from viz import _card
from viz._look import number
from viz._modes import percent

N, CLASSES = 12, 3
LABELS = np.arange(N) % CLASSES


def rms(x):
    return float(np.sqrt(np.mean(np.square(np.asarray(x, "float64")))))


class Net(nn.Module):
    """A residual block of one layer: ``x`` is read twice."""

    def __init__(self, dtype="float64"):
        rng = np.random.default_rng(5)
        self.v = nn.Parameter(rng.normal(size=(4, 3)).astype(dtype))
        self.w = nn.Parameter(rng.normal(size=(4, 4)).astype(dtype))
        self.b = nn.Parameter(rng.normal(size=4).astype(dtype))

    def forward(self, x):
        h = ad.matmul(x, self.v.T)
        return h + ad.sigmoid(ad.matmul(h, self.w) + self.b)


def data(dtype="float64"):
    return np.random.default_rng(6).normal(size=(N, 3)).astype(dtype)


def recorded(net, x=None):
    with viz.record():
        y = net(ad.tensor(data() if x is None else x))
        return (y * y).mean()


def by_hand(net):
    """Every value, every gradient and every gradient sent back, from formulas."""
    v, w, b, x = net.v.data, net.w.data, net.b.data, data()
    h = x @ v.T
    p = h @ w
    z = p + b
    s = 1 / (1 + np.exp(-z))
    y = h + s
    values = {
        "v": v, "w": w, "b": b, "transpose": v.T, "matmul": h, "matmul#2": p, "add": z,
        "sigmoid": s, "add#2": y, "multiply": y * y, "mean": np.mean(y * y),
    }  # fmt: skip
    gm = np.full(y.shape, 1 / y.size)
    gy = 2 * y * gm
    gz = gy * s * (1 - s)
    through = gz @ w.T
    gh = gy + through
    gv = x.T @ gh
    gradients = {
        "v": gv.T, "w": h.T @ gz, "b": gz.sum(0), "transpose": gv, "matmul": gh,
        "matmul#2": gz, "add": gz, "sigmoid": gy, "add#2": gy, "multiply": gm,
        "mean": np.array(1.0),
    }  # fmt: skip
    sent = {
        "v -> transpose": gv.T, "transpose -> matmul": gv, "matmul -> matmul#2": through,
        "w -> matmul#2": h.T @ gz, "matmul#2 -> add": gz, "b -> add": gz.sum(0),
        "add -> sigmoid": gz, "matmul -> add#2": gy, "sigmoid -> add#2": gy,
        "add#2 -> multiply [0]": y * gm, "add#2 -> multiply [1]": y * gm, "multiply -> mean": gm,
    }  # fmt: skip
    return values, gradients, sent


def names(records):
    return {r.name.replace("Net.", ""): r for r in records}


def graph(net, loss=None, **options):
    found = viz.graph(recorded(net) if loss is None else loss, model=net, **options)
    return found, names(found.nodes), names(found.edges)


def printed(found, record):
    """The last number on a node or edge, as the picture has it."""
    dot = found.dot()
    if hasattr(record, "source"):
        pattern = rf'^\t*{record.source} -> {record.target} \[label="([^"]*)"'
        lines = re.findall(pattern, dot, re.MULTILINE)
    else:
        lines = re.findall(rf'^\t*{record.id} \[label="([^"]*)"', dot, re.MULTILINE)
    return lines


def close(a, b):
    assert a == pytest.approx(b, rel=1e-9, nan_ok=True)


def test_mode_gradient():
    net = Net()
    _, gradients, sent = by_hand(net)
    found, nodes, edges = graph(net)
    assert set(nodes) == set(gradients) and set(edges) == set(sent)
    for name, g in gradients.items():
        close(nodes[name].rms, rms(g))
        assert float(nodes[name].label) == pytest.approx(rms(g), rel=6e-3)
        assert any(nodes[name].label in label for label in printed(found, nodes[name]))
        exponents, counts = np.unique(np.frexp(np.abs(g[g != 0]))[1], return_counts=True)
        assert nodes[name].bins == tuple(zip(exponents.tolist(), counts.tolist(), strict=True))
    for name, g in sent.items():
        close(edges[name].rms, rms(g))
        assert any(edges[name].label in label for label in printed(found, edges[name]))


def test_mode_value():
    net = Net()
    values, _, sent = by_hand(net)
    found, nodes, edges = graph(net, mode="value")
    for name, value in values.items():
        n = nodes[name]
        close(n.rms, rms(value))
        close(n.mean_abs, np.abs(value).mean())
        close(n.value.mean, np.mean(value))
        close(n.value.std, np.std(value))
        assert (n.value.low, n.value.high) == pytest.approx((np.min(value), np.max(value)))
        assert float(n.label) == pytest.approx(rms(value), rel=6e-3)
        assert any(n.label in label for label in printed(found, n))
        kind = "parameters" if name in ("v", "w", "b", "transpose") else "activations"
        close(n.decades, math.log10(rms(value) / found.references[kind]))
    for name in sent:
        close(edges[name].rms, rms(values[name.split(" -> ")[0]]))
        assert any(edges[name].label in label for label in printed(found, edges[name]))
    assert "Values" in str(found)


def test_mode_gain():
    net = Net()
    _, gradients, sent = by_hand(net)
    found, nodes, edges = graph(net, mode="gain")
    uses = {}
    for name, g in sent.items():
        uses.setdefault(name.split(" -> ")[0], []).append(rms(g))
    for name, g in sent.items():
        source, target = name.partition(" [")[0].split(" -> ")
        gain, e = rms(g) / rms(gradients[target]), edges[name]
        close(e.gain, gain)
        close(e.decades, math.log10(gain))
        close(e.level, math.log2(gain))
        close(e.share, rms(g) / sum(uses[source]))
        number, *share = e.label.removeprefix("×").split("  ")
        assert float(number) == pytest.approx(gain, rel=6e-3)
        if len(uses[source]) > 1:
            assert float(share[0].rstrip(" %")) == pytest.approx(100 * e.share, abs=0.51)
        else:
            assert not share
        assert any(e.label in label for label in printed(found, e))
    for name in gradients:
        to = {e: e.partition(" [")[0].split(" -> ")[1] for e in sent}
        all_sent = [s.ravel() for e, s in sent.items() if to[e] == name]
        if not all_sent:
            assert math.isnan(nodes[name].gain) and nodes[name].label == ""
            continue
        gain = rms(np.concatenate(all_sent)) / rms(gradients[name])
        close(nodes[name].gain, gain)
        assert float(nodes[name].label.removeprefix("×")) == pytest.approx(gain, rel=6e-3)
    worst = found.bottlenecks(2)
    assert [e.name for e in worst] == [e.name for e in graph(net)[0].bottlenecks(2)]
    last = nodes["mean"].id
    steps = [e for n, e in edges.items() if nodes[n.split(" -> ")[0]].op and e.target != last]
    assert worst[0].gain == min(e.gain for e in steps)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_mode_stall(dtype):
    net, lr = Net(dtype), {"float16": 1e-2, "float32": 1e-6, "float64": 1e-15}[dtype]
    loss = recorded(net, data(dtype))
    optimizer = nn.optim.SGD(net.parameters(), lr=lr)
    found, nodes, _ = graph(net, loss, mode="stall", optimizer=optimizer)
    exact = ad.gradients(loss, [net.v, net.w, net.b])
    some = []
    for (name, p), g in zip(net.named_parameters(), exact, strict=True):
        working = np.float32 if dtype == "float16" else np.dtype(dtype).type
        new = (p.data.astype(working) - working(lr) * g.data.astype(working)).astype(dtype)
        share = np.mean((new == p.data) & (g.data != 0))
        close(nodes[name].stalled, share)
        some.append(share)
        assert nodes[name].label.startswith(f"{percent(share)} stalled")
        assert any(nodes[name].label in label for label in printed(found, nodes[name]))
    assert 0 < max(some) and min(some) < 1
    assert nodes["matmul"].label == "" and "stalled" in str(found)


def test_momentum_that_rounds_away_is_stalled_though_the_gradient_is_zero():
    p = nn.Parameter(np.array([1.0, 1.0, 0.0], "float32"))
    optimizer = nn.optim.SGD([p], lr=1e-9, momentum=0.9)
    p.grad = ad.tensor(np.array([1.0, 1.0, 1.0], "float32"))
    optimizer.step()
    loss = (p * ad.tensor(np.array([0.0, 1.0, 0.0], "float32"))).sum()
    found = viz.graph(loss, mode="stall", optimizer=optimizer)
    assert found.nodes[0].stalled == pytest.approx(2 / 3)


def test_gradients_that_float16_flushed_are_told_from_zeros():
    p = nn.Parameter(np.array([1.0, 1.0, 1.0, 1.0], "float16"))
    small = ad.tensor(np.array([1e-4, 1e-4, 1.0, 0.0], "float16"))
    loss = ((p * small) * small).sum()
    found = viz.graph(loss, mode="stall", optimizer=nn.optim.SGD([p], lr=1.0))
    node = found.nodes[0]
    assert node.zero_fraction == 0.75 and node.flushed == 0.5  # the fourth is truly zero
    assert node.stalled == 0.0  # an entry that was not to move is not stalled
    assert "50 % flushed to 0" in node.label and "flushed" in found.title[1]


def test_stall_needs_an_optimizer_that_can_preview():
    net = Net()
    with pytest.raises(ValueError, match="optimizer="):
        viz.graph(recorded(net), mode="stall")
    with pytest.raises(TypeError, match="preview"):
        viz.graph(recorded(net), mode="stall", optimizer=object())
    _, nodes, _ = graph(net, mode="stall", optimizer=nn.optim.SGD([net.w], lr=0.1))
    assert nodes["v"].label == "not in the optimizer" and math.isnan(nodes["v"].stalled)


def test_examples_and_classes():
    net = Net()
    _, gradients, _ = by_hand(net)
    found, nodes, _ = graph(net, by=LABELS)
    assert found.by.classes == (0, 1, 2) and set(found.by.counts.values()) == {N // CLASSES}
    assert {r.node for r in found.by.rows} == {
        n.name for n in found.nodes if n.op and n.shape[:1] == (N,)
    }
    one = found.facet(2)
    for row in found.by.rows:
        g = gradients[row.node]
        sizes = [rms(example) for example in g]
        close([row.p5, row.median, row.p95], list(np.percentile(sizes, (5, 50, 95))))
        for label in range(CLASSES):
            close(row.rms[label], rms(g[label == LABELS]))
        close(names(one.nodes)[row.node].rms, rms(g[LABELS == 2]))
        spread, classes, *least = nodes[row.node].lines
        low, high = spread.removeprefix("examples ").split(" – ")
        assert float(low) == pytest.approx(row.p5, rel=6e-3)
        assert float(high) == pytest.approx(row.p95, rel=6e-3)
        top, low = max(row.rms.values()), min(row.rms.values())
        if top < 3 * low:
            assert classes == f"classes within ×{number(top / low)}" and not least
        else:
            assert len(classes) == CLASSES and "█" in classes
            assert row.rms[int(least[0].removeprefix("least: "))] == low
        assert any(classes in label for label in printed(found, nodes[row.node]))
    close(names(one.nodes)["w"].rms, rms(gradients["w"]))
    assert "p95" in str(found.by)


def test_a_class_that_sends_nothing_shows():
    x = ad.tensor(np.ones((4, 2)), requires_grad=True, name="x")
    keep = ad.tensor(np.array([[1.0], [0.0], [1.0], [0.0]]))
    found = viz.graph((x * 2.0 * keep).sum(), by=["a", "b", "a", "b"])
    row = found.by["multiply"]
    assert row.rms == {"a": 1.0, "b": 0.0}
    assert found.nodes[1].lines[1:] == ("█∅", "least: b")
    assert names(found.facet("b").nodes)["multiply"].state == "zero"


def test_by_says_what_is_wrong():
    net = Net()
    with pytest.raises(ValueError, match="12 labels|5 labels"):
        viz.graph(recorded(net), by=np.arange(5))
    with pytest.raises(ValueError, match="one label for each example"):
        viz.graph(recorded(net), by=np.ones((N, 2)))
    with pytest.raises(ValueError, match="no class"):
        viz.graph(recorded(net), by=LABELS).facet(7)
    loss = recorded(net)
    loss.backward()
    with pytest.raises(ValueError, match="released"):
        viz.graph(loss, by=LABELS)


def test_value_mode_without_record_says_so_and_with_it_needs_no_backward():
    net = Net()
    x = net(ad.tensor(data())).sum()
    with pytest.raises(ValueError, match=r"with viz\.record\(\)"):
        viz.graph(x, model=net, mode="value")
    loss = recorded(net)
    loss.backward()
    _, nodes, _ = graph(net, loss, mode="value")
    close(nodes["sigmoid"].rms, rms(by_hand(net)[0]["sigmoid"]))


def test_what_was_not_recorded_is_marked():
    x = ad.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = x * 3.0
    with viz.record():
        loss = y.sum()
    found = viz.graph(loss, mode="value")
    labels = {n.name: n.label for n in found.nodes}
    assert labels == {"x": "1.58", "multiply": "? not recorded", "sum": "9"}


def test_notes_go_with_the_graph_and_hold_no_values():
    from viz import _forward

    before = len(_forward._notes)
    loss = recorded(Net())
    assert len(_forward._notes) == before + 8
    del loss
    assert len(_forward._notes) == before


def test_lines_are_those_of_the_program():
    x = ad.tensor([1.0, 2.0], requires_grad=True, name="x")
    with viz.record():
        loss = nn.functional.mse_loss(x * 3.0, ad.tensor([0.0, 0.0]))  # this line
    for node in viz.graph(loss).nodes[1:]:
        assert "test_viz_modes.py:" in node.line and node.line.endswith("# this line")
    assert "this line" in viz.graph(loss).dot()


def test_several_outputs_have_values_each():
    a = ad.tensor([[2.0, 1.0], [0.0, 3.0]], requires_grad=True, name="a")
    with viz.record():
        sign, logdet = ad.linalg.slogdet(a)
        loss = logdet * 2.0
    nodes = names(viz.graph(loss, mode="value").nodes)
    assert nodes["slogdet[1]"].rms == pytest.approx(math.log(6), rel=1e-6)
    assert nodes["slogdet"].value.size == 2


class Ghostly(nn.Module):
    """One module of each fate."""

    def __init__(self):
        self.used = nn.Linear(2, 2)
        self.frozen = nn.Linear(2, 2).requires_grad_(False)
        self.unused = nn.Linear(2, 2)
        self.cut = nn.Linear(2, 2)
        self.blind = nn.Linear(2, 2)
        self.counted = nn.Parameter(np.ones(2, "float32"))

    def forward(self, x):
        with ad.no_grad():
            x = self.blind(x)
        x = self.frozen(x) + self.cut(x).detach()
        x = x + (self.counted * 2.0).astype("int32")
        return self.used(x).sum()


@pytest.mark.parametrize("watch", [True, False])
def test_ghosts_have_reasons(watch):
    net, x = Ghostly(), ad.tensor(np.ones((3, 2), "float32"))
    if watch:
        with viz.record():
            loss = net(x)
    else:
        loss = net(x)
    notes = {n.name: n.note for n in viz.graph(loss, model=net).nodes if n.note}
    assert notes["frozen.weight"] == "frozen: requires_grad=False"
    assert notes["unused.bias"] == "unused: its module was never called"
    if watch:
        assert "read by linear at" in notes["cut.weight"] and "detached" in notes["cut.weight"]
        assert "read by multiply at" in notes["counted"] and "integers" in notes["counted"]
        assert "computed under no_grad()" in notes["blind.weight"]
    else:
        assert "viz.record()" in notes["cut.weight"] and "viz.record()" in notes["blind.weight"]
        assert notes["counted"] == "its module ran, but nothing on the way to the loss read it"
    assert "used.weight" not in notes


def test_the_first_bad_number_forward_and_backward():
    w = ad.tensor([1.0, 0.0, 2.0], requires_grad=True, name="w")
    with viz.record(), np.errstate(all="ignore"):
        loss = (ad.log(ad.sqrt(w * 2.0 - 2.0)) * 0.0).sum()
        found = viz.graph(loss)
    bad = found.first_bad()
    assert bad and bad.watched
    assert (bad.forward.node, bad.forward.op) == ("sqrt", "sqrt")
    assert "test_viz_modes.py:" in bad.forward.line
    (operand, *_) = bad.forward.operands
    assert (operand.name, operand.low, operand.high) == ("subtract", -2.0, 2.0)
    at = {n.id: n.name for n in found.nodes}
    assert [at[i] for i in bad.forward.path] == ["sqrt", "log", "multiply#2", "sum"]
    assert (bad.backward.node, bad.backward.op) == ("log", "log")
    assert [at[i] for i in bad.backward.path] == ["log", "sqrt", "subtract", "multiply", "w"]
    assert {n.name for n in found.nodes if n.poisoned} == set(at.values())
    assert "first value that is not finite" in found.dot()
    assert "sqrt is the first value" in str(bad)


def test_a_leaf_that_is_not_finite_is_the_first():
    w = ad.tensor([1.0, math.nan], requires_grad=True, name="w")
    with viz.record():
        loss = (w * 2.0).sum()
    bad = viz.graph(loss).first_bad().forward
    assert (bad.node, bad.op) == ("w", "") and "leaf" in bad.why


def test_gradients_whose_sum_overflows():
    x = ad.tensor([1.0], dtype="float64", requires_grad=True, name="x")
    with np.errstate(over="ignore", invalid="ignore"):
        found = viz.graph((x * 1e308 - x * -1e308).sum())
    bad = found.first_bad().backward
    assert bad.node == "x" and "sum is not" in bad.why


def test_finite_graphs_have_no_first_bad():
    net = Net()
    bad = viz.graph(recorded(net)).first_bad()
    assert not bad and bad.forward is None and bad.backward is None
    assert "all finite" in str(bad)
    assert "viz.record()" in str(viz.graph((net.w * net.w).sum()).first_bad())


def test_higher_order_graphs_are_drawn():
    x = ad.tensor([1.5, -2.0], dtype="float64", requires_grad=True, name="x")
    (g,) = ad.gradients((x * x * x).sum(), [x], create_graph=True)
    found = viz.graph((g * g).sum())  # (3 x**2)**2 = 9 x**4
    assert found.nodes[0].rms == pytest.approx(rms(36 * x.data**3), rel=1e-12)
    assert "digraph" in found.dot()
    x.zero_grad()
    (x**3).sum().backward(create_graph=True)
    assert viz.graph(x.grad.sum()).nodes[0].rms == pytest.approx(rms(6 * x.data), rel=1e-12)


def test_paths_of_files_are_short_wherever_they_are_printed():
    w = ad.tensor([0.0, 1.0], requires_grad=True, name="w")
    with viz.record():
        loss = ad.log(w).sum()
    graph = viz.graph(loss)
    here = "tests/test_viz_modes.py:"
    assert f"(at {here}" in str(graph.first_bad())
    for node in graph.nodes:
        assert not node.line or str(Path(__file__)) in node.line  # the record knows all of it
        assert any(line.startswith((here, f"read at {here}")) for line in _card.card(node))
