"""Writes docs/viz-rules.md: what the diagnosis says of one network for each rule, and its trial."""

import inspect
from pathlib import Path

from .judging import TUNED, judged
from .parts import CASES

EXAMPLES = {
    "vanishing": "sigmoid_deep", "exploding": "relu_large", "recurrent": "linear_unrolled",
    "recurrent_vanishing": "lstm_long", "dead": "one_dead_layer", "saturated": "sigmoid_unscaled",
    "symmetric": "one_constant_layer", "spread": "spread_shrinks", "nonfinite": "nan_weight",
    "unreached": "detached_body", "frozen": "one_frozen", "batch_norm": "evaluation_by_mistake",
    "lost_updates": "half_precision", "lr_high": "sgd_wild", "lr_low": "adam_timid",
}  # fmt: skip
PAGE = Path(__file__).parents[2] / "docs/viz-rules.md"
HEAD = """# What each rule says

One network of `tests/sick` for each rule, how it is made, what `viz.diagnose` says of it and what
became of the first remedy. Statistics and thresholds are explained on the page on
[diagnosis](viz-diagnosis.md). Written by `python -m tests.sick --page`.
"""


def example(rule):
    """The section of one rule."""
    network = next(n for n in CASES if n.name == EXAMPLES[rule])
    found, trial = judged(network, TUNED[0])
    finding = next(f for f in found if f.rule == rule)
    source = inspect.getsource(network.build).partition("\n")[2].rstrip()
    said = f"```text\n{finding}\n\n{trial}\n```".replace(f"{PAGE.parents[1]}/", "")
    return f"## {rule}\n\n```py\n{source}\n```\n\n{said}\n"


def write():
    PAGE.write_text("\n".join([HEAD, *map(example, EXAMPLES)]), encoding="utf-8")
