"""About how much room text takes, where nobody measures it."""

import unicodedata

from ._reader import Attributes, words


def text_width(line: str, size: float) -> float:
    """About how wide a line is in DejaVu Sans."""
    total = 0.0
    for c in line:
        if c in "ijlI.,:;'|()[]/ -":
            total += 0.36
        elif c in "mwMW@%":
            total += 0.95
        else:
            total += 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.63
    return total * size


def size(attributes: Attributes) -> tuple[float, float]:
    """Width and height of a node, in points."""
    if attributes.get("fixedsize") == "true":
        return float(attributes["width"]) * 72, float(attributes["height"]) * 72
    font = float(attributes.get("fontsize", 11))
    lines = words(attributes.get("label", ""))
    wide, high = (float(m) * 144 for m in attributes.get("margin", "0.12,0.06").split(","))
    width = max((text_width(line, font) for line in lines), default=0.0) + wide
    height = len(lines) * font * 1.2 + high
    if attributes.get("shape") in ("ellipse", "hexagon"):
        width, height = width * 1.3, height * 1.3
    least = float(attributes.get("width", 0.6)) * 72
    return max(width, least), max(height, float(attributes.get("height", 0.3)) * 72)
