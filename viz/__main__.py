"""``python -m viz``: what a shell can ask for without a program.

Exit status: 0 if all is well, 1 if what was asked for cannot be done, 2 for a wrong command line.
"""

import argparse
import sys
from collections.abc import Sequence

from . import backends
from ._fonts import font_file

MISSING = "none; install Graphviz (apt install graphviz) or pip install 'autodiff-viz[render]'"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m viz", description="Pictures of the gradient.")
    commands = made.add_subparsers(dest="command", required=True, metavar="command")
    about = "which renderer serves each format; status 1 if there is none for SVG"
    commands.add_parser("backends", help=about, description=about)
    return made


def show_backends() -> int:
    """Print which renderer serves each format."""
    found = backends()
    for format, renderer in found.items():
        print(f"{format:<5} {renderer or MISSING}")
    print(f"font  {font_file() or 'none; PNGs without dot have no text: pip install matplotlib'}")
    return 0 if found["svg"] else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    assert options.command == "backends"
    return show_backends()


if __name__ == "__main__":
    sys.exit(main())
