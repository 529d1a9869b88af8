"""Run the Python examples of Markdown files: ``python -m tests.markdown [README.md ...]``.

Without names: of all pages at the root and in docs/ that have any.

Blocks marked ``python`` run in order in one namespace per file, in a scratch folder, so that a
later block may use what an earlier one made. A block with ``>>>`` is a doctest: its output counts.
A block that begins with ``# name.py`` is a file: written there, and run in a process of its own.
"""

import doctest
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")


def blocks(text):
    """Yield ``(line, code)`` for every fenced block of Python; lines count from 1."""
    for match in BLOCK.finditer(text):
        yield text.count("\n", 0, match.start(1)) + 1, match[1]


def run(path):
    """Run the blocks of the file ``path`` and return how many there were; raise where one fails."""
    text = Path(path).read_text(encoding="utf-8")
    namespace = {"__name__": "__main__"}
    found = list(blocks(text))
    for line, code in found:
        if ">>> " in code:
            test = doctest.DocTestParser().get_doctest(code, namespace, str(path), path, line - 1)
            doctest.DebugRunner(optionflags=doctest.ELLIPSIS).run(test, clear_globs=False)
            namespace.update(test.globs)
        elif file := FILE.match(code):
            program(file[1], code)
        else:
            padding = "\n" * (line - 1)  # so that a traceback shows the line of the file
            exec(compile(padding + code, str(path), "exec"), namespace)
    return len(found)


def program(name, code):
    """Write a file and run it, with the packages that this process has; raise if it fails."""
    Path(name).write_text(code, encoding="utf-8")
    there = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, name], env=there, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stderr}")


def pages(root):
    """The pages of the project that have examples, relative to its root."""
    found = sorted([*root.glob("*.md"), *root.glob("docs/*.md")])
    return [p.relative_to(root) for p in found if any(blocks(p.read_text(encoding="utf-8")))]


def main(paths):
    """Run every file; a failure ends the program with what was expected, or a traceback."""
    root = Path.cwd()
    sys.path.insert(0, str(root))
    for path in paths or pages(root):
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            try:
                count = run(root / path)
            except doctest.DocTestFailure as failure:
                line = failure.test.lineno + failure.example.lineno + 1
                sys.exit(
                    f"{path}:{line}: {failure.example.source}"
                    f"expected:\n{failure.example.want}got:\n{failure.got}"
                )
            finally:
                os.chdir(root)
        if not count:
            sys.exit(f"{path}: no block marked ```python, so nothing was checked")
        print(f"{path}: {count} blocks ran")


if __name__ == "__main__":
    main(sys.argv[1:])
