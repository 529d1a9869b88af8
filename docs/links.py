"""Names in single backticks: a link where the site has the name, code where it has not."""

import re
from typing import Any

from sphinx.util.nodes import make_refnode

NAME = re.compile(r"[A-Za-z_][\w.]*(\(\))?")


def resolve(app: Any, env: Any, node: Any, words: Any) -> Any:
    """Find the one public name that ends as the text does, whichever module it is in.

    Text that is no name stays an error: mostly a backtick that was not closed as meant.
    """
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or node.get("reftype") != "obj" or not NAME.fullmatch(target):
        return None
    objects = env.get_domain("py").objects
    found = [name for name in objects if name == target or name.endswith(f".{target}")]
    short = [name for name in found if name.count(".") == min(n.count(".") for n in found)]
    if len(short) != 1:
        return words
    entry = objects[short[0]]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, words, short[0])
