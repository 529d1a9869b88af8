"""Event files for TensorBoard, through a writer that others maintain."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

import autodiff as ad

from .callback import Callback


class TensorBoard(Callback):
    """Writes scalars after each epoch, histograms now and then, and the graph once.

    Numbers of training and validation that belong together are in one chart, over the steps. A
    run that is gone on with writes on; what a crash had lost is dropped by TensorBoard.

    Parameters
    ----------
    folder : path-like
    histograms : int
        Every how many epochs the weights and gradients are written; 0 for never.
    graph : bool
        Whether the ops of the first step are written, grouped by module.

    Examples
    --------
    >>> import nn
    >>> board = nn.train.TensorBoard("runs/first")  # then: tensorboard --logdir runs
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, histograms: int = 1, graph: bool = True
    ) -> None:
        if histograms < 0:
            raise ValueError(f"TensorBoard: histograms={histograms} must not be negative")
        self.folder, self.histograms, self.graph = os.fspath(folder), histograms, graph
        self._writer: Any = None

    def on_train_begin(self, trainer: Any) -> None:
        """Open the files."""
        self._writer = _writer(self.folder, trainer.step)
        self._drawn = bool(trainer.step) or not self.graph

    def on_step_end(self, trainer: Any, *, loss: Any, optimizer: Any) -> None:
        """Write the graph, the first time."""
        if not self._drawn:
            self._drawn = True
            _write_graph(self._writer, loss, trainer.model)

    def on_epoch_end(self, trainer: Any) -> None:
        """Write the numbers, and the histograms if it is time."""
        for name, value in trainer.logs.items():
            if name != "epoch" and isinstance(value, (int, float)):
                base = name.removeprefix("val_")
                part = "validation" if name != base else "training"
                self._writer.add_scalar(f"{base}/{part}", value, trainer.step)
        if self.histograms and trainer.epoch % self.histograms == 0:
            for name, parameter in trainer.model.named_parameters():
                self._histogram(f"weight/{name}", parameter, trainer.step)
                self._histogram(f"gradient/{name}", parameter.grad, trainer.step)
        self._writer.flush()

    def _histogram(self, tag: str, tensor: Any, step: int) -> None:
        if tensor is None or not tensor.size:
            return
        values = ad.backend.to_numpy(tensor.data)
        finite = values[np.isfinite(values)]
        if finite.size:
            self._writer.add_histogram(tag, finite, step)

    def on_train_end(self, trainer: Any) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _writer(folder: str, step: int) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise RuntimeError(
            "TensorBoard's files need tensorboardX: pip install 'autodiff-viz[tensorboard]'"
        ) from error
    # The writer calls its files by the second, and would write over one of the same second.
    return SummaryWriter(
        folder, purge_step=step + 1 if step else None, filename_suffix=f".{step:08}"
    )


# ---------------------------------------------------------------- the graph
def _write_graph(writer: Any, loss: ad.Tensor, model: Any) -> None:
    from tensorboardX.proto import event_pb2, graph_pb2, versions_pb2

    paths = {id(module): path.replace(".", "/") for path, module in model.named_modules()}
    parameters = {id(p): name.replace(".", "/") for name, p in model.named_parameters()}
    nodes = sorted(_ancestors(loss.node), key=lambda node: node.index)
    names: dict[int, str] = {}
    graph = graph_pb2.GraphDef(versions=versions_pb2.VersionDef(producer=22))
    for i, node in enumerate(nodes):
        if node.op is None:
            kind = "Parameter"
            name = parameters.get(id(getattr(node, "tensor", None)), f"leaf {i}")
        else:
            kind = node.op.name
            name = "/".join([part for part in (_path(node.scope, paths), f"{kind}_{i}") if part])
        names[id(node)] = name
        inputs = [names[id(parent)] for parent in node.parents if id(parent) in names]
        row = graph.node.add(name=name, op=kind, input=inputs)
        row.attr["shape"].s = str(node.shape).encode()
        row.attr["dtype"].s = str(node.dtype).encode()
    writer.file_writer.add_event(event_pb2.Event(graph_def=graph.SerializeToString()))


def _ancestors(root: Any) -> Iterator[Any]:
    seen, todo = {id(root)}, [root]
    while todo:
        node = todo.pop()
        yield node
        for parent in node.parents:
            if id(parent) not in seen:
                seen.add(id(parent))
                todo.append(parent)


def _path(scope: Any, paths: dict[int, str]) -> str:
    """The path of the innermost known module around a node."""
    while scope is not None:
        module = scope.module()
        if id(module) in paths:
            return paths[id(module)]
        scope = scope.outer
    return ""
