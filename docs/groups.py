"""The public names in groups, from the packages themselves: the pages of the reference.

A name belongs to a group because of the module that defines it, so that a new op of a family is
listed without a word here. `tests/test_docs.py` fails for a public name without a group.
"""

import fnmatch
import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

NAMESPACES = (
    "autodiff", "autodiff.random", "autodiff.linalg", "autodiff.cuda",
    "nn", "nn.functional", "nn.init", "nn.optim", "nn.optim.schedule", "nn.data",
    "nn.data.transforms", "nn.datasets", "nn.train", "nn.onnx",
    "viz",
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """A page of the reference.

    ``of`` has patterns ``namespace:defining module`` and full names; a full name goes before any
    pattern.
    """

    slug: str
    title: str
    about: str
    of: tuple[str, ...]


GROUPS = (
    Group("types", "Types", "What is computed with, and what is recorded.",
          ("autodiff:autodiff._tensor", "autodiff:autodiff.scalar", "autodiff:autodiff.nodes",
           "autodiff.Op", "autodiff.REGISTRY")),
    Group("creation", "Creation", "New tensors.",
          ("autodiff:autodiff._creation", "autodiff.tensor", "autodiff.asarray",
           "autodiff.tril", "autodiff.triu")),
    Group("random", "Random numbers", "Drawn from a generator whose state is two integers.",
          ("autodiff.random:*", "autodiff.manual_seed")),
    Group("dtypes", "Dtypes", "The dtypes are NumPy's own.",
          ("autodiff:numpy", "autodiff.astype",
           "autodiff.can_cast", "autodiff.finfo", "autodiff.iinfo", "autodiff.isdtype",
           "autodiff.result_type", "autodiff.get_default_dtype", "autodiff.set_default_dtype")),
    Group("devices", "Devices", "Where arrays live, and array libraries of your own.",
          ("autodiff:autodiff.backend", "autodiff.cuda:*", "autodiff.synchronize",
           "autodiff.backend.Kind", "autodiff.backend.register_kind", "autodiff.backend.stamp")),
    Group("elementwise", "Elementwise functions",
          "They broadcast, and work on tensors, scalars and plain arrays.",
          ("autodiff:autodiff.ops.arithmetic", "autodiff:autodiff.ops.elementwise",
           "autodiff:autodiff.ops.rounding", "autodiff:autodiff.ops.trigonometry",
           "autodiff:autodiff.ops.special", "autodiff:autodiff.ops.bits")),
    Group("reductions", "Reductions", "Over one axis, several, or all.",
          ("autodiff:autodiff.ops.reduce", "autodiff:autodiff.ops.statistics",
           "autodiff:autodiff.ops.norm", "autodiff:autodiff.ops.scan",
           "autodiff.cumulative_prod", "autodiff.cumulative_sum", "autodiff.diff")),
    Group("shape", "Shape", "Values move, none changes.",
          ("autodiff:autodiff.ops.shape", "autodiff:autodiff.ops.join",
           "autodiff:autodiff.ops.rearrange", "autodiff.broadcast_shapes")),
    Group("indexing", "Indexing and sorting", "Values chosen by position, mask or order.",
          ("autodiff:autodiff.ops.indexing", "autodiff:autodiff.ops.along",
           "autodiff:autodiff.ops.sorting")),
    Group("linalg", "Linear algebra", "On matrices and stacks of matrices.",
          ("autodiff:autodiff.ops.linalg", "autodiff:autodiff._products",
           "autodiff:autodiff.linalg", "autodiff.linalg:*")),
    Group("networks", "Fused functions", "Made for networks.",
          ("autodiff:autodiff.ops.normalization",)),
    Group("derivatives", "Derivatives", "What is recorded, and what is asked of the record.",
          ("autodiff:autodiff._variable", "autodiff:autodiff.mode",
           "autodiff:autodiff._gradcheck", "autodiff:autodiff._anomaly", "autodiff.op",
           "autodiff.source_line")),
    Group("transforms", "Transforms", "Functions that make derivatives of functions.",
          ("autodiff:autodiff._transforms", "autodiff:autodiff._jvp",
           "autodiff:autodiff._jacobian", "autodiff:autodiff._vmap",
           "autodiff:autodiff._checkpoint")),
    Group("exchange", "Exchange", "Memory shared with others, and the constants of the array API.",
          ("autodiff.from_dlpack", "autodiff.e", "autodiff.inf", "autodiff.nan",
           "autodiff.newaxis", "autodiff.pi")),
    Group("files", "Files", "Any nest of tensors in one safetensors file.",
          ("autodiff:autodiff._files",)),
    Group("nn-modules", "Modules and containers", "What layers are made of and put into.",
          ("nn:nn.module", "nn:nn.containers", "nn:nn.parameter", "nn:nn.swap")),
    Group("nn-affine", "Affine layers", "Matrices and biases.", ("nn:nn.layers.affine",)),
    Group("nn-branches", "Branches", "The signal takes several ways at once.",
          ("nn:nn.layers.branches", "nn:nn.layers.ensembles")),
    Group("nn-boltzmann", "Boltzmann machines", "Layers that learn without labels.",
          ("nn:nn.boltzmann.*",)),
    Group("nn-normalization", "Normalization layers",
          "They make mean 0 and variance 1.",
          ("nn:nn.layers.normalization", "nn:nn.layers.channels")),
    Group("nn-dropping", "Dropout layers", "They drop random values in training mode.",
          ("nn:nn.layers.dropping",)),
    Group("nn-attention", "Attention", "Sequences whose places look at each other.",
          ("nn:nn.layers.attention", "nn:nn.layers.transformer")),
    Group("nn-lookup", "Embeddings", "Vectors by number.", ("nn:nn.layers.lookup",)),
    Group("nn-pooling", "Pooling layers", "Windows give a mean or a largest value each.",
          ("nn:nn.layers.pooling",)),
    Group("nn-resampling", "Resampling layers", "Images become larger or smaller.",
          ("nn:nn.layers.resampling",)),
    Group("nn-padding", "Padding layers", "They add values at the edges.",
          ("nn:nn.layers.padding",)),
    Group("nn-recurrence", "Recurrent layers", "For sequences, and their steps.",
          ("nn:nn.layers.recurrence", "nn:nn.layers.cells")),
    Group("nn-convolution", "Convolutional layers",
          "Kernels that move over sequences, images and volumes.",
          ("nn:nn.layers.convolution", "nn:nn.layers.unfolding")),
    Group("nn-reshaping", "Reshaping layers", "They move values.", ("nn:nn.layers.reshaping",)),
    Group("nn-activations", "Activations", "Modules; `nn.functional` has them as functions.",
          ("nn:nn.activations",)),
    Group("nn-losses", "Losses", "Modules; `nn.functional` has them as functions.",
          ("nn:nn.losses",)),
    Group("nn-functional", "Functions for networks",
          "Activations, losses and fused layers as functions of tensors.",
          ("nn.functional:*",)),
    Group("nn-init", "Initial values", "They fill a tensor in place and return it.",
          ("nn.init:*",)),
    Group("nn-optim", "Optimizers", "And what clips gradients, averages weights and scales losses.",
          ("nn.optim:*",)),
    Group("nn-schedules", "Schedules", "Learning rates as functions of the step number.",
          ("nn.optim.schedule:*",)),
    Group("nn-augmentation", "Augmentation", "Images changed at random.",
          ("nn.data.transforms:*",)),
    Group("nn-data", "Data", "Data sets, and what makes batches of them.",
          ("nn.data:*", "nn.datasets:*")),
    Group("nn-onnx", "ONNX", "Networks for other programs, and what they are made from.",
          ("nn.onnx:*", "autodiff:autodiff._capture")),
    Group("nn-train", "Training", "The trainer, what happens beside it, and metrics.",
          ("nn.train:*",)),
    Group("viz", "Pictures", "Of the gradient in a graph, and of scalar mode.", ("viz:*",)),
)  # fmt: skip


def module_of(value: Any) -> str:
    """The module that defines a value; that of its type, for a constant."""
    return getattr(value, "__module__", None) or type(value).__module__


def public(namespace: str) -> dict[str, Any]:
    """The public names of a namespace, without the modules among them."""
    module = importlib.import_module(namespace)
    names = getattr(module, "__all__", None)
    if names is None:  # what a package gathers, or a module defines; no imports from elsewhere
        root = namespace.partition(".")[0]
        ours = ("autodiff.", f"{root}.") if hasattr(module, "__path__") else (f"{namespace}.",)
        names = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and f"{module_of(value)}.".startswith(ours)
        ]
    found = {name: getattr(module, name) for name in names}
    return {name: value for name, value in found.items() if not isinstance(value, ModuleType)}


def matches(entry: str, namespace: str, name: str, value: Any) -> bool:
    """Whether an entry of a group means this name."""
    place = f"{namespace}:{module_of(value)}" if ":" in entry else f"{namespace}.{name}"
    return fnmatch.fnmatchcase(place, entry)


def groups_of(namespace: str, name: str, value: Any) -> list[str]:
    """The groups that mean a name: one, if all is well."""
    found = [(g.slug, e) for g in GROUPS for e in g.of if matches(e, namespace, name, value)]
    named = [slug for slug, entry in found if ":" not in entry]
    return named or [slug for slug, _ in found]


def members() -> dict[str, dict[str, Any]]:
    """The names of each group with what they are: ``{slug: {"autodiff.exp": ...}}``."""
    found: dict[str, dict[str, Any]] = {group.slug: {} for group in GROUPS}
    for namespace in NAMESPACES:
        for name, value in sorted(public(namespace).items(), key=lambda item: item[0].lower()):
            for slug in groups_of(namespace, name, value):
                found[slug][f"{namespace}.{name}"] = value
    for group in GROUPS:
        for name in group.of:
            if ":" not in name and name not in found[group.slug]:  # in no namespace above
                module, _, last = name.rpartition(".")
                found[group.slug][name] = getattr(importlib.import_module(module), last)
    return found


def aliases(names: dict[str, Any]) -> dict[str, str]:
    """Second names of an object in a group, each with the first: its own name, the shortest."""
    same: dict[int, list[str]] = {}
    for name, value in names.items():
        if callable(value):
            same.setdefault(id(value), []).append(name)
    found = {}
    for spelled in same.values():
        own = getattr(names[spelled[0]], "__name__", "")
        main = min(spelled, key=lambda n: (n.rpartition(".")[2] != own, n.count(".")))
        found |= {name: main for name in spelled if name != main}
    return found
