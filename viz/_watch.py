"""`watch`: which steps of a training loop are looked at, and what is measured in them.

A step is what lies between two updates of the model's parameters, which the engine's clock of
writes tells. Between samples there is one question at the start of each backward pass; no tap and
no observer is on.
"""

import math
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import autodiff as ad

from . import _activity
from ._names import Names, Unique
from ._stats import Collector, summarized, whole


class Sampler:
    """Decides when to look, and gives the numbers of a sampled step to a `Recorder`."""

    def __init__(self, record: Any, model: Any, optimizer: Any) -> None:
        self.record, self.model, self.optimizer = record, model, optimizer
        self.watch = ad.Watch(self.begin, self.tap)
        self.told = False  # whether the loop calls `step` itself
        self.walked = False  # whether this step had a backward pass
        self.time = self.checked = 0
        self.sample: Sample | None = None

    def enter(self) -> None:
        """Begin with the step that the record has come to."""
        self.names = Names((), self.model)
        self.record.begin(
            [(name, p.size) for p, name in self.names.parameters.values()], self.names.kinds
        )
        self.walked = False
        self.watch.__enter__()
        self._start()

    def exit(self) -> None:
        """Keep the last sample, also if no update came after its backward pass."""
        self.watch.__exit__(None, None, None)
        moved = self.moved()
        if moved or (self.sample is not None and self.sample.gradients):
            self.next(moved)

    def _start(self) -> None:
        self.sample = Sample(self) if self.record.due() else None
        self.watch.tapping = self.sample is not None

    def moved(self) -> bool:
        """Whether a parameter was written since the last backward pass began."""
        last = ad.backend.LAST_WRITE[0]
        if not self.walked or last <= self.checked:
            return False
        self.checked = last
        return any(
            p.requires_grad and ad.backend.written_since(p.data, self.time)
            for p, _ in self.names.parameters.values()
        )

    def next(self, moved: bool = True) -> None:
        """A step is over."""
        if self.sample is not None and self.walked:
            self.record.add(self.sample.finish(moved))
        self.record.step_count += 1
        self.walked = False
        self._start()

    def begin(self, roots: list[ad.Node], deposit: bool) -> Any:
        """A backward pass begins: asked by the engine."""
        if not deposit:  # gradients(), viz.graph(): not training
            return None
        if not self.told and self.moved():
            self.next()
        self.walked = True
        self.time = self.checked = ad.backend.tick()
        self.watch.tapping = self.sample is not None or (not self.told and self.record.due(1))
        if self.sample is None:
            return None
        self.sample.begin(roots)
        return self.sample.look

    def tap(self, node: ad.Node, out: Any) -> None:
        """An op was recorded: in a step that is sampled, or to see where one begins."""
        if not self.told and self.moved():
            self.next()
        if self.sample is not None:
            self.sample.tap(node, out)


class Sample:
    """What is measured in one step. Arrays stay where they are until `finish` fetches numbers."""

    def __init__(self, sampler: Sampler) -> None:
        self.record, self.names = sampler.record, sampler.names
        self.optimizer = sampler.optimizer
        self.loss: Any = None
        self.collector = Collector()
        self.gradients: dict[str, int] = {}  # by parameter: places in the collector
        self.flows: dict[str, tuple[list[int], int]] = {}  # gradients of activations, and size
        self.activity: dict[str, tuple[int, int | None]] = {}  # values, and the share that rests
        self.before: dict[str, tuple[Any, Any]] = {}  # parameters, and copies of their data
        self.rows: weakref.WeakKeyDictionary[ad.Node, str] = weakref.WeakKeyDictionary()
        self.losses: weakref.WeakKeyDictionary[ad.Node, Any] = weakref.WeakKeyDictionary()
        self.passes: list[int] = []  # places of the losses that reached a parameter of the model
        self.roots: list[int] = []  # and of those of the pass that is under way
        self.scope: Any = None
        self.results: list[tuple[ad.Node, str, Any]] = []  # of the call, read by nothing in it
        self.last: dict[str, weakref.WeakSet[ad.Node]] = {}  # what a name stands for: the last call
        self.met: set[str] = set()  # names that the pass under way came by
        self.calls: dict[int, tuple[Any, Unique]] = {}  # by the identity of the scope
        self.histograms = sampler.record.wants_histogram()

    # ------------------------------------------------------------ forward
    def tap(self, node: ad.Node, out: Any) -> None:
        """Measure activations, and what a module with parameters returns."""
        if node.scope is not self.scope:
            self._flush()
            self.scope = node.scope
        if isinstance(out, tuple):
            out = out[0]
        while type(out) in ad.backend.WRAPPERS:  # of vmap
            out = out.inner
        if not getattr(out, "size", 0):
            return
        if out.size == 1:
            self.losses[node] = out
        path = self._path(node.scope)
        if path is None:
            return
        op = node.op.name
        name = f"{path}.{op}" if path else op
        if _activity.kind(op):
            _, unique = self.calls.setdefault(id(node.scope), (node.scope, Unique()))
            self._measure([node], unique(name), out)
            self.results = []
        elif path in self.record.owners:
            read = {p if p.output is None else p.parents[0] for p in node.parents}
            self.results = [result for result in self.results if result[0] not in read]
            self.results.append((node, name, out))

    def _path(self, scope: Any) -> str | None:
        """The path of the innermost module of the model in whose call we are; None if in none."""
        while scope is not None:
            found = self.names.modules.get(id(scope.module()))
            if found is not None:
                return found[1]
            scope = scope.outer
        return None

    def _flush(self) -> None:
        if self.results:
            # Of several, as of a recurrent layer, the largest is the output, the others its state.
            node, name, out = max(self.results, key=lambda result: result[2].size)
            self._measure([node, *[other for other, *_ in self.results]], name, out)
            self.results = []

    def _measure(self, nodes: Sequence[ad.Node], name: str, out: Any) -> None:
        """Note the first of these nodes by its value, and all for the gradients to come."""
        self.record.add_activation(name, nodes[0].op.name)
        self.rows.update(dict.fromkeys(nodes, name))
        self.last[name] = weakref.WeakSet(nodes)
        resting = _activity.resting(nodes[0])
        self.activity[name] = (
            self.collector.keep(_activity.spread(out)),
            None if resting is None else self.collector.keep(resting),
        )

    # ------------------------------------------------------------ backward
    def begin(self, roots: Iterable[ad.Node]) -> None:
        """A backward pass begins; parameters are copied before the first can change them."""
        self._flush()
        self.scope = None
        self.calls.clear()
        self.met.clear()
        self.record.draft(list(roots), self.names, self.rows)
        self.roots = [self._number(self.losses[root]) for root in roots if root in self.losses]
        self.losses.clear()
        if not self.before:
            for parameter, name in self.names.parameters.values():
                if parameter.requires_grad:
                    xp = ad.backend.namespace(parameter.data)
                    self.before[name] = (parameter, xp.array(parameter.data))

    def look(self, node: ad.Node, g: Any, pulled: tuple[Any, ...]) -> None:
        """Measure the gradients of parameters and of the activations that were measured."""
        if node.op is not None:
            name = self.rows.get(node)
            if name is not None and node in self.last[name]:
                parts = [whole(p) for p in _parts(_raw(g)) if p is not None]
                places = [self.collector.keep(_activity.squares(p)) for p in parts]
                before, size = self.flows[name] if name in self.met else ([], 0)
                self.flows[name] = before + places, size + sum(p.size for p in parts)
                self.met.add(name)
            return
        tensor: Any = getattr(node, "tensor", None)
        name = self.names.parameter(tensor)
        if name is None:
            return
        self.passes += self.roots
        self.roots = []
        g = _raw(g)
        if tensor.grad is not None:  # what earlier passes left: the optimizer gets the sum
            g = g + tensor.grad.data
        self.gradients[name] = self.collector.take(summarized(g, bins=self.histograms))

    # ------------------------------------------------------------ numbers
    def _number(self, value: Any) -> int:
        """The place of a single number in what is fetched."""
        xp = ad.backend.namespace(value)
        if ad.backend.device_of(value) == "cpu":
            return self.collector.keep([float(xp.reshape(value, ()))])
        return self.collector.keep(xp.reshape(xp.asarray(value, dtype=xp.float64), (1,)))

    def finish(self, moved: bool) -> dict[str, Any]:
        """All numbers, fetched together; ``moved`` says whether parameters were updated."""
        updates = {}
        for name, (parameter, old) in self.before.items():
            new = parameter.data
            if moved and type(new) is type(old) and new.shape == old.shape and new.size:
                updates[name] = self.collector.keep(_activity.change(new, old))
        given = self.loss
        if given is not None and hasattr(given, "shape"):
            self.passes, given = [self._number(_raw(given))], None
        found = self.collector.results()
        kept = self.collector.kept
        if given is None:
            given = sum(kept[i][0] for i in self.passes) if self.passes else math.nan
        groups = getattr(self.optimizer, "param_groups", None)
        return {
            "loss": float(given),
            "learning_rate": float(groups[0].get("lr", math.nan)) if groups else math.nan,
            "gradients": {name: found[i] for name, i in self.gradients.items()},
            "updates": {name: _ratio(*kept[i]) for name, i in updates.items()},
            "histograms": self.histograms and bool(self.gradients),
            "flows": {
                name: math.sqrt(sum(kept[i][0] for i in places) / size) if size else math.nan
                for name, (places, size) in self.flows.items()
            },
            "activity": {
                name: _activity_of(kept[i], math.nan if j is None else kept[j][0])
                for name, (i, j) in self.activity.items()
            },
        }


def _ratio(change: float, weight: float) -> float:
    """The update-to-weight ratio; infinite for what was all zero."""
    return math.sqrt(change / weight) if weight else math.nan if not change else math.inf


def _activity_of(spread: list[float], resting: float) -> tuple[float, float, float]:
    """Mean, deviation and resting share; what is not finite is infinitely wide.

    So an activation that went wrong differs from one that did not run, of which nothing is known.
    """
    mean, std = spread
    return (mean, std, resting) if math.isfinite(std) else (math.nan, math.inf, math.nan)


def _parts(g: Any) -> tuple[Any, ...]:
    """The gradients of all outputs of an op."""
    return g if isinstance(g, tuple) else (g,)


def _raw(g: Any) -> Any:
    """A gradient as an array; under ``create_graph`` it comes as a tensor."""
    return g.data if isinstance(g, (ad.Tensor, ad.Scalar)) else g
