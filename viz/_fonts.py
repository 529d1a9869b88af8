"""The font file with which text is drawn in PNGs.

It is taken from an installed package, never shipped: resvg draws no text at all, and says
nothing, when it is given no font.
"""

from importlib.util import find_spec
from pathlib import Path

FONT_FILES = {"matplotlib": "mpl-data/fonts/ttf/DejaVuSans.ttf"}
"""Where installed packages keep a font that has every glyph we print."""


def font_file() -> Path | None:
    """The font file of an installed package, found without importing the package."""
    for package, inside in FONT_FILES.items():
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            path = Path(folder) / inside
            if path.is_file():
                return path
    return None
