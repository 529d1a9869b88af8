"""Write the pages of the reference, one for each group of `groups`, as Sphinx is to read them.

Ops are objects that can be called, with a signature and a docstring of their own, so that
``autofunction`` documents them like any function.
"""

import inspect
from pathlib import Path
from typing import Any

from . import groups

DATA = {
    "autodiff.REGISTRY": "Every op by name.",
    "autodiff.random.default_generator": "What draws where no ``generator=`` is given.",
}
BASES = ("Module", "Optimizer", "Dataset", "tuple")  # told once, or Python's own


def kind(value: Any) -> str:
    """The directive that documents a value."""
    if isinstance(value, type):
        return "class"
    return "function" if callable(value) else "data"


def summary(name: str, value: Any) -> str:
    """The first paragraph of a docstring, in one line."""
    if kind(value) == "data":  # its docstring would be that of its type
        return DATA.get(name, f"``{value!r}``")
    return " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())


def heading(text: str, mark: str) -> list[str]:
    return [text, mark * len(text), ""]


def page(group: groups.Group, names: dict[str, Any]) -> str:
    """A table of the group's names, then each in full."""
    second = groups.aliases(names)
    first = {name: value for name, value in names.items() if name not in second}
    documented = {name: v for name, v in first.items() if groups.module_of(v) != "numpy"}
    lines = [*heading(group.title, "="), group.about, ""]
    lines += [".. list-table::", "   :widths: 30 70", "   :class: names", ""]
    for name, value in first.items():
        role = ":py:obj:" if name in documented else ""
        about = summary(name, value) if name in documented else f"NumPy's ``{value.__name__}``."
        lines += [f"   * - {role}`{name}`" if role else f"   * - ``{name}``", f"     - {about}"]
    lines.append("")
    if second:
        said = ", ".join(f"``{name}`` for :py:obj:`{main}`" for name, main in second.items())
        lines += [f"Other spellings: {said}.", ""]
    for name, value in documented.items():
        module = name.rpartition(".")[0]
        lines += [f".. py:currentmodule:: {module}", ""]
        if kind(value) == "data":
            lines += [f".. py:data:: {name}", "", f"   {summary(name, value)}", ""]
            continue
        lines.append(f".. auto{kind(value)}:: {name}")
        if isinstance(value, type):
            lines += ["   :members:", f"   :inherited-members: {' '.join(BASES)}"]
        lines.append("")
    return "\n".join(lines)


def index(slugs: list[str]) -> str:
    """The list of pages: one for each package."""
    lines = heading("Reference", "=")
    for package in ("autodiff", "nn", "viz"):
        others = ("nn", "viz") if package == "autodiff" else ()
        mine = [s for s in slugs if s.startswith(package) or others and not s.startswith(others)]
        lines += [".. toctree::", f"   :caption: {package}", "   :maxdepth: 1", ""]
        lines += [f"   {slug}" for slug in mine] + [""]
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Write a page for each group, and their list, into ``folder``."""
    folder.mkdir(exist_ok=True)
    members = groups.members()
    for old in folder.glob("*.rst"):
        if old.stem not in {*members, "index"}:
            old.unlink()
    pages = {group.slug: page(group, members[group.slug]) for group in groups.GROUPS}
    pages["index"] = index(list(pages))
    for slug, text in pages.items():
        file = folder / f"{slug}.rst"
        if not file.exists() or file.read_text(encoding="utf-8") != text:  # else not read again
            file.write_text(text, encoding="utf-8")
