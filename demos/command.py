"""What the command lines of the demos share: bad input is one clear line, before any work."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import autodiff as ad
import viz


def folder(text: str) -> Path:
    """A folder that can be written, made if it is absent."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"cannot write into {text!r} ({error.strerror}); give another folder"
        ) from error
    return path


def device(text: str) -> str:
    """A device that this machine has."""
    try:
        ad.zeros(1, device=text)
    except (ValueError, RuntimeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def positive(text: str) -> int:
    """A whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def require_renderer(parser: argparse.ArgumentParser) -> None:
    """End the program unless pictures can be drawn here."""
    missing = [format for format in ("svg", "png") if viz.backends()[format] is None]
    if missing:
        parser.error(
            f"nothing on this machine draws {' or '.join(missing)}: "
            "pip install 'autodiff-viz[demos]', or install Graphviz so that `dot` is on the PATH"
        )


def run(main: Callable[[], Any]) -> None:
    """Run a demo; training that went wrong ends in one line rather than a traceback."""
    try:
        main()
    except (FloatingPointError, AssertionError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped")
