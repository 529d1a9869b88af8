"""Every number that a drawing shows, against PyTorch's on the same weights, in float64.

A network is written once. PyTorch's calls are kept with an alias of each operand (`tests.hooked`);
a node here and a call there are counterparts if they have made the same values.
"""

import math

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from demos import zoo
from tests import test_zoo

torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
from tests.hooked import FIELDS, Calls, Made, Sizes, spell_out  # noqa: E402

pytestmark = pytest.mark.parity
RELATIVE = 1e-6
WITHOUT = {  # nodes and edges that PyTorch has no counterpart of
    "deep MLP with dropout": 4,  # the twin of dropout is two products
    "embedding": 4,  # einsum of three operands is another product there
    "writes in place": 4,  # operands of what writes: an alias would be written instead
    "gradient penalty": 6,  # what the first derivative is made of
}
NOISE = 1e-13  # of the largest gradient: what cancels is compared with that


class Ours:
    """Names that differ, as this library has them."""

    concatenate, stack, where, take = ad.concatenate, ad.stack, ad.where, ad.take
    tanh, sigmoid, exp, log, sqrt = ad.tanh, ad.sigmoid, ad.exp, ad.log, ad.sqrt
    relu, matmul, einsum, split = nn.functional.relu, ad.matmul, ad.einsum, ad.split
    sign_and_logdet = ad.linalg.slogdet
    softmax = staticmethod(lambda x: nn.functional.softmax(x, -1))
    transpose = staticmethod(lambda x, *axes: ad.permute_dims(x, axes))
    checkpoint = ad.checkpoint
    constant = ad.tensor


class Theirs:
    """The same, as PyTorch has them."""

    stack, where = torch.stack, torch.where
    tanh, sigmoid, exp, log, sqrt = torch.tanh, torch.sigmoid, torch.exp, torch.log, torch.sqrt
    relu, matmul, einsum = torch.relu, torch.matmul, torch.einsum
    concatenate = staticmethod(lambda xs, axis: torch.cat(xs, axis))
    take = staticmethod(lambda x, i, axis: torch.index_select(x, axis, i))
    split = staticmethod(
        lambda x, n, axis: [x[:, k * (w := x.shape[axis] // n) : (k + 1) * w] for k in range(n)]
    )
    sign_and_logdet = torch.linalg.slogdet
    softmax = staticmethod(lambda x: torch.softmax(x, -1))
    transpose = staticmethod(lambda x, *axes: x.permute(axes))
    checkpoint = staticmethod(lambda fn, *args: fn(*args))
    constant = torch.tensor


def rng():
    return np.random.default_rng(7)


def deep_sigmoid(lib, p, x):
    for i in range(20):
        x = lib.sigmoid(x @ p[f"w{i}"] + p[f"b{i}"])
    return (x * x).mean()


def shared(lib, p, x):
    for _ in range(3):
        x = lib.tanh(x @ p["w"] + p["b"])
    return ((x @ p["w"]) * x).sum()


def residual(lib, p, x):
    for i in range(4):
        x = x + lib.relu(x @ p[f"in{i}"]) @ p[f"out{i}"]
    return (x * x).mean()


def broadcasts(lib, p, x):
    table = p["row"].reshape(1, 5) * p["column"].reshape(4, 1) + p["number"]
    y = x * table + p["row"]
    return (lib.exp(y * 0.1) / (p["column"].reshape(4, 1) * p["column"].reshape(4, 1) + 1.0)).sum()


def lstm(lib, p, x):
    h = c = lib.constant(np.zeros((6, 4)))
    for t in range(5):
        gates = x[:, t] @ p["w"] + h @ p["u"] + p["b"]
        i, f, g, o = lib.split(gates, 4, 1)
        c = lib.sigmoid(f) * c + lib.sigmoid(i) * lib.tanh(g)
        h = lib.sigmoid(o) * lib.tanh(c)
    return (h * h).mean()


def vanilla_recurrence(lib, p, x):
    h, states = lib.constant(np.zeros((6, 4))), []
    for t in range(8):
        h = lib.tanh(x[:, t] @ p["w"] + h @ p["u"] + p["b"])
        states.append(h)
    return (lib.stack(states) ** 2).mean()


def batch_normed(lib, p, x):
    for i in range(3):
        z = x @ p[f"w{i}"]
        centred = z - z.mean(0)
        variance = (centred * centred).mean(0)
        x = lib.relu(centred / lib.sqrt(variance + 1e-5) * p[f"gamma{i}"] + p[f"beta{i}"])
    return (x * x).mean()


def attention(lib, p, x):
    q, k, v = x @ p["q"], x @ p["k"], x @ p["v"]
    heads = [lib.transpose(t.reshape(2, 5, 2, 4), 0, 2, 1, 3) for t in (q, k, v)]
    scores = lib.matmul(heads[0], lib.transpose(heads[1], 0, 1, 3, 2)) / 2.0
    mask = lib.constant(np.tril(np.ones((5, 5))) > 0)
    weights = lib.softmax(lib.where(mask, scores, lib.constant(-1e9)))
    y = lib.transpose(lib.matmul(weights, heads[2]), 0, 2, 1, 3).reshape(2, 5, 8)
    y = x + y @ p["o"]
    return (y * y).mean()


def views(lib, p, x):
    """All weights are parts of one parameter, and one of them is used transposed too."""
    flat = p["flat"]
    a, b = flat[:20].reshape(5, 4), flat[20:24]
    h = lib.tanh(x @ a + b)
    return ((h @ lib.transpose(a, 1, 0) - x) ** 2).mean()


def several_outputs(lib, p, x):
    sign, logdet = lib.sign_and_logdet(p["a"])
    first, _, third = lib.split(x @ p["a"], 3, 1)  # the second reaches nothing
    return logdet + (first * third).sum()


def dense(lib, p, x):
    for i in range(3):
        x = lib.concatenate([x, lib.relu(x @ p[f"w{i}"])], 1)
    return lib.log(lib.exp(x).sum(1)).mean()


def embedded(lib, p, x):
    tokens = lib.constant(np.array([0, 2, 2, 1, 4, 2]))
    y = lib.tanh(lib.take(p["table"], tokens, 0) @ p["w"])
    return lib.einsum("ij,kj,ik->", y, y, x)


def written(lib, p, x):
    """Writes in place into the result of an op."""
    y = x @ p["w"]
    y[1:3] = p["v"] * 2.0
    y += p["b"]
    return (lib.tanh(y) * y).sum()


def dead_branch(lib, p, x):
    h = lib.relu(x @ p["w"] - 100.0)  # nothing passes
    kept = x @ p["v"]
    return (h @ p["u"]).sum() + (kept * kept.detach()).mean()


def checkpointed(lib, p, x):
    def block(x, w, b):
        return lib.tanh(lib.tanh(x @ w + b) @ w)

    for _ in range(2):
        x = lib.checkpoint(block, x, p["w"], p["b"])
    return (x * x).mean()


def expression(lib, p, x):
    a, b, c = p["a"], p["b"], p["c"]
    d = lib.tanh(a * b + c) * a
    return d / (b * b + 1.0) + lib.exp(-d) - a * a


def shapes(pattern, n, *shape):
    return {pattern.format(i): shape for i in range(n)}


WRITTEN = {
    "deep sigmoid": (deep_sigmoid, shapes("w{}", 20, 6, 6) | shapes("b{}", 20, 6), (8, 6)),
    "shared weights": (shared, {"w": (5, 5), "b": (5,)}, (6, 5)),
    "residual sums": (residual, shapes("in{}", 4, 5, 7) | shapes("out{}", 4, 7, 5), (6, 5)),
    "broadcasts": (broadcasts, {"row": (5,), "column": (4,), "number": ()}, (3, 4, 5)),
    "LSTM": (lstm, {"w": (3, 16), "u": (4, 16), "b": (16,)}, (6, 5, 3)),
    "vanilla recurrence": (vanilla_recurrence, {"w": (3, 4), "u": (4, 4), "b": (4,)}, (6, 8, 3)),
    "batch norm": (
        batch_normed,
        shapes("w{}", 3, 5, 5) | shapes("gamma{}", 3, 5) | shapes("beta{}", 3, 5),
        (8, 5),
    ),
    "attention": (attention, dict.fromkeys("qkvo", (8, 8)), (2, 5, 8)),
    "views of one parameter": (views, {"flat": (24,)}, (7, 5)),
    "several outputs": (several_outputs, {"a": (6, 6)}, (4, 6)),
    "dense": (dense, {"w0": (4, 3), "w1": (7, 3), "w2": (10, 3)}, (5, 4)),
    "embedding": (embedded, {"table": (5, 4), "w": (4, 3)}, (6, 6)),
    "writes in place": (written, {"w": (3, 4), "v": (2, 4), "b": (4,)}, (5, 3)),
    "dead branch": (dead_branch, {"w": (3, 4), "v": (3, 2), "u": (4, 1)}, (5, 3)),
    "checkpoint": (checkpointed, {"w": (4, 4), "b": (4,)}, (5, 4)),
}


class Counterparts:
    """The tensor of PyTorch for each node of a loss, and the alias for each edge."""

    def __init__(self, loss, values, leaves, calls):
        self.order = ancestors(loss.node)
        self.made = {}
        self.calls = {}
        self.joined = {}
        outputs = [(call, made) for call in calls for made in call.outputs]
        for node in self.order:
            if node.op is None:
                self.made[node] = leaves[id(node.tensor)]
                continue
            value = values_of(node, values)
            if value is None:
                continue
            for at, (call, made) in enumerate(outputs):
                if same(made.value, value):
                    self.made[node], self.calls[node] = made, call
                    del outputs[at]
                    break
        self._join_outputs()

    def _join_outputs(self):
        """The gradient of an op of several outputs is that of all that are used."""
        used = {}
        for node in self.order:
            if node.output is not None:
                used.setdefault(node.parents[0], []).append(node)
        for node, parts in used.items():
            if all(part in self.made for part in parts):
                self.calls[node] = self.calls[parts[0]]
                self.joined[node] = [self.made[part].gradient.ravel() for part in parts]

    def gradient(self, node):
        """PyTorch's gradient of what a node made; None if PyTorch has made no such thing."""
        if node in self.joined:
            return np.concatenate(self.joined[node])
        return self.made[node].gradient if node in self.made else None

    def value(self, node):
        """What PyTorch's op made; all outputs that are used, of several."""
        if node in self.joined:
            parts = [n for n in self.order if n.output is not None and n.parents[0] is node]
            whole = len(parts) == len(node.shape)
            return np.concatenate([self.made[n].value.ravel() for n in parts]) if whole else None
        return self.made[node].value if node in self.made else None

    def use(self, node, i):
        """PyTorch's gradient of that use; None if its op has no such operand."""
        parent, call = node.parents[i], self.calls.get(node)
        if node.output is not None:
            return self.gradient(node)
        source = self.made.get(parent)
        if call is None or source is None:
            return None
        found = [twin for tensor, twin in call.operands if tensor is source.tensor]
        before = node.parents[:i].count(parent)
        whole = len(found) == node.parents.count(parent)
        return found[before].gradient if whole else None


def ancestors(root):
    seen, stack = {root}, [root]
    while stack:
        new = set(stack.pop().parents) - seen
        seen |= new
        stack += new
    return sorted(seen, key=lambda n: n.index)


def values_of(node, values):
    """What the op made; None of an op of several outputs, which is no tensor."""
    if node.output is not None:
        return values[node.parents[0]][node.output] if node.parents[0] in values else None
    return None if isinstance(values.get(node), tuple) else values.get(node)


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-10, atol=1e-14)


class Compared:
    """Labels that agree, counted."""

    def __init__(self):
        self.nodes = self.edges = self.values = self.gains = 0
        self.without = []

    def check(self, loss, values, leaves, calls, edges=True, **options):
        pairs = Counterparts(loss, values, leaves, calls)
        graph = viz.graph(loss, ghosts=False, **options)
        records = dict(zip(pairs.order, graph.nodes, strict=True))
        at = {r.id: node for node, r in records.items()}
        largest = max(Sizes(made.gradient).rms for made in pairs.made.values())
        self.noise = largest * NOISE
        for node, found in records.items():
            expected = pairs.gradient(node)
            if expected is None:
                self.without.append(found.name)
                continue
            agree(found, expected, self.noise)
            self.nodes += 1
        used = {}
        for edge in graph.edges if edges else ():
            node = at[edge.target]
            i = used[node] = used.get(node, -1) + 1
            assert records[node.parents[i]].id == edge.source
            expected = pairs.use(node, i)
            if expected is None:
                self.without.append(edge.name)
                continue
            agree(edge, expected, self.noise)
            self.edges += 1
        if edges:
            self._value(loss, pairs, records, options)
            self._gain(loss, pairs, records, options)

    def _value(self, loss, pairs, records, options):
        """The sizes of what each op made, and of what each operand was."""
        graph = viz.graph(loss, mode="value", ghosts=False, **options)
        for node, found in zip(pairs.order, graph.nodes, strict=True):
            expected = pairs.value(node)
            if expected is None:
                continue
            agree(found, expected, NOISE)
            assert found.value.mean == pytest.approx(np.mean(expected), rel=RELATIVE, abs=NOISE)
            assert found.value.std == pytest.approx(np.std(expected), rel=RELATIVE, abs=NOISE)
            self.values += 1

    def _gain(self, loss, pairs, records, options):
        """What a use sends back over what its op received, and all that it sends."""
        graph = viz.graph(loss, mode="gain", ghosts=False, **options)
        at = {found.id: node for node, found in zip(pairs.order, graph.nodes, strict=True)}
        sent = {}
        for edge in graph.edges:
            node = at[edge.target]
            i = len(sent.setdefault(node, []))
            expected, received = pairs.use(node, i), pairs.gradient(node)
            sent[node].append(expected)
            if expected is None or received is None or self._cancels(received):
                continue
            share = Sizes(expected).rms / Sizes(received).rms
            assert edge.gain == pytest.approx(share, rel=10 * RELATIVE, abs=NOISE), edge.name
            self.gains += 1
        for found in graph.nodes:
            node = at[found.id]
            parts, received = sent.get(node, [None]), pairs.gradient(node)
            if any(part is None for part in parts) or received is None or self._cancels(received):
                continue
            together = np.concatenate([np.ravel(part) for part in parts])
            gain = Sizes(together).rms / Sizes(received).rms
            assert found.gain == pytest.approx(gain, rel=10 * RELATIVE, abs=NOISE), found.name
            self.gains += 1

    def _cancels(self, array):
        """Zero, or rounding error around it."""
        return Sizes(array).rms <= 1e6 * self.noise

    def report(self, name):
        """How many there were (``pytest -s`` shows it); all but those known to have none."""
        print(
            f"\n{name}: {self.nodes} nodes, {self.edges} edges, {self.values} values, "
            f"{self.gains} gains; without {self.without}"
        )
        assert len(self.without) == WITHOUT.get(name, 0)


def agree(found, array, noise):
    expected = Sizes(array)
    assert found.size == expected.size, found.name
    for name in FIELDS:
        scale = math.sqrt(expected.size) if name == "l2" else 1.0
        known = pytest.approx(getattr(expected, name), rel=RELATIVE, abs=noise * scale)
        assert getattr(found, name) == known, (found.name, name)


def taped(run):
    """The result of ``run``, and what each op made."""
    values = {}

    def keep(node, out):
        values[node] = tuple(map(np.array, out)) if isinstance(out, tuple) else np.array(out)

    with ad.tap(keep), viz.record():
        return run(), values


@pytest.mark.parametrize("name", WRITTEN)
def test_every_label_of_what_is_written_out(name):
    build, parameters, shape = WRITTEN[name]
    random = rng()
    start = {key: random.normal(size=s) / max(1, s[0] if s else 1) ** 0.5
             for key, s in parameters.items()}  # fmt: skip
    x = random.normal(size=shape)
    ours = {k: ad.tensor(v, requires_grad=True, name=k) for k, v in start.items()}
    theirs = {k: torch.tensor(v, requires_grad=True) for k, v in start.items()}
    leaves = {id(ours[k]): Made(theirs[k]) for k in start}
    loss, values = taped(lambda: build(Ours, ours, ad.tensor(x)))
    with Calls() as calls:
        other = build(Theirs, theirs, torch.tensor(x))
    other.backward()
    assert loss.item() == pytest.approx(other.item(), rel=1e-12)
    compared = Compared()
    compared.check(loss, values, leaves, calls.made)
    compared.report(name)


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_every_label_of_the_zoo(name, monkeypatch):
    torch.manual_seed(0)
    network = zoo.NETWORKS[name]
    theirs = network.build(torch.nn, torch.cat).double()
    ours = network.build(nn, ad.concatenate).double()
    ours.load_state_dict(theirs.state_dict())
    test_zoo.with_the_same_masks(monkeypatch, torch)
    x, wanted = test_zoo.batch(network)
    loss, values = taped(
        lambda: test_zoo.loss_of(network, nn)(ours(ad.tensor(x)), ad.tensor(wanted))
    )
    twins = dict(theirs.named_parameters())
    leaves = {id(p): Made(twins[key]) for key, p in ours.named_parameters()}
    calls = Calls()
    spell_out(monkeypatch, calls)
    with calls:
        other = test_zoo.loss_of(network, torch.nn)(theirs(torch.tensor(x)), torch.tensor(wanted))
    other.backward()
    compared = Compared()
    compared.check(loss, values, leaves, calls.made, model=ours)
    compared.report(name)


def test_every_label_of_an_expression_in_scalar_mode():
    start = {"a": 0.7, "b": -1.3, "c": 2.1}
    ours = {k: ad.Scalar(v, name=k) for k, v in start.items()}
    theirs = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in start.items()}
    leaves = {id(ours[k]): Made(theirs[k]) for k in start}
    result, values = taped(lambda: expression(Ours, ours, None))
    with Calls() as calls:
        other = expression(Theirs, theirs, None)
    other.backward()
    compared = Compared()
    compared.check(result, values, leaves, calls.made)
    compared.report("expression")
    pairs = Counterparts(result, values, leaves, calls.made)
    for node, record in zip(pairs.order, viz.scalar_graph(result).nodes, strict=True):
        assert record.gradient == pytest.approx(float(pairs.gradient(node)), rel=RELATIVE)
        assert record.value == pytest.approx(float(pairs.made[node].value), rel=RELATIVE)


def penalty(lib, p, x, gradients):
    y = (lib.tanh(x @ p["w"]) * p["v"]).sum()
    g = gradients(y, [p["w"], p["v"]], create_graph=True)
    return (g[0] * g[0]).sum() + (g[1] * g[1]).sum() + y


def test_labels_of_a_graph_that_holds_derivatives():
    """A gradient penalty. PyTorch's second derivative reads the aliases too: nodes alone."""
    random = rng()
    start = {"w": random.normal(size=(4, 3)), "v": random.normal(size=3)}
    x = random.normal(size=(5, 4))
    ours = {k: ad.tensor(v, requires_grad=True, name=k) for k, v in start.items()}
    theirs = {k: torch.tensor(v, requires_grad=True) for k, v in start.items()}
    leaves = {id(ours[k]): Made(theirs[k]) for k in start}
    loss, values = taped(lambda: penalty(Ours, ours, ad.tensor(x), ad.gradients))
    with Calls() as calls:
        other = penalty(Theirs, theirs, torch.tensor(x), torch.autograd.grad)
    other.backward()
    compared = Compared()
    compared.check(loss, values, leaves, calls.made, edges=False)
    compared.report("gradient penalty")


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [("SGD", {"lr": 1e-6}), ("SGD", {"lr": 1e-5, "momentum": 0.9}), ("Adam", {"lr": 1e-9})],
)
def test_the_share_of_updates_that_rounding_loses(optimizer, options):
    """Entries that PyTorch's optimizer leaves as they were, though their gradient is not 0."""
    network = zoo.NETWORKS["MLP"]
    torch.manual_seed(0)
    theirs = network.build(torch.nn, torch.cat)
    ours = network.build(nn, ad.concatenate)
    ours.load_state_dict(theirs.state_dict())
    x, wanted = test_zoo.batch(network)
    mine = getattr(nn.optim, optimizer)(ours.parameters(), **options)
    loss = nn.functional.cross_entropy(ours(ad.tensor(x, dtype="float32")), ad.tensor(wanted))
    graph = viz.graph(loss, model=ours, optimizer=mine, mode="stall")
    found = {n.name: n for n in graph.nodes if n.kind == "parameter"}
    other = getattr(torch.optim, optimizer)(theirs.parameters(), **options)
    inputs = torch.tensor(x, dtype=torch.float32)
    torch.nn.functional.cross_entropy(theirs(inputs), torch.tensor(wanted)).backward()
    before = {key: p.detach().clone() for key, p in theirs.named_parameters()}
    other.step()
    shares = {}
    for key, p in theirs.named_parameters():
        lost = (p.detach() == before[key]) & (p.grad != 0)
        shares[key] = lost.double().mean().item()
        # A gradient that differs in its last bit may fall on the other side of a rounding.
        assert found[key].stalled == pytest.approx(shares[key], abs=max(0.01, 1.5 / p.numel()))
    assert 0.02 < max(shares.values()) and min(shares.values()) < 0.98
