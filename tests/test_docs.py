"""The documentation site is made from the packages, and leaves out nothing."""

import re
from collections import Counter
from pathlib import Path

import pytest

import autodiff as ad
import nn
from docs import front, groups, reference
from tests import markdown, subgradients

ROOT = Path(__file__).parent.parent
EVERY = [
    (space, name, v) for space in groups.NAMESPACES for name, v in groups.public(space).items()
]


def test_every_public_name_is_in_one_group():
    claimed = {f"{space}.{name}": groups.groups_of(space, name, v) for space, name, v in EVERY}
    wrong = {name: slugs for name, slugs in claimed.items() if len(slugs) != 1}
    assert not wrong, "give each module one page of the reference, in docs/groups.py"


def test_every_entry_of_a_group_has_names():
    """What is gone from the packages is gone from the groups."""
    for group in groups.GROUPS:
        for entry in group.of:
            assert entry in groups.members()[group.slug] or any(
                groups.matches(entry, *each) for each in EVERY
            ), f"{group.slug}: nothing is of {entry}"


def test_slugs_are_those_of_pages():
    count = Counter(group.slug for group in groups.GROUPS)
    assert set(count.values()) == {1} and "index" not in count


def test_names_of_every_namespace():
    assert {"exp", "Tensor", "gradcheck"} <= set(groups.public("autodiff"))
    assert "linalg" not in groups.public("autodiff")  # a module
    assert {"relu", "linear"} <= set(groups.public("nn.functional"))  # one is autodiff's
    assert "Generator" not in groups.public("nn.init")  # an import


def test_a_second_name_is_told_from_the_first():
    names = {"a.abs": ad.absolute, "a.absolute": ad.absolute, "a.exp": ad.exp}
    assert groups.aliases(names) == {"a.abs": "a.absolute"}
    same = {"a.b.manual_seed": ad.manual_seed, "a.manual_seed": ad.manual_seed}
    assert groups.aliases(same) == {"a.b.manual_seed": "a.manual_seed"}


def test_a_page_documents_ops_as_functions():
    group = groups.Group("g", "Title", "About.", ())
    names = {"autodiff.exp": ad.exp, "autodiff.float32": ad.float32, "nn.Linear": nn.Linear}
    page = reference.page(group, names)
    assert ".. autofunction:: autodiff.exp\n" in page
    assert ".. autoclass:: nn.Linear\n" in page
    assert ":: autodiff.float32" not in page  # NumPy documents it


def test_every_page_is_in_the_site():
    """A new page needs no word in the index; without the glob, the build would call it lost."""
    assert re.search(r":glob:.*^\*$", (ROOT / "docs/index.md").read_text(), re.M | re.S)
    assert not [p for p in (ROOT / "docs").rglob("*.md") if p.parent.name not in
                ("docs", *generated())]  # fmt: skip


def generated():
    return re.findall(r"^docs/(\w+)/$", (ROOT / ".gitignore").read_text(), re.M)


def test_every_page_with_examples_is_run():
    pages = {str(page) for page in markdown.pages(ROOT)}
    assert {"README.md", "docs/autodiff.md", "docs/nn.md", "docs/viz.md"} <= pages
    assert "CHANGELOG.md" not in pages
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert not re.search("^ +```python", text, re.M), f"{page}: an indented block is not run"


@pytest.mark.parametrize(
    "link, moved",
    [
        ("[a](docs/viz.md)", "[a](../viz.md)"),
        ("[![a](docs/images/relu.svg)](docs/images/relu.svg)",
         "[![a](../images/relu.svg)](../images/relu.svg)"),
        ("[a](CHANGELOG.md)", "[a](changelog.md)"),
        ("[a](https://x.org/b)", "[a](https://x.org/b)"),
        ("[see `a`](benchmarks/README.md)", "see `a`"),
        ("x[0](1)", "x[0](1)"),
    ],
)  # fmt: skip
def test_links_of_the_readme_are_moved(link, moved):
    assert front.LINK.sub(front.moved, link) == moved


def test_the_page_on_subgradients_is_what_the_tests_compute():
    written = subgradients.PAGE.read_text(encoding="utf-8")
    assert written == subgradients.page(), "run: python -m tests.subgradients"


def test_the_picture_of_the_readme_is_what_its_first_lines_draw(tmp_path, monkeypatch):
    """Number by number; small differences are those of other machines."""
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)[1]
    known = {}
    exec(code, known)
    shown = (ROOT / "docs/images/flow.svg").read_text("utf-8")
    words = re.findall(r"<text[^>]*>(.*?)</text>", shown)
    graph = known["viz"].graph(known["loss"], model=known["model"])
    for node in graph.nodes:
        at = words.index(node.name)
        number = next(float(w) for w in words[at + 1 :] if re.fullmatch(r"[\d.]+(e-?\d+)?", w))
        assert number == pytest.approx(node.rms, rel=0.02)
    assert len(graph.nodes) == 16 and len(shown) < 100_000
