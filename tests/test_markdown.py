"""The runner of README examples runs them, in order, and fails where they do."""

import doctest
import os

import pytest

from tests import markdown

FENCE = "```"


def write(tmp_path, *codes, language="python"):
    path = tmp_path / "page.md"
    path.write_text("words\n" + "".join(f"{FENCE}{language}\n{c}\n{FENCE}\n\n" for c in codes))
    return path


def test_blocks_share_one_namespace(tmp_path):
    page = write(tmp_path, "x = 6", ">>> y = x * 7\n>>> y\n42", "assert y == 42")
    assert markdown.run(page) == 3


def test_other_languages_are_left_alone(tmp_path):
    assert markdown.run(write(tmp_path, "rm -rf /", language="sh")) == 0


def test_a_wrong_output_fails(tmp_path):
    with pytest.raises(doctest.DocTestFailure):
        markdown.run(write(tmp_path, ">>> 6 * 7\n43"))


def test_an_error_names_the_line_of_the_page(tmp_path):
    with pytest.raises(ZeroDivisionError) as caught:
        markdown.run(write(tmp_path, "x = 1", "x / 0"))
    assert caught.traceback[-1].lineno + 1 == 7


def test_a_file_runs_in_a_process_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = write(
        tmp_path, "x = 6", "# first.py\nimport os\nopen('pid', 'w').write(str(os.getpid()))"
    )
    assert markdown.run(page) == 2
    assert int((tmp_path / "pid").read_text()) != os.getpid()
    assert (tmp_path / "first.py").read_text().startswith("# first.py\n")


def test_a_later_file_imports_an_earlier_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = write(tmp_path, "# first.py\nx = 6", "# second.py\nfrom first import x\nassert x == 7")
    with pytest.raises(RuntimeError, match=r"second\.py ended with 1:\n[^$]*AssertionError"):
        markdown.run(page)


def test_a_page_without_examples_is_an_error(tmp_path):
    with pytest.raises(SystemExit, match="no block"):
        markdown.main([write(tmp_path)])
