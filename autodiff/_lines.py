"""Where in the user's program something happened, for error messages."""

import linecache
import sys
import weakref
from typing import Any

LINES: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""The line on which a node was recorded, for those recorded under ``detect_anomaly``."""

_OWN = {"", "autodiff", "nn", "viz"}  # generated code has no module


def source_line() -> str:
    """The innermost line that is being run outside the library, with its function and text."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in _OWN:
            break
        frame = frame.f_back
    code, number = frame.f_code, frame.f_lineno
    text = linecache.getline(code.co_filename, number, frame.f_globals).strip()
    return f"{code.co_filename}:{number}, in {code.co_name}" + (f": {text}" if text else "")
