"""A record as TensorBoard's event files, through a writer that someone else maintains."""

import math
import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from ._look import shown
from ._samples import BINS, LOWEST
from ._sketch import Sketch

UNFIT = re.compile(r"[^-/\w.]")
"""What writers replace by "_" without a look at what they have already."""
LONGEST = 200
"""Characters of a tag."""
LIMITS = [2.0 ** (LOWEST + 1 + k) for k in range(BINS)]


def writer(folder: str) -> Any:
    """A ``SummaryWriter``: tensorboardX's, else PyTorch's."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise RuntimeError(
                "writing for TensorBoard needs tensorboardX: pip install "
                "'autodiff-viz[tensorboard]' (PyTorch with tensorboard will do as well)"
            ) from error
    return SummaryWriter(folder)


def tags(names: Iterable[str]) -> dict[str, str]:
    """A tag for each name, of the characters that every writer takes; no two are the same.

    Examples
    --------
    >>> tags(["0.weight", "a b", "a_b"])
    {'0.weight': '0.weight', 'a b': 'a_b', 'a_b': 'a_b_2'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        made = tag = UNFIT.sub("_", shown(name, LONGEST))
        count = 1
        while tag in taken:
            count += 1
            tag = f"{made}_{count}"
        taken.add(tag)
        found[name] = tag
    return found


def export(recorder: Any, statistics: Sequence[str], to: Any) -> None:
    """Give every number of a record, and the graph, to a ``SummaryWriter``."""
    if recorder.sketch is not None and hasattr(to, "file_writer"):
        _add_graph(recorder.sketch, to)
    steps = [int(s) for s in recorder.steps]
    tag_of = tags([*recorder.parameters, *recorder.activations])
    columns = [("loss", recorder.loss), ("learning_rate", recorder.learning_rate)]
    for statistic in statistics:
        series = recorder.series(statistic, by="parameter")
        columns += [(f"{statistic}/{tag_of[name]}", series[name]) for name in series.names]
    for tag, values in columns:
        for step, value in zip(steps, values.tolist(), strict=True):
            if not math.isnan(value):
                to.add_scalar(tag, value, step)
    if not recorder.histograms_on:
        return
    sizes = dict(zip(recorder.parameters, recorder.sizes, strict=True))
    for name, size in sizes.items():
        for step, shares in zip(*recorder.counts(name), strict=True):
            if not shares.any():  # nothing, or nothing finite
                continue
            counts = (shares * size).tolist()
            # The middles of the bins stand for their entries.
            total = sum(n * limit * 0.75 for n, limit in zip(counts, LIMITS, strict=True))
            squares = sum(n * (limit * 0.75) ** 2 for n, limit in zip(counts, LIMITS, strict=True))
            to.add_histogram_raw(
                f"gradient/{tag_of[name]}", min=0.0, max=LIMITS[-1], num=sum(counts), sum=total,
                sum_squares=squares, bucket_limits=LIMITS, bucket_counts=counts,
                global_step=int(step),
            )  # fmt: skip


def _add_graph(sketch: Sketch, to: Any) -> None:
    """The graph, folded by module in TensorBoard; writers only know those of their own library."""
    ours = type(to).__module__.startswith("tensorboardX")
    protos = "tensorboardX.proto" if ours else "tensorboard.compat.proto"
    graph = import_module(f"{protos}.graph_pb2").GraphDef()
    event = import_module(f"{protos}.event_pb2").Event
    tag_of = tags(place.name for place in sketch.places)
    names = [tag_of[place.name].replace(".", "/") for place in sketch.places]  # "/" folds
    for place, name in zip(sketch.places, names, strict=True):
        inputs = [names[i] for i in place.parents]
        node = graph.node.add(name=name, op=place.op or place.kind, input=inputs)
        several = place.shape and isinstance(place.shape[0], tuple)
        for shape in place.shape if several else (place.shape,):
            sizes = node.attr["_output_shapes"].list.shape.add()
            for size in shape:
                sizes.dim.add(size=size)
    to.file_writer.add_event(event(graph_def=graph.SerializeToString()))
