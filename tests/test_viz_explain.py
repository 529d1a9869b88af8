"""What explain says: formulas against the rules themselves, numbers against NumPy."""

import math
import re

import numpy as np
import pytest
from scipy import special

import autodiff as ad
import nn
import viz
from viz._formulas import FORMULAS, NO_GRADIENT, SENTENCES, formula
from viz._local import local_derivatives

OURS = {n: op for n, op in ad.REGISTRY.items() if op.__module__.split(".")[0] in ("autodiff", "nn")}
FAMILIES = {name for names in SENTENCES.values() for name in names.split()}


# ---------------------------------------------------------------- formulas
def test_every_op_has_a_formula_or_a_sentence():
    lacking = set(OURS) - set(FORMULAS) - FAMILIES
    assert not lacking, "give each op its line in viz/_formulas.py"


def test_no_formula_is_left_behind_or_written_twice():
    assert not (set(FORMULAS) | FAMILIES) - set(OURS)
    assert not set(FORMULAS) & FAMILIES
    names = [name for names in SENTENCES.values() for name in names.split()]
    assert len(names) == len(set(names))


def test_ops_without_a_rule_have_no_gradient_and_the_others_have_one():
    for name, op in OURS.items():
        assert (formula(op).backward == NO_GRADIENT) == (not op.rules), name


NAMES = {
    "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "cos": np.cos, "sin": np.sin, "sign": np.sign,
    "cosh": np.cosh, "sinh": np.sinh, "tanh": np.tanh, "pi": math.pi, "floor": np.floor,
    "abs": np.abs, "sigmoid": special.expit, "digamma": special.digamma,
    "Phi": special.ndtr, "phi": lambda x: np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "polygamma": special.polygamma, "zero": 0.0,
}  # fmt: skip


def expressions(op):
    """The derivative of each operand, where the formula is an expression that can be computed."""
    whole = FORMULAS[op.name].backward
    parts = dict(re.findall(r"to (\w+): ([^;:]+)", whole)) or {op.operands[-1]: whole}
    for operand, text in parts.items():
        text = re.split(r":|, (?:and|but)", text)[0]
        try:
            yield operand, compile(text.strip(), op.name, "eval")
        except SyntaxError:
            continue


COMPUTABLE = [
    (name, operand, code)
    for name, op in OURS.items()
    if op.traits.elementwise and name in FORMULAS
    for operand, code in expressions(op)
]


def test_enough_formulas_are_computed():
    assert len(COMPUTABLE) > 55


@pytest.mark.parametrize(("name", "operand", "code"), COMPUTABLE, ids=lambda v: str(v)[:20])
def test_a_formula_is_what_the_rule_computes(name, operand, code):
    op, rng = OURS[name], np.random.default_rng(0)
    low = 1.1 if name == "arccosh" else 0.1
    arrays = {o: rng.uniform(low, low + 0.7, 5) for o in op.operands}
    if name == "polygamma":
        arrays["n"] = 1
    tensors = {
        o: ad.tensor(a, dtype=ad.float64, requires_grad=True) if o in op.rules else a
        for o, a in arrays.items()
    }
    out = op(*tensors.values())
    g = rng.normal(size=5)
    (actual,) = ad.gradients((out * ad.asarray(g)).sum(), [tensors[operand]])
    forward = special.expit if name in ("silu", "sigmoid") else np.tanh
    given = {"g": g, "out": out.data, "s": forward(arrays.get("x")), "t": out.data, **arrays}
    given |= {"slope": 0.01, "alpha": 1.0, "beta": 1.0}
    written = eval(code, NAMES, given)
    np.testing.assert_allclose(np.broadcast_to(written, 5), actual.data, rtol=1e-9, atol=1e-12)


def test_an_op_of_a_user_is_explained_by_its_docstring():
    @ad.op(x=lambda g: 2 * g)
    def doubled_for_explain(xp, x, /):
        """Twice ``x``."""
        return 2 * x

    try:
        row = formula(doubled_for_explain)
        assert row.forward == "Twice x" and "rules of its own for x" in row.backward
    finally:
        del ad.REGISTRY["doubled_for_explain"]


# ---------------------------------------------------------------- local derivatives
@pytest.mark.parametrize("make", [
    ad.sigmoid, ad.tanh, ad.relu, ad.exp, lambda x: x * 3.0, lambda x: 2.0 / x, lambda x: x**3.0,
    lambda x: x * x, lambda x: ad.clip(x, -0.5, 0.5), lambda x: ad.where(x > 0, 1.0, x),
    nn.functional.gelu, nn.functional.leaky_relu, lambda x: x + 1.0, lambda x: 1.0 - x,
    lambda x: ad.maximum(x, 0.3), lambda x: nn.functional.prelu(x, ad.asarray([0.2])),
])  # fmt: skip
def test_local_derivatives_are_those_of_the_rule(make):
    x = ad.tensor([-2.0, -0.3, 0.4, 1.7], dtype=ad.float64, requires_grad=True)
    out = make(x)
    found = local_derivatives(out.node)
    assert len(found) == len(set(out.node.operands)) > 0
    total = sum(np.broadcast_to(d, 4) for d in found.values())
    (expected,) = ad.gradients(out.sum(), [x])
    np.testing.assert_allclose(total, expected.data)


def test_operands_say_which_parent_is_which():
    a, b = (ad.tensor(np.ones((2, 2)), requires_grad=True) for _ in range(2))
    assert (a * b).node.operands == ("x", "y")
    assert (2.0 - a).node.operands == ("y",)
    assert ad.concatenate([a, b, a]).node.operands == ("xs",) * 3
    assert a.node.operands == ()
    assert ad.linalg.slogdet(a)[1].node.operands == ()
    layer = nn.Linear(2, 2)
    assert layer(ad.ones((1, 2))).node.operands == ("weight", "bias")


def test_nothing_is_known_where_nothing_can_be():
    a = ad.tensor(np.ones((2, 2)), requires_grad=True)
    assert local_derivatives(a.node) == {}
    assert local_derivatives((a @ a).node) == {}
    y = a * a
    y.sum().backward()
    assert local_derivatives(y.node) == {}


# ---------------------------------------------------------------- what is said
@pytest.fixture
def chain():
    ad.manual_seed(3)
    net = nn.Sequential(nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 2), nn.ReLU(), nn.Tanh())
    net[0].weight.data = net[0].weight.data * 8
    loss = (net(ad.random.normal((50, 4))) ** 2.0).mean()
    return loss, viz.graph(loss, model=net), net


def test_a_sigmoid_is_explained_by_its_inputs(chain):
    loss, graph, _ = chain
    node = next(n for n in graph.live.values() if n.op is ad.sigmoid)
    s = node.kept["out"].astype(float)
    said = viz.explain("1.sigmoid", graph)
    fact = next(f for f in said.facts if "because" in f)
    mean, share = re.search(
        r"mean of s' is ([\d.e-]+), because (\d+) % of the inputs", fact
    ).groups()
    assert float(mean) == pytest.approx(np.mean(s * (1 - s)), rel=6e-3)
    assert int(share) == round(100 * np.mean(abs(special.logit(s)) > 5))
    assert "at most 0.25" in said.backward
    record = next(n for n in graph.nodes if n.name == "1.sigmoid")
    edge = next(e for e in graph.edges if e.target == record.id)
    numbers = re.search(r"RMS: (\S+) arrives, (\S+) is .*×([^,)]+)", said.facts[-1])
    arrives, sent, factor = numbers.groups()
    assert float(arrives) == pytest.approx(record.rms, rel=6e-3)
    assert float(sent) == pytest.approx(edge.rms, rel=6e-3)
    assert float(factor) == pytest.approx(edge.rms / record.rms, rel=6e-3)


def test_relu_and_tanh_are_explained_by_what_they_keep(chain):
    loss, graph, _ = chain
    kept = {n.op.name: n.kept for n in graph.live.values() if n.op}
    dead = round(100 * np.mean(kept["relu"]["out"] <= 0))
    assert f"because {dead} % of the inputs are not above 0" in str(viz.explain("3.relu", graph))
    far = np.mean(abs(kept["tanh"]["out"]) > 0.97)
    fact = next(f for f in viz.explain("4.tanh", graph).facts if "of the outputs exceed" in f)
    assert ("because" in fact) == (far >= 0.05)  # fewer are no cause
    share = re.search(r"(none|\S+ %) of the outputs", fact)[1]
    share = 0.0 if share == "none" else float(share.removesuffix(" %"))
    assert share == pytest.approx(100 * far, abs=0.5)


def test_a_node_may_be_a_name_a_record_a_tensor_or_a_node(chain):
    loss, graph, net = chain
    record = next(n for n in graph.nodes if n.name == "0.weight")
    by_name = viz.explain("0.weight", graph)
    assert by_name == viz.explain(record, graph) == viz.explain(net[0].weight, graph)
    assert by_name == viz.explain(net[0].weight.node, graph)
    assert viz.explain(loss, graph).name == graph.nodes[-1].name
    assert viz.explain(loss).op == "mean" and "give the graph too" in str(viz.explain(loss))
    assert "give the graph too" in str(viz.explain(record))


def test_wrong_names_and_strangers(chain):
    _, graph, _ = chain
    with pytest.raises(KeyError, match=r"no node is called 'sigmoid'; there is 1\.sigmoid"):
        viz.explain("sigmoid", graph)
    with pytest.raises(TypeError, match="needs the graph"):
        viz.explain("sigmoid")
    with pytest.raises(KeyError, match="not in the graph"):
        viz.explain((ad.tensor([1.0], requires_grad=True) * 2.0), graph)
    with pytest.raises(TypeError, match="expected a Tensor"):
        viz.explain(3)


def test_a_weight_that_is_used_twice_is_a_sum():
    w = ad.tensor([3.0, -4.0], requires_grad=True, name="w")
    said = str(viz.explain("w", viz.graph((w * w).sum())))
    assert "used 2 times" in said and "3.54 (multiply) + 3.54 (multiply) gives 7.07" in said


def test_after_backward_it_says_what_is_gone(chain):
    loss, graph, _ = chain
    loss.backward()
    said = viz.explain("1.sigmoid", graph)
    assert any("released them" in f for f in said.facts)
    assert any("arrives" in f for f in said.facts)  # the graph has its numbers still


def test_without_the_loss_the_formula_and_the_gradients_remain():
    x = ad.tensor([1.0], requires_grad=True)
    graph = viz.graph(ad.sigmoid(x).sum())
    said = viz.explain("sigmoid", graph)
    assert "no longer held" in said.facts[0] and said.backward.startswith("g * s")


def test_a_ghost_is_explained():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    loss = net[0](ad.ones((1, 2))).sum()
    said = viz.explain("1.weight", viz.graph(loss, model=net))
    assert any("no gradient arrives: unused: its module was never called" in f for f in said.facts)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_scalar_mode_and_non_finite_derivatives():
    a = ad.Scalar(0.0, name="a")
    b = ad.sigmoid(a)
    assert "mean of s' is 0.25, and none of" in str(viz.explain(b, viz.graph(b)))
    x = ad.tensor([0.0, 4.0], requires_grad=True)
    loss = ad.sqrt(x).sum()
    assert "not finite at 1 of 2 entries" in str(viz.explain("sqrt", viz.graph(loss)))


def test_names_cannot_write_to_the_terminal():
    x = ad.tensor([1.0], requires_grad=True, name="\x1b[2J")
    graph = viz.graph((x * x).sum())
    assert "\x1b" not in str(viz.explain(x, graph)) + str(viz.explain("multiply", graph))


def test_a_graph_with_its_living_nodes_can_be_copied_and_pickled(chain):
    import copy
    import pickle

    _, graph, _ = chain
    # Read as text, since NaN is not equal to itself.
    assert repr(pickle.loads(pickle.dumps(graph)).nodes) == repr(graph.nodes)
    assert copy.deepcopy(graph).nodes == graph.nodes
