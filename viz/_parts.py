"""The parts of a graph: modules, repeats and long rows; and which of them are open.

A tree of parts is made from the paths of modules. Equal parts in a row (blocks, or steps of a
loop) become one, and so do rows that are too long. Opening a part is counted, so that what is
drawn stays below a limit.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Literal

from ._layers import ordered
from ._records import NodeRecord, Recording
from ._stats import State

STANDS_OUT = 3.0
"""Decades from the reference beyond which a gradient is an anomaly: a ratio of 1e-3 between
layers is what AutoTrainer (Zhang et al., ICSE 2021) calls vanishing."""
REPEATS = 3
"""Equal parts in a row from which on they are drawn as one."""
EXCEPTIONS = 3
"""Copies of a repeat that are drawn apart, if not all anomalies fit; with more it is a trend."""
WIDEST = 16
"""Parts of one module that may stand side by side; longer rows are drawn as one box."""
PERIODS = 24
"""Lengths of a repeat that are tried at each place."""

Kind = Literal["node", "module", "cell", "repeat", "run"]

SEVERITY: tuple[State, ...] = ("nonfinite", "zero", "absent", "tiny")


def anomaly(node: NodeRecord) -> bool:
    """Whether a node must not disappear in a box; a frozen parameter may."""
    if node.state in ("ok", "released"):
        return not math.isnan(node.decades) and abs(node.decades) >= STANDS_OUT
    return not node.note.startswith("frozen")


class Part:
    """A node, a module, several equal parts in a row, or a row of unlike ones.

    A ``cell`` is one copy of a repeat that consists of several parts. In a row (``repeat`` or
    ``run``) the parts that are not ``shown`` are drawn together with their neighbours.
    """

    __slots__ = ("children", "depth", "kind", "open", "parent", "path", "place", "record", "shown")

    def __init__(self, kind: Kind, path: str, children: "Sequence[Part]" = (), depth: int = 0):
        self.kind = kind
        self.path = path
        self.depth = depth
        self.record: NodeRecord | None = None
        self.parent: Part | None = None
        self.open = self.shown = False
        self.place = 0
        self.adopt(children)

    def adopt(self, children: "Sequence[Part]") -> None:
        self.children = children
        for i, child in enumerate(children):
            child.parent, child.place = self, i

    @property
    def row(self) -> bool:
        return self.kind in ("repeat", "run")

    @property
    def box(self) -> bool:
        return self.kind in ("module", "cell")

    @property
    def name(self) -> str:
        first = self
        while first.kind == "cell" or first.row:
            first = first.children[0]
        return first.record.name if first.record else first.path

    def members(self) -> list[NodeRecord]:
        """The nodes inside, in order."""
        found, stack = [], [self]
        while stack:
            part = stack.pop()
            if part.record:
                found.append(part.record)
            stack.extend(reversed(part.children))
        return found


class Tree:
    """The parts of a recording, which of them are open, and how many things that draws."""

    def __init__(self, recording: Recording, widest: int) -> None:
        self.kinds = recording.kinds
        self.leaves: list[Part] = []
        self.changes: list[tuple[Part, bool, bool]] = []  # how parts were before
        self.modules: list[Part] = []
        self.loops: list[Part] = []
        self.root = self._modules(recording)
        self._group(widest)
        self.root.open = True
        self.visible = len(self.root.children)

    def put(self, recording: Recording) -> None:
        """Take the records of the same nodes from another recording."""
        records = {node.id: node for node in recording.nodes}
        for leaf in self.leaves:
            assert leaf.record
            leaf.record = records[leaf.record.id]

    def _modules(self, recording: Recording) -> Part:
        root = Part("module", "", [])
        known = {"": root}
        children: dict[str, list[Part]] = {"": []}
        for node in ordered(recording):
            path, missing = node.scope, []
            while path not in known:
                missing.append(path)
                path = path.rpartition(".")[0]
            for path in reversed(missing):
                outer = path.rpartition(".")[0]
                known[path] = Part("module", path, [], known[outer].depth + 1)
                children[path] = []
                children[outer].append(known[path])
            leaf = Part("node", node.scope, [])
            leaf.record = node
            self.leaves.append(leaf)
            children[node.scope].append(leaf)
        for path, part in known.items():
            part.adopt(children[path])
        self.modules = list(known.values())
        return root

    def _group(self, widest: int) -> None:
        """Put equal parts in a row together, and rows that are too long."""
        numbers: dict[object, int] = {}
        signature: dict[Part, int] = {}

        def sign(part: Part) -> int:
            if part.record:
                r = part.record
                op = r.op.partition("[")[0]  # whichever output it is of an op with several
                key: object = (op, r.kind, r.shape, r.dtype)
            else:
                key = (self.kinds.get(part.path), *(signature[c] for c in part.children))
            return numbers.setdefault(key, len(numbers))

        def short(parts: list[Part], owner: Part) -> list[Part]:
            if len(parts) <= widest:
                return parts
            return [Part("run", owner.path, parts, owner.depth)]

        def joined(parts: list[Part], owner: Part) -> list[Part]:
            found = []
            for start, period, count in repeats([signature[p] for p in parts]):
                chunk = parts[start : start + period * count]
                if count == 1:
                    found += chunk
                    continue
                cells = [chunk[i : i + period] for i in range(0, len(chunk), period)]
                if period == 1:
                    copies = chunk
                else:
                    bodies = [short(cell, owner) for cell in cells]
                    copies = [Part("cell", owner.path, body, owner.depth) for body in bodies]
                found.append(Part("repeat", owner.path, copies, owner.depth))
                if count > widest and all(p.record and p.record.op for p in chunk):
                    self.loops.append(found[-1])
            return found

        for part in reversed(self.modules):  # inner ones before those around them
            for child in part.children:
                if child not in signature:
                    signature[child] = sign(child)
            # Parameters are read in the first step of many: they would hide the repetition.
            leaves = [c for c in part.children if c.record and not c.record.op]
            others = [c for c in part.children if not (c.record and not c.record.op)]
            others = joined(others, part)
            if len(leaves) + len(others) > widest:
                leaves = joined(leaves, part)
            signature[part] = sign(part)
            part.adopt(short(leaves + others, part))

    def _uncover(self, part: Part) -> int:
        """Draw a part of a row by itself; how many more things that draws."""
        if not (part.parent and part.parent.row) or part.shown:
            return 0
        siblings, i = part.parent.children, part.place
        more = int(i > 0 and not siblings[i - 1].shown)
        more += int(i + 1 < len(siblings) and not siblings[i + 1].shown)
        part.shown = True
        return more

    def _open(self, part: Part) -> int:
        """Draw what is in a box in its place; how many more things that draws."""
        if not part.box or part.open:
            return 0
        part.open = True
        return len(part.children) - 1

    def _reveal(self, part: Part, limit: float) -> bool:
        """Open the way to a part, unless that draws more than ``limit`` things."""
        way = [part]
        while way[-1].parent:
            way.append(way[-1].parent)
        before, visible = [(p, p.shown, p.open) for p in way], self.visible
        for p in reversed(way):
            self.visible += self._uncover(p)
            if p is not part:
                self.visible += self._open(p)
        self.changes += before
        if self.visible <= limit:
            return True
        self._undo(len(self.changes) - len(before), visible)
        return False

    def _undo(self, since: int, visible: int) -> None:
        while len(self.changes) > since:
            part, shown, open_ = self.changes.pop()
            part.shown, part.open = shown, open_
        self.visible = visible

    def open_levels(self, levels: int) -> None:
        """Open modules down to a depth, and every run in them."""
        for part in self.modules:
            if part.depth <= levels:
                self._reveal(part, math.inf)
                self.visible += self._open(part)
                for child in part.children:
                    if child.kind == "run":
                        self.visible += sum(self._uncover(c) for c in child.children)

    def open_all(self) -> None:
        """Open everything but long loops, for a graph that has room for the rest."""
        loops, stack = set(self.loops), [self.root]
        while stack:
            part = stack.pop()
            part.open = part.box
            for child in part.children:
                child.shown = part.row and part not in loops
            stack.extend(part.children)
        self.visible = sum(1 for _ in self.drawn())

    def open_anomalies(self, limit: int) -> None:
        """Draw anomalies by themselves: by state, and from the loss back, where they begin.

        Of neighbouring steps of a long loop that share one, that step alone is drawn at which it
        begins. If there is no room for all, those that many copies of a repeat share are left to
        its strip, which shows the worst of every copy.
        """
        sick = [p for p in self.leaves if p.record and anomaly(p.record)]
        shared = _shared(sick, self.loops)
        found = [p for p in sick if not any(copy in shared for _, copy in _copies(p))]

        found.reverse()
        found.sort(key=_rank)
        start = len(self.changes), self.visible
        if all(self._reveal(part, limit) for part in found):
            return
        self._undo(*start)
        many: dict[Part, set[Part]] = {}  # repeat -> its copies with anomalies
        for part in found:
            for repeat, copy in _copies(part):
                many.setdefault(repeat, set()).add(copy)
        for part in found:
            if all(len(many[repeat]) <= EXCEPTIONS for repeat, _ in _copies(part)):
                self._reveal(part, limit)

    def fill(self, limit: int) -> None:
        """Open what is healthy, outer modules first and small ones before large ones.

        Repeats stay as they are: their strips show every copy.
        """
        level = [self.root]
        while level:
            inside = [c for part in level for c in part.children if c.shown or not part.row]
            inside.sort(key=lambda part: len(part.children))
            level = [part for part in inside if self._opened(part, limit)]

    def _opened(self, part: Part, limit: int) -> bool:
        """Open a part if ``limit`` allows; whether there is more to open in it."""
        if part.kind == "run":
            hidden = [c for c in part.children if not c.shown]
            more = len(hidden) - sum(not group[0].shown for group in runs(part.children))
            if self.visible + more <= limit:
                self.visible += more
                for c in hidden:
                    c.shown = True
        elif part.box and not part.open:
            if self.visible + len(part.children) - 1 > limit:
                return False
            self.visible += self._open(part)
        return bool(part.children)

    def drawn(self) -> Iterator[list[Part]]:
        """What stands for itself, in order: one open node or closed part, or a run of a row."""
        stack: list[list[Part]] = [[self.root]]
        while stack:
            group = stack.pop()
            part = group[0]
            if len(group) > 1 or part.record or (part.box and not part.open):
                yield group
            elif part.row:
                stack.extend(reversed(runs(part.children)))
            else:
                stack.extend([c] for c in reversed(part.children))


def _rank(part: Part) -> int:
    """How bad the state of a node is, 0 the worst."""
    state = part.record.state if part.record else "ok"
    return SEVERITY.index(state) if state in SEVERITY else len(SEVERITY)


def _shared(sick: Sequence[Part], loops: Sequence[Part]) -> set[Part]:
    """The steps of loops that are as sick as the next one, in runs too long to be exceptions."""
    worst: dict[Part, int] = {}
    for part in sick:
        for _, copy in _copies(part):
            worst[copy] = min(worst.get(copy, len(SEVERITY)), _rank(part))
    shared: set[Part] = set()
    for loop in loops:
        for rank, run in itertools.groupby(loop.children, key=worst.get):
            steps = list(run)
            if rank is not None and len(steps) > EXCEPTIONS:
                # The last step is where the gradient comes in; if all are alike, nothing begins.
                shared.update(steps if len(steps) == len(loop.children) else steps[:-1])
    return shared


def _copies(part: Part) -> list[tuple[Part, Part]]:
    """The repeats around a part, each with the copy that holds it."""
    found = []
    while part.parent:
        if part.parent.kind == "repeat":
            found.append((part.parent, part))
        part = part.parent
    return found


def runs(parts: Sequence[Part]) -> list[list[Part]]:
    """A row cut into the parts that are shown and the runs of those that are not."""
    runs: list[list[Part]] = []
    for part in parts:
        if runs and not part.shown and not runs[-1][-1].shown:
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def repeats(signs: Sequence[int]) -> list[tuple[int, int, int]]:
    """Cut a sequence into repeats: ``(start, period, count)``, with count 1 for the rest.

    Examples
    --------
    >>> repeats([7, 1, 2, 1, 2, 1, 2, 8])
    [(0, 1, 1), (1, 2, 3), (7, 1, 1)]
    """
    where: dict[int, list[int]] = {}
    for i, sign in enumerate(signs):
        where.setdefault(sign, []).append(i)
    rank = {i: k for places in where.values() for k, i in enumerate(places)}
    found, i = [], 0
    while i < len(signs):
        period, count = 1, 1
        places, k = where[signs[i]], rank[i]
        for j in places[k + 1 : k + 1 + PERIODS]:
            p, end = j - i, j
            while end < len(signs) and signs[end] == signs[end - p]:
                end += 1
            copies = (end - i) // p
            if copies >= REPEATS and copies * p > period * count:
                period, count = p, copies
        found.append((i, period, count))
        i += period * count
    return found
