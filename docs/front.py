"""The README and its kin as pages of the site."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"(!?)\[((?:!\[[^]]*\]\([^)]*\)|[^]])*)\]\(([^)#:]+)\)")


def moved(match: re.Match[str]) -> str:
    """A link from the root as one from docs/project; plain words if the site has no such page."""
    image, words, target = match.groups()
    if not (ROOT / target).exists():  # no link, but code: x[0](1)
        return match[0]
    words = LINK.sub(moved, words)
    if target in PAGES:
        target = PAGES[target]
    elif target.startswith("docs/"):
        target = f"../{target.removeprefix('docs/')}"
    else:
        return words
    return f"{image}[{words}]({target})"


def write(folder: Path) -> None:
    """Write the pages into ``folder``."""
    folder.mkdir(exist_ok=True)
    for source, page in PAGES.items():
        text = LINK.sub(moved, (ROOT / source).read_text(encoding="utf-8"))
        file = folder / page
        if not file.exists() or file.read_text(encoding="utf-8") != text:  # else not read again
            file.write_text(text, encoding="utf-8")
