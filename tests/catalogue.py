"""What `autodiff` was to have, what of it there is, and in which modes each function is tested.

``python -m tests.catalogue`` writes docs/catalogue.md from the packages and the op table; a test
fails where the page is stale, or a name is missing and no reason is given.
"""

from pathlib import Path
from typing import Any

import autodiff as ad
from autodiff import REGISTRY, Op

from .table import CASES, FAMILIES, NOT_IN_TORCH
from .table import composites as composite
from .table.composites import COMPOSITES, find
from .table.exported import NOT_IN_ONNX
from .test_vmap_table import REFUSED

PAGE = Path(__file__).parent.parent / "docs/catalogue.md"

OPS = {
    "Elementwise": """
        add subtract multiply divide floor_divide remainder power negative positive absolute sign
        square sqrt rsqrt cbrt reciprocal exp exp2 expm1 log log2 log10 log1p logaddexp sin cos tan
        arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh sinc hypot erf erfc
        erfinv lgamma digamma sigmoid softplus maximum minimum clip where floor ceil round trunc
        lerp isnan isinf isfinite logical_and logical_or logical_not equal not_equal less less_equal
        greater greater_equal acos asin atan atan2 acosh asinh atanh abs pow bitwise_and bitwise_or
        bitwise_xor bitwise_invert bitwise_left_shift bitwise_right_shift""",
    "Reductions": """
        sum mean var std prod max min amax amin argmax argmin any all logsumexp cumsum cumprod norm
        median count_nonzero""",
    "Shape": """
        reshape transpose permute_dims swapaxes moveaxis squeeze expand_dims broadcast_to
        broadcast_arrays concatenate concat stack split array_split unstack flip roll repeat tile
        pad ravel flatten diagonal diag""",
    "Indexing": """
        take take_along_axis put_along_axis gather scatter_add index_add nonzero sort argsort topk
        masked_fill searchsorted one_hot""",
    "Linear algebra": """
        matmul dot inner outer tensordot einsum vecdot kron trace linalg.norm linalg.inv
        linalg.solve linalg.det linalg.slogdet linalg.cholesky linalg.qr linalg.svd linalg.eigh
        linalg.pinv linalg.matrix_power""",
}
"""Functions of tensors, by group."""

OTHERS = {
    "Types": "Tensor Scalar Op Node",
    "Creation": """
        tensor asarray zeros ones full empty arange linspace eye zeros_like ones_like full_like tril
        triu meshgrid""",
    "Random": """
        manual_seed random.Generator random.normal random.uniform random.integers random.permutation
        random.bernoulli random.truncated_normal""",
    "Dtypes": """
        float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 bool set_default_dtype
        get_default_dtype""",
    "Devices": """
        set_default_device default_device device cuda.is_available cuda.device_count
        cuda.memory_stats cuda.empty_cache synchronize""",
    "Derivatives": """
        no_grad enable_grad is_grad_enabled gradients tap grad value_and_grad vjp jvp hvp jacobian
        hessian vmap checkpoint detect_anomaly gradcheck op saved_tensors_hooks Watch""",
    "Replay": "compile",
    "Files": "save load from_dlpack",
}
"""Everything else, by group."""

METHODS = """
    data grad requires_grad requires_grad_ is_leaf name dtype device shape ndim size T mT item numpy
    detach clone backward retain_grad register_hook register_post_accumulate_hook to cpu cuda astype
    zero_grad sum mean var std max min argmax argmin prod reshape transpose permute squeeze flatten
    exp log sqrt tanh sigmoid relu abs clip cumsum any all __dlpack__ __array__
    __cuda_array_interface__ __array_namespace__ __array_ufunc__ __array_function__"""
"""Attributes and methods of `Tensor`."""

ABSENT = {
    "compile": "planned; until then a graph is made anew in every step",
}
"""Why a name is missing."""


def missing() -> set[str]:
    """The names that are not there, methods as ``Tensor.name``."""
    names = {n for group in (*OPS.values(), *OTHERS.values()) for n in group.split()}
    absent = {name for name in names if find(name) is None}
    return absent | {f"Tensor.{n}" for n in METHODS.split() if not hasattr(ad.Tensor, n)}


class Names:
    """Stands in for PyTorch where only the names of its functions are wanted."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, name: str) -> "Names":
        return Names(f"{self.name}.{name}")


def in_torch() -> dict[str, Any]:
    """What each op is compared with: a name of PyTorch's, or a function of several."""
    torch = Names("torch")
    return {op: f for g in [*FAMILIES, composite] for op, f in g.counterparts(torch).items()}


YES, NO = "✓", "–"
HEAD = ["function", "scalar", "1st", "2nd", "vmap", "float16", "CuPy", "ONNX", "PyTorch"]
INTRO = f"""
# Catalogue

Every function that the library is to have, and what tests of it run. `python -m tests.catalogue`
writes this page from the packages and the op table in `tests/table/`; a test fails where it is
stale.

| column | {YES} means |
| --- | --- |
| scalar | works on `Scalar`s too, with the values and gradients of tensors of shape `()` |
| 1st, 2nd | first and second derivatives equal finite differences in float64 |
| vmap | equals a loop over examples, in value and both derivatives |
| float16 | result and derivatives keep float16, as all keep float32 |
| CuPy | runs on the strict stand-in for CuPy 14.2, and equals NumPy; on a GPU where there is one |
| ONNX | every row of it is exported, and equal in onnx.reference and onnxruntime |
| PyTorch | what it is compared with in value and derivatives; {YES} for several calls |

{NO} under 1st means that there is no derivative to speak of: the result is truth values, bits or
positions. A function "made of" ops has no rule of its own.
"""


def cases_of(op: str) -> list[Any]:
    """The rows of the op table for an op."""
    return [case for case in [*CASES, *COMPOSITES] if case.op == op]


def half_missing(op: str) -> str:
    """Why no row of an op is in float16; empty if one is."""
    reasons = [case.half for case in cases_of(op)]
    return reasons[0] if all(reasons) else ""


def op_of(name: str) -> Op | None:
    """The op of a name, also where a function in front of it has taken its name."""
    value = find(name)
    if value is None or isinstance(value, Op):
        return value
    own = value.__name__
    return None if isinstance(find(own), Op) else REGISTRY.get(own)


def composites() -> set[str]:
    """The functions of tensors that are no ops."""
    names = [name for group in OPS.values() for name in group.split()]
    return {name for name in names if find(name) is not None and op_of(name) is None}


def row(name: str, torch: dict[str, Any]) -> list[str]:
    """One line of a table: a function and its modes."""
    if find(name) is None:
        return [f"`{name}`", *[NO] * (len(HEAD) - 1)]
    op = op_of(name)
    rows = cases_of(op.name if op else name)
    assert rows, f"{name} has no row in the op table"
    gradient = YES if any(case.differentiable() for case in rows) else NO
    other = torch.get(op.name if op else name)
    title = f"`{name}`"
    if op is None:
        parts = sorted({part for case in rows for part in case.made_of()})
        title += f": made of {', '.join(f'`{part}`' for part in parts)}" if parts else ""
    elif op.name != name.rpartition(".")[2]:
        title += f", `{op.name}`"
    return [
        title,
        YES if op and op.traits.elementwise else NO,
        gradient,
        gradient,
        NO if rows[0].op in REFUSED else YES,
        NO if half_missing(rows[0].op) else YES,
        YES,
        NO if rows[0].op in NOT_IN_ONNX else YES,
        f"`{other.name}`" if isinstance(other, Names) else YES if other else NO,
    ]


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def why(title: str, reasons: dict[str, str]) -> list[str]:
    """A list of names that share a reason."""
    shared: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        shared.setdefault(reason, []).append(f"`{name}`")
    said = [f"- {', '.join(names)}: {reason}" for reason, names in shared.items()]
    return ["", f"## {title}", "", *said] if said else []


def more() -> list[str]:
    """Public ops that the list has not."""
    listed = {id(find(name)) for group in OPS.values() for name in group.split()}
    spaces = {"": ad, "linalg.": ad.linalg}
    names = [f"{prefix}{name}" for prefix, space in spaces.items() for name in space.__all__]
    return sorted(n for n in names if isinstance(find(n), Op) and id(find(n)) not in listed)


def page() -> str:
    """The page's text."""
    torch = in_torch()
    lines = [INTRO.strip()]
    listed = {group: names.split() for group, names in OPS.items()}
    for group, names in (listed | {"More": more()}).items():
        lines += ["", f"## {group}", "", *table(HEAD, [row(name, torch) for name in names])]
    lines += ["", "## The rest", ""]
    rest = [
        [group, " ".join(f"`{name}`" for name in names.split() if find(name) is not None)]
        for group, names in OTHERS.items()
    ]
    lines += table(["", "there is"], [cells for cells in rest if cells[1]])
    ops = {op_of(name) for names in [*listed.values(), more()] for name in names}
    here = sorted(op.name for op in ops if op)
    half = {op: half_missing(op) for op in here if half_missing(op)}
    unlike = {op: NOT_IN_TORCH[op] for op in here if op in NOT_IN_TORCH}
    lines += why("Missing", ABSENT)
    lines += why("Not in float16", half)
    lines += why("Without a counterpart in PyTorch", unlike)
    unsaid = {name: NOT_IN_ONNX[name] for name in [*here, *composites()] if name in NOT_IN_ONNX}
    lines += why("Not in ONNX", dict(sorted(unsaid.items())))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
