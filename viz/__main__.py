"""``python -m viz``: what a shell can ask for without a program.

Exit status: 0 if all is well, 1 if the answer is no (graphs differ, nothing draws SVG), 2 if it
cannot be had (a wrong command line, a file that cannot be read or written).
"""

import argparse
import io
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from . import _snapshot, backends
from ._diff import TOLERANCE, Difference, diff
from ._explain import explain
from ._fonts import font_file
from ._graph import GradientGraph
from ._lesson import lesson
from ._look import shown
from ._recorder import Recorder

MISSING = "none; install Graphviz (apt install graphviz) or pip install 'autodiff-viz[render]'"
SAVED = "a file that graph.save wrote: .json or .safetensors"
PICTURE = "svg, png, pdf, html or dot, as its suffix says"
STATUS = "Exit status: 0 all is well, 1 the answer is no, 2 there is no answer."


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m viz", description="Pictures of the gradient.", epilog=STATUS
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="command")

    def command(run: Callable[[Any], int], about: str, more: str = "") -> argparse.ArgumentParser:
        name = run.__name__.removeprefix("run_")
        added = commands.add_parser(name, help=about, description=f"{about}. {more}".rstrip())
        added.set_defaults(run=run)
        return added

    command(run_backends, "say which renderer serves each format", "Status 1: none for SVG.")

    one = command(run_graph, "draw a saved graph, or print it")
    one.add_argument("saved", help=SAVED)
    one.add_argument("out", nargs="?", help=f"{PICTURE}; without it the graph is printed")
    one.add_argument("--collapse", type=_depth, default="auto", metavar="auto|none|DEPTH",
                     help="what is drawn as one box (default: auto)")  # fmt: skip
    one.add_argument("--max-nodes", type=int, default=120, metavar="N",
                     help="nodes and boxes that auto may draw (default: 120)")  # fmt: skip
    one.add_argument("--rankdir", choices=("TB", "LR", "BT", "RL"), default="TB",
                     help="direction of the arrows (default: TB)")  # fmt: skip

    two = command(
        run_diff, "compare two saved graphs of a network, node by node",
        "For CI: status 1 if they differ, and the first to differ is named, going back from the "
        "loss.",
    )  # fmt: skip
    two.add_argument("a", help=SAVED)
    two.add_argument("b", help="the same")
    two.add_argument("--max-decades", type=float, default=TOLERANCE, metavar="X",
                     help=f"how many powers of ten a gradient may differ (default: {TOLERANCE}, "
                     "2 %%)")  # fmt: skip
    two.add_argument("--out", metavar="PATH", help=f"draw the second, coloured by b / a: {PICTURE}")
    two.add_argument("--json", action="store_true", help="print JSON")

    said = command(run_explain, "say what one op of a saved graph does to the gradient")
    said.add_argument("saved", help=SAVED)
    said.add_argument("node", help="its name, such as 0.linear; `graph SAVED` lists them")

    page = command(run_report, "write the report of a training record as one HTML file")
    page.add_argument("record", help="a file that recorder.save wrote")
    page.add_argument("out", help="the HTML file")

    taught = command(run_lesson, "write a lesson as one HTML file")
    taught.add_argument("topic", help="such as vanishing")
    taught.add_argument("out", help="the HTML file")
    return made


def _depth(text: str) -> Any:
    if text in ("auto", "none"):
        return None if text == "none" else text
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto, none nor a depth from 0 on")
    return int(text)


# ---------------------------------------------------------------- the commands
def run_backends(options: Any) -> int:
    """Print which renderer serves each format."""
    found = backends()
    for format, renderer in found.items():
        print(f"{format:<5} {renderer or MISSING}")
    print(f"font  {font_file() or 'none; PNGs without dot have no text: pip install matplotlib'}")
    return 0 if found["svg"] else 1


def run_graph(options: Any) -> int:
    """Draw a saved graph, or print it."""
    recording = _snapshot.load(options.saved)
    graph = GradientGraph(
        recording, options.rankdir, options.collapse, max_nodes=max(1, options.max_nodes)
    )
    if options.out:
        graph.render(options.out)
    else:
        print(graph)
    return 0


def run_diff(options: Any) -> int:
    """Compare two saved graphs; 1 if they differ."""
    found = diff(options.a, options.b, tolerance=options.max_decades)
    if options.out:
        found.render(options.out)
    print(json.dumps(_as_json(found), indent=2, allow_nan=False) if options.json else found)
    return 0 if found.same else 1


def _as_json(found: Difference) -> dict[str, Any]:
    """What `diff` prints for programs; numbers that JSON has not are strings."""

    def row(change: Any) -> dict[str, Any]:
        values = asdict(change)
        return {
            k: str(v) if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in values.items()
        }

    return {
        "same": found.same,
        "max_decades": found.tolerance,
        "first": None if found.first is None else row(found.first),
        "changes": [row(c) for c in found.beyond],
        "only_before": list(found.only_before),
        "only_after": list(found.only_after),
    }


def run_explain(options: Any) -> int:
    """Say what one op of a saved graph does to the gradient."""
    print(explain(options.node, GradientGraph.load(options.saved)))
    return 0


def run_report(options: Any) -> int:
    """Write the report of a training record."""
    Recorder.load(options.record).report(options.out)
    return 0


def run_lesson(options: Any) -> int:
    """Write a lesson."""
    lesson(options.topic, options.out)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a console without ▼ gets its escape
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status: int = options.run(options)
    except OSError as error:  # TimeoutError too
        where = f"{error.filename}: " if error.filename else ""
        return _failed(f"{where}{error.strerror or error}")
    except KeyError as error:
        return _failed(str(error.args[0]))
    except (ValueError, RuntimeError) as error:
        return _failed(str(error))
    return status


def _failed(message: str) -> int:
    print(f"python -m viz: {shown(message)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
