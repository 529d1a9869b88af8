"""Show the graphs of the gallery's examples."""

from typing import Any

from sphinx_gallery.scrapers import figure_rst

import viz
from viz._picture import Picture


def scraper(block: Any, variables: dict[str, Any], gallery: dict[str, Any], **_: Any) -> str:
    """Draw every graph that is the value of a variable for the first time in this block."""
    seen = variables.setdefault("graphs_seen", {})
    files = []
    for value in list(variables["example_globals"].values()):
        if isinstance(value, Picture) and id(value) not in seen:
            seen[id(value)] = value
            file = next(variables["image_path_iterator"])
            files.append(str(value.render(file.replace(".png", ".svg"))))
    return figure_rst(files, gallery["src_dir"])


assert viz.backends()["svg"], "the gallery's pictures need the extra `render`, or Graphviz"
