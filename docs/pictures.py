"""Show the graphs and charts of the gallery's examples."""

from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

import viz
from viz._chart import Chart
from viz._picture import Picture


def scraper(block: Any, variables: dict[str, Any], gallery: dict[str, Any], **_: Any) -> str:
    """Draw every picture that is the value of a variable for the first time in this block."""
    seen = variables.setdefault("graphs_seen", {})
    files = []
    for value in list(variables["example_globals"].values()):
        ours = isinstance(value, Picture | Chart)
        bare = isinstance(value, Figure) and value.canvas.manager is None  # else pyplot's scraper
        if (ours or bare) and id(value) not in seen:
            seen[id(value)] = value
            file = next(variables["image_path_iterator"]).replace(".png", ".svg")
            value.render(file) if ours else value.savefig(file)
            files.append(file)
    return figure_rst(files, gallery["src_dir"])


assert viz.backends()["svg"], "the gallery's pictures need the extra `render`, or Graphviz"
