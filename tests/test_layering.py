"""What the source may say: imports point downward, and op bodies name no array library.

Each rule is a function from source to a list of complaints, tried first on source that breaks it.
"""

import ast
import configparser
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("autodiff", "nn", "viz")
OURS = {*PACKAGES, "demos", "benchmarks", "tests"}

# From the ground up. A module imports from lower rows only; ``ops`` stands for its families.
LAYERS = [
    {"_special", "_tree"},
    {"floats"},
    {"backend"},
    {"mode", "_generator", "_lines", "_views", "_batched"},
    {"_batched_index", "_batched_linalg"},
    {"_batched_functions"},
    {"_batched_xp"},
    {"nodes"},
    {"engine", "_codegen", "_anomaly"},
    {"_recorders", "_pullers"},
    {"_pull", "_subscripts"},
    {"_axes", "_op"},
    {"_matrices"},
    {"ops"},
    {"_products", "_standard"},
    {"cuda", "linalg", "_variable"},
    {"_inplace"},
    {"_numpy", "_spellings"},
    {"_exchange"},
    {"_tensor", "scalar"},
    {"_creation", "_gradcheck", "_structure", "_array_api", "random"},
    {"_captured", "_files", "_vmap"},
    {"_capture"},
    {"_transforms", "_checkpoint"},
    {"_jacobian", "_jvp"},
    {"__init__"},
]
LEVEL = {module: level for level, row in enumerate(LAYERS) for module in row}

# In bodies and rules: what may be read of an operand, and whose functions may be called.
READ = {"shape", "dtype", "ndim", "size", "T", "mT"}  # every kind of array and tensors have them
CALL = {"xp", "XP", "ad", "math", "floats"}  # ops are pure too; the last two are about numbers
MOVE = "backend.to_device"  # the one op that no namespace can compute: from device to device


def sources(*packages):
    """``(dotted name, path)`` of every module of our packages."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts), path


def imports(tree, module):
    """Yield ``(node, absolute module, imported name or None)`` for every import in a tree."""
    package = module.split(".")[:-1]  # of ``a.b`` and of ``a.__init__`` it is ``a``
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name, None
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                yield node, target, alias.name


def resolve(target, name, modules):
    """The module of ours that an import reaches, or None."""
    for candidate in (f"{target}.{name}", target, f"{target}.{name}.__init__"):
        if candidate in modules:
            return candidate
    return f"{target}.__init__" if f"{target}.__init__" in modules else None


def graph(packages):
    """What each of our modules imports of ours."""
    modules = dict(sources(*packages))
    edges = {}
    for module, path in modules.items():
        found = (resolve(t, n, modules) for _, t, n in imports(ast.parse(path.read_text()), module))
        edges[module] = {target for target in found if target and target != module}
    return edges


# ---------------------------------------------------------------- imports
def upward(module, targets):
    """Imports of a module of autodiff that do not point downward."""

    def level(name):
        part = name.split(".")[1]
        assert part in LEVEL, f"give autodiff/{part}.py its row in LAYERS, in {__file__}"
        return LEVEL[part]

    return [
        f"{module} -> {t}" for t in targets if level(t) >= level(module) and not sibling(module, t)
    ]


def sibling(module, target):
    """Whether ``ops/__init__.py`` gathers its families."""
    return module == "autodiff.ops.__init__" and target.startswith("autodiff.ops.")


def hidden(source, module="nn.x"):
    """Imports of our own modules inside functions."""
    tree = ast.parse(source)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(n) for f in functions for n in ast.walk(f)}
    return [
        f"line {node.lineno}: {target}"
        for node, target, _ in imports(tree, module)
        if id(node) in inside and target.split(".")[0] in OURS
    ]


def loads_cupy(source, module="nn.x"):
    """Imports of CuPy, by statement or by name."""
    tree = ast.parse(source)
    lines = [n.lineno for n, target, _ in imports(tree, module) if target.startswith("cupy")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("import_module", "__import__") and "cupy" in str(node.args[0].value):
                lines.append(node.lineno)
    return lines


def public(package="autodiff"):
    """The names that a package's ``__init__`` binds on purpose."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text())
    bound = {
        n
        for node in tree.body
        if isinstance(node, ast.Assign)
        for n in map(ast.unparse, node.targets)
    }
    bound |= {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return {name for name in bound if not name.startswith("_")}


def private_uses(source, module, names):
    """How a module of nn or viz reaches past autodiff's public names, or to the other package."""
    tree = ast.parse(source)
    other = {"nn": "viz", "viz": "nn"}[module.split(".")[0]]
    aliases = set()
    found = []
    for node, target, name in imports(tree, module):
        if target == "autodiff" and name is None:
            aliases |= {a.asname or a.name for a in node.names if a.name == "autodiff"}
        elif target == "autodiff" and name in names:
            continue
        elif target.split(".")[0] in OURS - {module.split(".")[0]}:
            found.append(f"line {node.lineno}: {target} {name or ''}".strip())
        assert other not in aliases
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in aliases:
            if node.attr not in names:
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        (hidden, "def f():\n from . import a", "from . import a\ndef f():\n import scipy"),
        (hidden, "class A:\n def f(self):\n  import autodiff", "import autodiff"),
        (loads_cupy, "import cupy.cuda", "import numpy"),
        (loads_cupy, "def f():\n from cupyx import x", "x = 'cupy'"),
        (loads_cupy, "importlib.import_module('cupy')", "import_module('numpy')"),
    ],
)
def test_the_import_checks_bite(check, bad, good):
    assert check(bad) and not check(good)


@pytest.mark.parametrize(
    "bad",
    [
        "import viz",
        "from viz import graph",
        "import autodiff.engine",
        "from autodiff import _op",
        "from autodiff.engine import Node",
        "import autodiff as ad\nad._op",
        "import autodiff as ad\nad.nosuch(1)",
        "import demos",
    ],
)
def test_the_privacy_check_bites(bad):
    good = (
        "import autodiff as ad\nfrom autodiff import exp\nfrom . import x\nimport numpy\nad.exp(1)"
    )
    assert private_uses(bad, "nn.x", {"exp"})
    assert not private_uses(good, "nn.x", {"exp"})


def test_the_direction_check_bites():
    assert upward("autodiff.engine", ["autodiff._op"])
    assert upward("autodiff.scalar", ["autodiff._tensor"])  # neighbours do not know each other
    assert upward("autodiff.ops.reduce", ["autodiff.ops.shape"])
    assert not upward("autodiff._op", ["autodiff.engine"])
    with pytest.raises(AssertionError, match=r"autodiff/other.py"):
        upward("autodiff.other", ["autodiff.engine"])


def test_autodiff_imports_downward():
    edges = graph(["autodiff"])
    assert [line for module, targets in edges.items() for line in upward(module, targets)] == []


def test_rows_name_modules_that_exist():
    """A row left behind by a rename would be a rule about nothing."""
    assert {module.split(".")[1] for module, _ in sources("autodiff")} == set(LEVEL)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_goes_round_in_a_circle(package):
    edges = graph([package])
    assert edges
    graphlib.TopologicalSorter(edges).prepare()  # raises CycleError, which names the circle


def test_autodiff_knows_no_package_above_it():
    for module, path in sources("autodiff"):
        above = [
            t
            for _, t, _ in imports(ast.parse(path.read_text()), module)
            if t.split(".")[0] in OURS - {"autodiff"}
        ]
        assert not above, f"{module} imports {above}"


@pytest.mark.parametrize("package", ["nn", "viz"])
def test_nn_and_viz_use_public_names_only(package):
    names = public()
    assert {"op", "Tensor", "gradients"} <= names
    for module, path in sources(package):
        assert not private_uses(path.read_text(), module, names), module


def test_no_import_of_ours_hides_in_a_function():
    for module, path in sources(*PACKAGES):
        assert not hidden(path.read_text(), module), module


def test_only_backend_imports_cupy():
    loaders = {
        module for module, path in sources(*PACKAGES) if loads_cupy(path.read_text(), module)
    }
    assert loaders == {"autodiff.backend"}


# ---------------------------------------------------------------- bodies and rules
def decorator_name(node):
    """``op``, ``vjp``, ``kernel``..., of ``@ad.op(...)`` and the like."""
    function = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(function).rpartition(".")[2]


def pure_code(tree):
    """The bodies and rules of a module's ops, and its own functions that they call."""
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    kernels = set()
    waiting = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = {decorator_name(d) for d in node.decorator_list}
            if "kernel" in names:
                kernels.add(node)
            elif names & {"op", "loss_op", "vjp"}:
                waiting.append(node)
        if isinstance(node, ast.Call) and decorator_name(node) in ("op", "loss_op"):
            rules = [k.value for k in node.keywords]
            waiting += [rule for rule in rules if isinstance(rule, ast.Lambda)]
            waiting += [functions[r.id] for r in rules if ast.unparse(r) in functions]
    seen = []
    while waiting:
        node = waiting.pop()
        if node in seen or node in kernels:
            continue
        seen.append(node)
        body = node.body if isinstance(node.body, list) else [node.body]
        for inner in (n for statement in body for n in ast.walk(statement)):
            if isinstance(inner, ast.Name) and inner.id in functions:
                waiting.append(functions[inner.id])
    return seen


def impurities(source):
    """Array libraries and array methods in bodies and rules."""
    found = []
    for node in pure_code(ast.parse(source)):
        body = node.body if isinstance(node.body, list) else [node.body]
        for inner in (n for statement in body for n in ast.walk(statement)):
            if isinstance(inner, ast.Name) and inner.id in ("np", "numpy", "cupy"):
                found.append(f"line {inner.lineno}: {inner.id}")
            elif isinstance(inner, ast.Attribute):
                root = inner.value
                while isinstance(root, ast.Attribute):
                    root = root.value
                library = isinstance(root, ast.Name) and root.id in CALL
                if not library and inner.attr not in READ and ast.unparse(inner) != MOVE:
                    found.append(f"line {inner.lineno}: {ast.unparse(inner)}")
    return found


@pytest.mark.parametrize(
    "bad",
    [
        "@op\ndef f(xp, x, /):\n return x.sum()",
        "@op()\ndef f(xp, x, /):\n return np.sum(x)",
        "@ad.op(x=lambda g: g.astype('f4'))\ndef f(xp, x, /):\n return x",
        "@op\ndef f(xp, x, /):\n return x\n@f.vjp('x')\ndef _(g, x):\n return g.flat",
        "def h(g):\n return g.sum()\n@op(x=h)\ndef f(xp, x, /):\n return x",
        "@op\ndef f(xp, x, /):\n return h(x)\ndef h(x):\n return x.sum()",
        "@op(x=lambda g: h(g))\ndef f(xp, x, /):\n return x\ndef h(x):\n return numpy.sum(x)",
        "@op\ndef f(xp, x, /):\n return xp.exp(x).sum()",
        "@loss_op(x=lambda g: g)\ndef f(xp, x, /):\n return x.sum()",
        "@loss_op(x=lambda g: g.sum())\ndef f(xp, x, /):\n return x",
    ],
)
def test_the_purity_check_bites(bad):
    assert impurities(bad)


def test_the_purity_check_lets_pure_code_pass():
    good = (
        "import numpy as np\n"
        "@op(x=lambda g, xp, x_shape: xp.reshape(g, x_shape))\n"
        "def f(xp, x, /, *, axis=None):\n"
        "    n = math.prod(x.shape) * x.ndim\n"
        "    return xp.linalg.norm(xp.sum(x, axis=axis)) / n\n"
        "@f.kernel('numpy')\n"
        "def _(xp, x, /, *, axis=None):\n"
        "    return np.add.reduce(x.ravel())\n"
    )
    assert not impurities(good)


def test_bodies_and_rules_are_pure():
    seen = 0
    for module, path in sources(*PACKAGES):
        source = path.read_text()
        seen += len(pure_code(ast.parse(source)))
        assert not impurities(source), module
    assert seen > 50  # the check finds the ops at all


# ---------------------------------------------------------------- packaging and names
def test_the_package_list_is_the_tree():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = config["options"]["packages"].split()
    tree = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assert sorted(listed) == sorted(tree)


def shadowed(package):
    """Submodules of a package whose name it gives to something else as well."""
    folder = ROOT / package
    modules = {
        p.stem for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    tree = ast.parse((folder / "__init__.py").read_text())
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and not (node.level == 1 and node.module is None):
            defined |= {alias.asname or alias.name for alias in node.names}
    return modules & defined


def test_the_shadow_check_bites(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "graph.py").touch()
    (tmp_path / "p" / "__init__.py").write_text("from . import graph\n")
    assert not shadowed("p")
    (tmp_path / "p" / "__init__.py").write_text("from .graph import graph\n")
    assert shadowed("p") == {"graph"}


def test_no_module_bears_the_name_of_something_public():
    for package in {path.parent.relative_to(ROOT) for _, path in sources(*PACKAGES)}:
        assert not shadowed(package), f"{package}: prefix the file with an underscore"
