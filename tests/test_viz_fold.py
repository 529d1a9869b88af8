"""Folding: what is drawn of a large graph, and that nothing unusual disappears in a box."""

import math
import statistics
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
import viz
from viz import _dot, _fold, _parts
from viz._records import BoxRecord, EdgeRecord, NodeRecord, Recording

# ---------------------------------------------------------------- recordings made by hand
OPS = [("relu", (3,)), ("add", (3,)), ("matmul", (4, 3))]


def node(i, scope="", op="relu", shape=(3,), state="ok", decades=0.0, note=""):
    known = state not in ("absent", "nonfinite")
    rms = {"zero": 0.0}.get(state, 10.0**decades) if known else math.nan
    if state == "zero":
        decades = -math.inf
    return NodeRecord(
        id=f"n{i}", kind="op" if op else "parameter", group="activations",
        name=f"{scope}.{op}{i}" if scope else f"{op}{i}", op=op, scope=scope, shape=shape,
        dtype="float64", rms=rms, l2=rms, mean_abs=rms, max_abs=rms, zero_fraction=0.0,
        nonfinite=int(state == "nonfinite"), state=state, size=math.prod(shape),
        decades=decades if known else math.nan, note=note,
    )  # fmt: skip


def edge(source, target, i=0):
    values = {f: getattr(source, f) for f in EdgeRecord.__dataclass_fields__ if hasattr(source, f)}
    return EdgeRecord(
        **values | {"source": source.id, "target": target.id, "name": f"{source.id}>{target.id}{i}"}
    )


def recording(nodes, edges=None):
    if edges is None:
        edges = [edge(a, b) for a, b in zip(nodes, nodes[1:], strict=False)]
    return Recording(
        nodes=tuple(nodes), edges=tuple(edges), kinds={}, references={"activations": 1.0},
        root=nodes[-1].id, loss=1.0, released=False,
    )  # fmt: skip


def members(drawn):
    return [m for n in drawn.nodes for m in (n.members if isinstance(n, BoxRecord) else (n,))]


def boxes(drawn):
    return [n for n in drawn.nodes if isinstance(n, BoxRecord)]


@st.composite
def networks(draw):
    """Random modules in modules, loops and repeats among them, with a few sick nodes."""
    nodes = []

    def body(path, depth):
        for _ in range(draw(st.integers(1, 3))):
            what = draw(st.sampled_from(["ops", "loop", "module", "blocks", "leaf"]))
            if what == "ops":
                op, shape = draw(st.sampled_from(OPS))
                for _ in range(draw(st.integers(1, 25))):
                    nodes.append(node(len(nodes), path, op, shape))
            elif what == "loop":
                steps = draw(st.lists(st.sampled_from(OPS), min_size=1, max_size=4))
                for _ in range(draw(st.integers(2, 8))):
                    for op, shape in steps:
                        nodes.append(node(len(nodes), path, op, shape))
            elif what == "leaf":
                nodes.append(node(len(nodes), path, ""))
            elif depth < 3:
                name = f"{path}.m{len(nodes)}" if path else f"m{len(nodes)}"
                if what == "module":
                    body(name, depth + 1)
                else:
                    for k in range(draw(st.integers(2, 20))):
                        for op, shape in OPS:
                            nodes.append(node(len(nodes), f"{name}.{k}", op, shape))

    body("", 0)
    nodes.append(node(len(nodes), "", "mean", ()))
    sick = st.sampled_from(["zero", "tiny", "nonfinite", "absent", 3.5, -3.0, -7.0, 2.0, "frozen"])
    for i, how in draw(
        st.dictionaries(st.integers(0, len(nodes) - 1), sick, max_size=draw(st.integers(0, 40)))
    ).items():
        n = nodes[i]
        if isinstance(how, float):
            nodes[i] = node(i, n.scope, n.op, n.shape, decades=how)
        elif how == "frozen":
            nodes[i] = node(i, n.scope, n.op, n.shape, "absent", note="frozen: requires_grad=False")
        else:
            nodes[i] = node(i, n.scope, n.op, n.shape, how)
    links = st.tuples(st.integers(0, len(nodes) - 1), st.integers(0, len(nodes) - 1))
    pairs = [(a, b) for a, b in draw(st.lists(links, max_size=30)) if a < b]
    pairs += [(i, i + 1) for i in range(len(nodes) - 1)]
    pairs = [(a, b) for a, b in pairs if nodes[b].op]  # nothing leads to a leaf
    return recording(nodes, [edge(nodes[a], nodes[b], k) for k, (a, b) in enumerate(pairs)])


@settings(max_examples=60, deadline=None)
@given(whole=networks(), max_nodes=st.integers(1, 130), keep=st.sampled_from(["anomalies", None]))
def test_what_is_drawn_obeys_the_limit_and_hides_no_anomaly(whole, max_nodes, keep):
    drawn = _fold.fold(whole, "auto", keep, max_nodes)
    assert len(drawn.nodes) <= max_nodes
    assert Counter(m.id for m in members(drawn)) == Counter(n.id for n in whole.nodes)
    assert (
        len({n.id for n in drawn.nodes}) == len({n.name for n in drawn.nodes}) == len(drawn.nodes)
    )
    assert drawn.root in {n.id for n in drawn.nodes}
    assert drawn == _fold.fold(whole, "auto", keep, max_nodes)
    for box in boxes(drawn):  # nothing hides in a box without a mark on it
        said = " ".join(_dot._said(box))
        for m in filter(_parts.anomaly, box.members):
            if m.state == "ok":
                assert any(abs(c.decades) >= 3 for c in box.cells) or box.state != "ok"
            else:
                assert ("none" if m.state == "absent" else m.state) in said
                assert box.state != "ok"
    if keep:  # all are drawn by themselves wherever there is room for that
        tree = _parts.Tree(whole, min(_parts.WIDEST, max_nodes))
        tree.open_anomalies(10**9)
        if tree.visible <= max_nodes:
            visible = {n.id for n in drawn.nodes}
            assert all(n.id in visible for n in whole.nodes if _parts.anomaly(n))


@settings(max_examples=40, deadline=None)
@given(whole=networks(), data=st.data())
def test_one_anomaly_is_always_drawn_by_itself(whole, data):
    nodes = [
        replace(n, state="ok", decades=0.0, rms=1.0, nonfinite=0, note="") for n in whole.nodes
    ]
    i = data.draw(st.integers(0, len(nodes) - 1))
    for how in ("zero", "tiny", "nonfinite", "absent"):
        nodes[i] = node(i, nodes[i].scope, nodes[i].op, nodes[i].shape, how)
        drawn = _fold.fold(recording(nodes, whole.edges), max_nodes=200)
        assert f"n{i}" in {n.id for n in drawn.nodes}


@settings(max_examples=40, deadline=None)
@given(whole=networks(), max_nodes=st.integers(1, 100))
def test_edges_are_merged_and_none_is_lost(whole, max_nodes):
    drawn = _fold.fold(whole, "auto", "anomalies", max_nodes)
    at = {m.id: n.id for n in drawn.nodes for m in getattr(n, "members", None) or (n,)}
    expected = Counter((at[e.source], at[e.target]) for e in whole.edges)
    expected = {ends: count for ends, count in expected.items() if ends[0] != ends[1]}
    found = Counter()
    for e in drawn.edges:
        found[e.source, e.target] += e.count
        uses = [u for u in whole.edges if (at[u.source], at[u.target]) == (e.source, e.target)]
        if e.count > 1:
            known = [u.rms for u in uses if u.rms == u.rms]
            assert e.state == "nonfinite" or not known or e.rms == max(known)
            if known:
                assert e.median == statistics.median(known)
    assert found == expected


def test_repeats_are_found_in_the_middle_and_of_the_longest_reach():
    assert _parts.repeats([5, 1, 1, 2, 1, 1, 2, 1, 1, 2, 5]) == [(0, 1, 1), (1, 3, 3), (10, 1, 1)]
    assert _parts.repeats([1, 2, 1, 2]) == [(i, 1, 1) for i in range(4)]  # twice is no repeat
    assert _parts.repeats([]) == []


def test_pooled_strips_keep_the_worst():
    nodes = [node(i) for i in range(1000)]
    nodes[717] = node(717, state="nonfinite")
    drawn = _fold.fold(recording(nodes), keep=None)
    (box,) = boxes(drawn)
    assert len(box.cells) == _fold.CELLS
    assert [i for i, c in enumerate(box.cells) if c.state == "nonfinite"] == [717 * 64 // 1000]
    assert [n.id for n in _fold.fold(recording(nodes)).nodes] == ["bn0", "n717", "bn718"]


# ---------------------------------------------------------------- networks
class Block(nn.Module):
    def __init__(self, n):
        self.norm = nn.LayerNorm(n)
        self.a, self.b, self.act = nn.Linear(n, 2 * n), nn.Linear(2 * n, n), nn.ReLU()

    def forward(self, x):
        return x + self.b(self.act(self.a(self.norm(x))))


def residual(blocks=12):
    ad.random.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(8, 6), nn.Sequential(*(Block(6) for _ in range(blocks))), nn.Linear(6, 3)
    )
    return net, (net(ad.random.normal((5, 8))) ** 2).mean()


class Loop(nn.Module):
    def __init__(self):
        self.x, self.h, self.head = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 2)

    def forward(self, x):
        h = ad.zeros((3, 5))
        for t in range(x.shape[1]):
            h = ad.tanh(self.x(x[:, t]) + self.h(h))
        return self.head(h)


def test_twelve_blocks_are_one_box_with_twelve_cells():
    net, loss = residual()
    graph = viz.graph(loss, model=net, max_nodes=30)
    assert len(graph.nodes) > 100 and graph.nodes == viz.graph(loss, model=net).nodes
    (box,) = boxes(graph.drawn)
    assert box.title == "Block ×12" and box.name == "1.0 … 1.11"
    assert len(box.cells) == 12
    for i, cell in enumerate(box.cells):
        own = [n for n in graph.nodes if n.scope == f"1.{i}" or n.scope.startswith(f"1.{i}.")]
        middle = sorted(n.decades for n in own)[(len(own) - 1) // 2]
        assert cell.decades == middle, i
    dot = graph.dot()
    fills = [viz._look.fill("ok", c.decades) for c in box.cells]
    assert f'fillcolor="{":".join(fills)}"' in dot and "style=striped" in dot
    assert dot == viz.graph(loss, model=net, max_nodes=30).dot()
    assert f"lhead=cluster_{box.id}" in dot and f"ltail=cluster_{box.id}" in dot


def test_a_sick_block_is_opened_between_the_healthy_ones():
    net, _ = residual()
    net[1][7].b.weight.data[:] *= 1e-6  # little comes back through it
    loss = (net(ad.random.normal((5, 8))) ** 2).mean()
    graph = viz.graph(loss, model=net, max_nodes=60)
    assert {"1.7.a.weight", "1.7.norm.layer_norm"} <= {n.name for n in graph.drawn.nodes}
    assert [b.name for b in boxes(graph.drawn)] == ["1.0 … 1.6", "1.8 … 1.11"]
    (box,) = boxes(viz.graph(loss, model=net, max_nodes=60, keep=None).drawn)
    assert box.name == "1.0 … 1.11" and abs(box.cells[7].decades) > 3


def test_steps_fold_over_time():
    ad.random.manual_seed(1)
    net = Loop()
    loss = (net(ad.random.normal((3, 30, 4))) ** 2).mean()
    graph = viz.graph(loss, model=net, keep=None)
    assert len(graph.nodes) > 120
    found = {b.scope or "": b for b in boxes(graph.drawn)}
    assert {len(b.cells) for b in found.values()} == {30}
    assert found["x"].title == "linear ×30" and found[""].title == "add + tanh ×30"
    steps = [n for n in graph.nodes if n.scope == "x" and n.op == "linear"]
    assert [c.decades for c in found["x"].cells] == [n.decades for n in steps]
    whole = viz.graph(loss, model=net, collapse=0, keep=None)
    (x,) = [b for b in boxes(whole.drawn) if b.name == "x"]
    assert x.title == "Linear, linear ×30" and len(x.cells) == 30


def test_a_depth_opens_that_many_levels():
    net, loss = residual(3)

    def drawn(depth):
        return {n.name for n in viz.graph(loss, model=net, collapse=depth).drawn.nodes}

    assert {"0", "1", "2"} <= drawn(0) and "0.weight" not in drawn(0)
    assert {"0.weight", "1.0 … 1.2", "2.weight"} <= drawn(1)
    assert {"1.0.norm", "1.1.a", "1.2.add"} <= drawn(2)
    assert drawn(3) == drawn(None) == {n.name for n in viz.graph(loss).nodes}


def test_a_closed_module_shows_least_median_and_most():
    net, loss = residual(1)
    graph = viz.graph(loss, model=net, collapse=0)
    (box,) = [b for b in boxes(graph.drawn) if b.name == "1"]
    own = sorted((n for n in graph.nodes if n.scope.startswith("1")), key=lambda n: n.decades)
    assert [c.decades for c in box.cells] == [
        own[0].decades, own[(len(own) - 1) // 2].decades, own[-1].decades
    ]  # fmt: skip
    assert f"({len(own)} tensors)" in graph.dot()


@pytest.mark.parametrize("option", [
    {"collapse": -1}, {"collapse": True}, {"collapse": "all"}, {"keep": "all"}, {"max_nodes": 0},
])  # fmt: skip
def test_options_that_make_no_sense(option):
    x = ad.tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match=f"{next(iter(option))} must be"):
        viz.graph((x * x).sum(), **option)


def test_a_folded_picture_renders():
    net, loss = residual()
    svg = viz.graph(loss, model=net, max_nodes=30).svg()
    assert svg.count("Block ×12") >= 1 and "132 tensors" in svg


def test_a_layer_that_runs_over_time_is_folded_over_time():
    """Its steps read the outputs of one op, which are unlike by their number alone."""
    lstm = nn.LSTM(4, 8)
    out = lstm(ad.random.normal((60, 2, 4)))[0]
    graph = viz.graph((out**2).mean(), model=lstm)
    titles = [n.title for n in graph.drawn.nodes if isinstance(n, BoxRecord)]
    assert any("×60" in title for title in titles), titles
    assert any(title.startswith("lstm_step") and "×59" in title for title in titles), titles


def test_many_leaves_of_one_op_are_a_strip_beside_it():
    leaves = [ad.tensor([1.0], requires_grad=True, name=f"p{i}") for i in range(300)]
    drawn = viz.graph(ad.concatenate(leaves).sum()).drawn.nodes
    assert [getattr(n, "title", "") or n.name for n in drawn][1:] == ["concatenate", "sum"]
    assert drawn[0].title == "parameter ×300" and len(drawn[0].members) == 300


def steps(states):
    """A loop of one op, whose steps are in these states, and a loss."""
    nodes = [node(i, "cell", "tanh", state=state) for i, state in enumerate(states)]
    return recording([*nodes, node(len(nodes), "", "mean", ())])


def test_a_long_loop_is_folded_also_where_there_is_room_and_shows_where_a_state_begins():
    drawn = _fold.fold(steps(["tiny"] * 40))  # sick as a whole: nothing begins
    assert [(n.id, n.state) for n in drawn.nodes] == [("bn0", "tiny"), ("n40", "ok")]
    drawn = _fold.fold(steps(["zero"] * 5 + ["tiny"] * 15 + ["ok"] * 20))
    assert [(n.id, n.state) for n in drawn.nodes] == [
        ("bn0", "zero"), ("n4", "zero"), ("bn5", "tiny"), ("n19", "tiny"), ("bn20", "ok"),
        ("n40", "ok"),
    ]  # fmt: skip
    drawn = _fold.fold(steps(["ok"] * 20 + ["nonfinite", "tiny", "tiny", "ok"] + ["ok"] * 16))
    assert [n.id for n in drawn.nodes] == ["bn0", "n20", "n21", "n22", "bn23", "n40"]
    short = steps(["tiny"] * 16)
    assert _fold.fold(short) is short
    layers = recording([node(i, f"{i}", "tanh") for i in range(40)])  # a deep network is no loop
    assert _fold.fold(layers) is layers


def test_an_lstm_that_is_sick_as_a_whole_is_a_small_picture():
    lstm = nn.LSTM(4, 8)
    for count in (27, 40):
        out = lstm(ad.random.normal((count, 2, 4)))[0]
        graph = viz.graph(out.mean() * 1e-9, model=lstm)
        assert {n.state for n in graph.nodes[:-1]} == {"tiny"}
        assert len(graph.drawn.nodes) < 20
