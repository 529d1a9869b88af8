"""Graphviz's SVG made fit for browsers, editors and notebooks."""

import xml.etree.ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
FAMILY = "DejaVu Sans,Verdana,Geneva,sans-serif"  # all about equally wide, so labels fit


def polish(svg: str, title: str, prefix: str = "") -> str:
    """Tooltips that browsers show, a title, room to scale, ids of its own.

    Graphviz writes a tooltip as ``xlink:title`` on a link, which most viewers ignore, and
    the name of the node as its ``<title>``, which they show.

    Parameters
    ----------
    svg : str
        What Graphviz wrote.
    title : str
        What screen readers say first.
    prefix : str
        Put before every id, so that several pictures can stand in one page.
    """
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    root = ET.fromstring(svg)
    for group in root.iter(f"{{{SVG}}}g"):
        _move_tooltip(group)
    for element in root.iter():
        if prefix and "id" in element.attrib:
            element.set("id", prefix + element.attrib["id"])
        if element.get("font-family"):
            element.set("font-family", FAMILY)
    heading = ET.Element(f"{{{SVG}}}title")
    heading.text = title
    root.insert(0, heading)
    root.set("role", "img")
    root.set("style", "max-width:100%;height:auto")
    return ET.tostring(root, encoding="unicode")


def inline(svg: str) -> str:
    """The same for a place in a page: as wide as the place, but no wider than it was drawn.

    Editors that give a picture of fixed width less room crop it.
    """
    root = ET.fromstring(svg)
    width = root.get("width", "100%")
    root.attrib.pop("height", None)
    root.set("width", "100%")
    root.set("style", f"max-width:{width};height:auto")
    return ET.tostring(root, encoding="unicode")


def _move_tooltip(group: ET.Element) -> None:
    """Replace the group's title by the tooltip of the link inside, and drop the link.

    What the title said, a name in the DOT text, stays as ``data-id``.
    """
    title = group.find(f"{{{SVG}}}title")
    link = group.find(f"{{{SVG}}}g/{{{SVG}}}a")
    if title is None:
        return
    group.set("data-id", title.text or "")
    words = link.get(f"{{{XLINK}}}title", "") if link is not None else ""
    if words.strip():
        title.text = words
    else:
        group.remove(title)
    for holder in group.findall(f"{{{SVG}}}g"):
        inner = holder.find(f"{{{SVG}}}a")
        if inner is None:
            continue
        at = list(group).index(holder)
        group.remove(holder)
        for i, shape in enumerate(inner):
            group.insert(at + i, shape)
