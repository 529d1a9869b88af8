"""``python -m viz``: its commands and exit statuses."""

import subprocess
import sys
from pathlib import Path

import pytest

import viz
from viz import __main__ as command


def test_backends_says_what_the_function_says(capsys):
    status = command.main(["backends"])
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    found = viz.backends()
    assert {f: lines[f] for f in found if found[f]} == {f: r for f, r in found.items() if r}
    assert status == (0 if found["svg"] else 1)


def test_backends_without_any_renderer(capsys, monkeypatch):
    none = dict.fromkeys(("svg", "png", "pdf", "html"))
    monkeypatch.setattr(command, "backends", lambda: none | {"dot": "built in"})
    monkeypatch.setattr(command, "font_file", lambda: None)
    assert command.main(["backends"]) == 1
    said = capsys.readouterr().out
    assert said.count("apt install graphviz") == 4 and "pip install matplotlib" in said


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["backends", "extra"]])
def test_a_wrong_command_line_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m viz" in capsys.readouterr().err


def test_it_runs_as_a_module_and_has_help():
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "viz", "--help"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0 and "backends" in done.stdout
