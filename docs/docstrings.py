"""What is asked of docstrings besides numpydoc's own checks."""

import inspect
from typing import Any

from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import Validator
from sphinx.util import logging

_source = Validator.method_source.fget


def source(self: Any) -> str:
    """The source of a method, for numpydoc; it stops at generated ones, which have none."""
    try:
        return str(_source(self))
    except OSError:
        return ""


Validator.method_source = property(source)


def missing(value: Any) -> set[str]:
    """The parameters that a docstring leaves out, if it lists any."""
    text = inspect.getdoc(value) or ""
    listed = NumpyDocString(text)["Parameters"] if "Parameters\n---" in text else []
    names = {name.strip("* \\") for each in listed for name in each.name.split(",")}
    given = {p for p in inspect.signature(value).parameters if p != "self"} if names else set()
    return given - names


def complete(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Warn of parameters that are left out; warnings are errors."""
    if what in ("class", "function", "method") and (left := missing(value)):
        logging.getLogger(__name__).warning("%s: parameters not listed: %s", name, sorted(left))
