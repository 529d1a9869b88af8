"""DOT text read back: as much of the language as this package writes."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(->|[{}\[\]=;]|[^\s{}\[\]=;"]+)', re.S)
NODE = re.compile(r"^\s*(?:n|bn)\d+\w* \[", re.M)

Attributes = dict[str, str]


@dataclass(eq=False)
class Cluster:
    """A box around nodes and further boxes; the whole picture is the outermost."""

    name: str
    outer: "Cluster | None" = None
    attributes: Attributes = field(default_factory=dict)
    nodes: list[str] = field(default_factory=list)
    clusters: list["Cluster"] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Scene:
    """What a DOT text says."""

    root: Cluster
    nodes: dict[str, Attributes]
    edges: list[tuple[str, str, Attributes]]
    home: dict[str, Cluster]  # node -> the innermost box around it


def count(dot: str) -> int:
    """How many nodes and boxes a DOT text has, without its legend."""
    return len(NODE.findall(dot))


def words(label: str) -> list[str]:
    """The lines of a label, without Graphviz's escapes."""
    return [html.unescape(line) for line in expanded(label)]


def expanded(label: str) -> list[str]:
    """The lines of a label, in which entities are left."""
    lines, line = [], ""
    for found in re.finditer(r"\\(.)|([^\\]+)", label, re.S):
        escape, plain = found.groups()
        if plain is not None:
            line += plain
        elif escape in "nlr":
            lines.append(line)
            line = ""
        else:
            line += escape
    if line:
        lines.append(line)
    return lines


def read(dot: str) -> Scene:
    """The scene that a DOT text describes."""
    tokens = _tokens(dot)
    root = Cluster("")
    scene = Scene(root, {}, [], {})
    while next(tokens)[0] != "{":
        pass
    # Of each open brace: its box, the row it is (if it is one), and its defaults.
    stack: list[tuple[Cluster, list[str] | None, dict[str, Attributes]]] = [
        (root, None, {"graph": root.attributes, "node": {}, "edge": {}})
    ]
    pending: list[str] = []
    for token, quoted in tokens:
        box, _, defaults = stack[-1]
        if quoted or token not in ("{", "}", "[", "=", "->", "subgraph"):
            pending.append(token)
            continue
        if token == "subgraph":
            _flush(pending, {}, scene, stack[-1])
        elif token == "{":
            name = pending.pop() if pending else ""
            inner = {kind: dict(values) for kind, values in defaults.items()}
            if name.startswith("cluster"):
                cluster = Cluster(name, box)
                box.clusters.append(cluster)
                inner["graph"] = cluster.attributes
                stack.append((cluster, None, inner))
            else:
                box.rows.append([])
                stack.append((box, box.rows[-1], inner | {"graph": {}}))
        elif token == "}":
            _flush(pending, {}, scene, stack.pop())
        elif token == "[":
            _flush(pending, _attributes(tokens), scene, stack[-1])
        elif token == "=":
            key = pending.pop()
            _flush(pending, {}, scene, stack[-1])
            defaults["graph"][key] = next(tokens)[0]
        else:
            pending.append("->")
    return scene


def _tokens(dot: str) -> Iterator[tuple[str, bool]]:
    for found in TOKEN.finditer(dot):
        quoted = found[1] is not None
        yield (found[1].replace('\\"', '"') if quoted else found[2]), quoted


def _attributes(tokens: Iterator[tuple[str, bool]]) -> Attributes:
    found = {}
    for key, quoted in tokens:
        if key == "]" and not quoted:
            break
        next(tokens)  # the equals sign
        found[key] = next(tokens)[0]
    return found


def _flush(
    pending: list[str],
    attributes: Attributes,
    scene: Scene,
    place: tuple[Cluster, list[str] | None, dict[str, Attributes]],
) -> None:
    """Take the statement that ends here: a node, an edge, or defaults."""
    box, row, defaults = place
    statement, pending[:] = list(pending), []
    if len(statement) == 1 and statement[0] in defaults:
        defaults[statement[0]].update(attributes)
        return
    while statement:
        ends = [statement.pop(0)]
        while statement and statement[0] == "->":
            ends.append(statement[1])
            del statement[:2]
        own = {} if statement else attributes  # attributes belong to the last of them
        if row is not None:
            row.extend(end for end in ends if end not in row)
        if len(ends) == 1:
            scene.nodes[ends[0]] = defaults["node"] | own
            if ends[0] not in scene.home:
                scene.home[ends[0]] = box
                box.nodes.append(ends[0])
        else:
            scene.edges.append((ends[0], ends[1], defaults["edge"] | own))
