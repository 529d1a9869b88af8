"""`export`: a network as an ONNX file."""

import inspect
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import elementwise, indexing, layers, reducing, shaping  # noqa: F401 - they fill the table
from .building import Builder
from .recurrence import KINDS
from .symbols import Rows, merged
from .tracing import Axes, Translation, Value, is_input, runs

OLDEST = 21
LARGEST = 2**31 - 1  # bytes that a protobuf file may have


def export(
    model: Any,
    example_inputs: Any,
    path: str | os.PathLike[str],
    *,
    opset: int = OLDEST,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    batch_axis: int | None | Sequence[int | None] = 0,
) -> None:
    """Write a network, as it is in evaluation mode, to an ONNX file.

    The network is run twice, on batches of two sizes, and the ops it calls are translated; what
    differs between the runs follows the batch. Parameters and buffers keep the names of
    ``state_dict()``. Needs the extra ``onnx``.

    Parameters
    ----------
    model : Module
    example_inputs : tensor, array, or tuple of them
        What ``model`` is called with; a tuple is several arguments. The values do not matter.
    path : path-like
        Written whole or not at all.
    opset : int
        The version of ONNX's operators, 21 or newer.
    input_names, output_names : sequence of str, optional
        If not given, the names of the arguments, and ``output``, or ``output_0`` and so on.
    batch_axis : int, None or a sequence of them
        The axis of the inputs, or of each, whose size is left open. With None for all of them
        the file is for the sizes of the examples.

    Raises
    ------
    NotImplementedError
        If ONNX has no operator for an op, naming it, or not for its dtype.
    TypeError
        If ``forward`` needs the value of a tensor, as for an ``if``.
    ValueError
        If the program depends on the batch in another way than by its size.
    ImportError
        Without the package ``onnx``.

    Examples
    --------
    >>> import autodiff as ad, nn, os, tempfile
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> path = os.path.join(tempfile.mkdtemp(), "model.onnx")
    >>> nn.onnx.export(model, ad.zeros((1, 4)), path)
    """
    made = model_proto(model, example_inputs, opset, input_names, output_names, batch_axis)
    data = made.SerializeToString()
    target = os.path.realpath(path)
    draft = os.path.join(os.path.dirname(target), f".{os.urandom(6).hex()}.draft")
    try:
        with open(draft, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        if os.path.exists(draft):
            os.unlink(draft)
        raise


def model_proto(
    model: Any,
    example_inputs: Any,
    opset: int = OLDEST,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    batch_axis: int | None | Sequence[int | None] = 0,
) -> Any:
    """What `export` writes, as ``onnx`` has it."""
    onnx = _package()
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= opset <= newest:
        raise ValueError(
            f"nn.onnx.export: opset={opset}; it must be from {OLDEST} to {newest}, the newest that "
            f"onnx {onnx.__version__} knows"
        )
    g, inputs, outputs = graph_of(model, example_inputs, input_names, output_names, batch_axis)
    return _proto(onnx, g, inputs, outputs, type(model).__name__, opset)


def graph_of(
    model: Any,
    example_inputs: Any,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    batch_axis: int | None | Sequence[int | None] = 0,
) -> tuple[Builder, list[Value], list[Value]]:
    """The graph, its inputs and its results, before the package ``onnx`` is asked for anything."""
    arguments = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    given = _leaves(model, arguments)
    axes = _axes([x for _, x in given], batch_axis)
    first, second = runs(model, arguments, axes)
    g = Builder()
    names = _named("input", input_names, [name for name, _ in given])
    translation = Translation(model, g, names)
    if taken := [name for name in names if name in g.taken]:
        raise ValueError(
            f"nn.onnx.export: {', '.join(taken)} is the name of a parameter or buffer too; give "
            "input_names="
        )
    g.taken.update(names)
    g.batch = next(((name, axis) for name, axis in zip(names, axes) if axis is not None), None)
    inputs = [
        Value(name, merged(a.shape, b.shape), a.dtype)
        for name, a, b in zip(names, first.inputs, second.inputs, strict=True)
    ]
    count = len(first.outputs)
    results = _named(
        "output", output_names, [f"output_{k}" for k in range(count)] if count > 1 else ["output"]
    )
    g.taken.update(results)
    outputs = translation.run(first, second)
    _name_results(g, outputs, results)
    _prune(g, results)
    return g, inputs, outputs


def _package() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            f"nn.onnx.export needs the package onnx, which does not import ({error}); install it "
            "with pip install 'autodiff-viz[onnx]'"
        ) from error
    return onnx


# ---------------------------------------------------------------- arguments
def _leaves(model: Any, arguments: tuple[Any, ...]) -> list[tuple[str, Any]]:
    """The inputs, with names made of those of the parameters of forward."""
    parameters = [
        p.name
        for p in inspect.signature(model.forward).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    found: list[tuple[str, Any]] = []

    def collect(name: str, x: Any) -> None:
        if isinstance(x, tuple | list):
            for k, part in enumerate(x):
                collect(f"{name}_{k}", part)
        elif isinstance(x, dict):
            for key, part in x.items():
                collect(f"{name}_{key}", part)
        elif is_input(x):
            found.append((name, x))

    for k, x in enumerate(arguments):
        collect(parameters[k] if k < len(parameters) else f"input_{k}", x)
    if not found:
        raise ValueError("nn.onnx.export: example_inputs hold no tensor or array")
    return found


def _axes(inputs: list[Any], batch_axis: Any) -> Axes:
    """The batch axis of each input, counted from the front."""
    each = (
        [batch_axis] * len(inputs)
        if batch_axis is None or isinstance(batch_axis, int)
        else list(batch_axis)
    )
    if len(each) != len(inputs):
        raise ValueError(
            f"nn.onnx.export: batch_axis={batch_axis} for {len(inputs)} inputs; give one axis, or "
            "one for each"
        )
    for x, axis in zip(inputs, each):
        if axis is not None and not (-x.ndim <= axis < x.ndim and x.shape[axis]):
            raise ValueError(
                f"nn.onnx.export: an input of shape {x.shape} has no examples along axis {axis}; "
                "give batch_axis=, None for an input without"
            )
    return tuple([axis if axis is None else axis % x.ndim for x, axis in zip(inputs, each)])


def _named(what: str, given: Sequence[str] | None, default: list[str]) -> list[str]:
    names = default if given is None else list(given)
    if len(names) != len(default) or len(set(names)) != len(names):
        raise ValueError(
            f"nn.onnx.export: {what}_names={names}; there are {len(default)}, each with a name of "
            "its own"
        )
    return names


# ---------------------------------------------------------------- the file
def _name_results(g: Builder, outputs: list[Value], names: list[str]) -> None:
    """Give the results their names, where a node makes them; else by a node that copies."""
    own = {name for node in g.nodes for name in node.outputs}
    new: dict[str, str] = {}
    for value, name in zip(outputs, names, strict=True):
        if value.name in own and value.name not in new:
            new[value.name] = name
        else:
            node = g.add("Identity", new.get(value.name, value.name))
            new[node] = name
        value.name = name
    for node in g.nodes:
        node.inputs = tuple([new.get(x, x) for x in node.inputs])
        node.outputs = tuple([new.get(x, x) for x in node.outputs])


def _prune(g: Builder, results: list[str]) -> None:
    """Leave out nodes that nothing uses, and the states of recurrent layers."""
    wanted, kept = set(results), []
    for node in reversed(g.nodes):
        if wanted.isdisjoint(node.outputs):
            continue
        if node.kind in KINDS:
            names = [name if name in wanted else "" for name in node.outputs]
            while not names[-1]:
                names.pop()
            node.outputs = tuple(names)
        kept.append(node)
        wanted.update(node.inputs)
    g.nodes = kept[::-1]
    g.constants = {name: x for name, x in g.constants.items() if name in wanted}


def _proto(
    onnx: Any, g: Builder, inputs: list[Value], outputs: list[Value], name: str, opset: int
) -> Any:
    """The model, checked."""
    if sum(x.nbytes for x in g.constants.values()) > LARGEST:
        raise ValueError(
            "nn.onnx.export: the parameters take more than 2 GiB, which an ONNX file cannot hold; "
            "export the model in half precision, model.half(), or in parts"
        )
    helper = onnx.helper

    def typed(value: Value) -> Any:
        shape = [_dimension(n) for n in value.shape]
        return helper.make_tensor_value_info(value.name, _type(onnx, value.dtype), shape)

    nodes = []
    for node in g.nodes:
        attributes = {
            key: _type(onnx, x) if isinstance(x, np.dtype) else x
            for key, x in node.attributes.items()
        }
        made = helper.make_node(node.kind, node.inputs, node.outputs, name=node.name, **attributes)
        made.doc_string = node.scope
        for key, text in (("scope", node.scope), ("op", node.op)):
            made.metadata_props.add(key=key, value=text)
        nodes.append(made)
    graph = helper.make_graph(
        nodes,
        name,
        [typed(x) for x in inputs],
        [typed(x) for x in outputs],
        [onnx.numpy_helper.from_array(x, name) for name, x in g.constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    version = max(10, helper.find_min_ir_version_for(opsets))
    made = helper.make_model(
        graph, opset_imports=opsets, ir_version=version, producer_name="autodiff-viz"
    )
    try:
        onnx.checker.check_model(made, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise NotImplementedError(
            f"nn.onnx.export: opset {opset} does not take this graph: {error} (if it is a dtype: "
            "bfloat16 and float64 are in few operators, float32 is in all: model.float())"
        ) from error
    return made


def _dimension(n: Any) -> Any:
    if isinstance(n, Rows):
        return "batch" if n.count == 1 else f"{n.count}*batch"
    return n


def _type(onnx: Any, dtype: Any) -> Any:
    return onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
