"""The documentation site: ``make docs`` builds it into docs/_build/html, warnings are errors."""

import os
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from docs import front, reference  # noqa: E402
from docs.docstrings import complete  # noqa: E402
from docs.links import resolve  # noqa: E402

project = "autodiff-viz"
author = f"the contributors of {project}"
try:
    release = metadata.version(project)
except metadata.PackageNotFoundError:  # built from a tree that is not installed
    release = ""
front.write(HERE / "project")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "_build",
    "pages",
    "examples",
    "**/sg_execution_times*",
    "gallery/**/*.ipynb",
    "gallery/*.ipynb",
]
nitpicky = True
default_role = "py:obj"

# ---------------------------------------------------------------- Markdown
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
myst_fence_as_directive = []

# ---------------------------------------------------------------- the reference
autodoc_typehints = "none"  # ``x: Any`` says nothing; shapes and types are in the text
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False
# What a one-line docstring may leave out is not among them; `docstrings` knows of parameters.
numpydoc_validation_checks = {
    "GL03", "GL06", "GL07", "GL08", "PR02", "PR03", "PR05", "PR10", "RT04", "RT05",
    "SS01", "SS03", "SS06",
}  # fmt: skip
numpydoc_validation_exclude = {
    r"\.Scope\.\w+$",  # fields: a NamedTuple writes their docstrings
    r"\.\w+\.update_numpy$",  # None, unless a subclass has it; its text is below it
    r"\.Kind\.\w+$",  # likewise
}
reference.write(HERE / "api")

# Links into other projects need their inventories, hence the network: DOCS_ONLINE=1 make docs.
if os.environ.get("DOCS_ONLINE"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "cupy": ("https://docs.cupy.dev/en/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }

# ---------------------------------------------------------------- the gallery
# Its examples write whole pages, a report and a lesson, there; they are copied beside the others.
PAGES = HERE / "pages"
PAGES.mkdir(exist_ok=True)
os.environ["DOCS_PAGES"] = str(PAGES)
html_extra_path = ["pages"]
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": r"\.py$",
    "image_scrapers": ("matplotlib", "docs.pictures.scraper"),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "write_computation_times": False,
    "show_memory": False,
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "capture_repr": (),
}

# ---------------------------------------------------------------- the look
html_theme = "pydata_sphinx_theme"
html_title = project
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
}


def setup(app):
    app.connect("missing-reference", resolve)
    app.connect("autodoc-process-docstring", complete)
