"""The table that ``module.summary(...)`` prints."""

from dataclasses import dataclass
from typing import Any

import autodiff as ad

from .costs import multiply_adds
from .parameter import Parameter
from .swap import functional_call

HEAD = ("module", "output", "parameters", "memory", "multiply-adds")


@dataclass
class Row:
    """What is known of one module's own part."""

    path: str
    kind: str
    parameters: int
    shown: bool
    output: str = ""
    calls: int = 0
    kept: int = 0  # bytes
    work: int = 0

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        times = f" x{self.calls}" if self.calls > 1 else ""
        what = f"{self.path or '(model)'}: {self.kind}{times}"
        return what, self.output, f"{self.parameters:,}", size(self.kept), f"{self.work:,}"


def summary_table(model: Any, shapes: tuple[tuple[int, ...], ...], dtypes: tuple[Any, ...]) -> str:
    """Run a module on zeros and say what its parts make, own, keep and cost.

    See `Module.summary`.
    """
    rows = {id(module): _row(path, module) for path, module in model.named_modules()}
    order: list[Row] = []
    held: dict[int, Any] = {id(ad.backend.owner(p.data)): p for p in model.parameters()}

    def called(module: Any, args: Any, out: Any) -> None:
        row = rows[id(module)]
        if not row.calls:
            order.append(row)
            row.output = _shapes(out)
        row.calls += 1

    def recorded(node: ad.Node, out: Any) -> None:
        scope = node.scope
        row = rows.get(id(scope.module()) if scope else 0, rows[id(model)])
        row.work += multiply_adds(node)
        for memory in _memory(node.kept.values()):
            if id(memory) not in held:
                held[id(memory)] = memory  # keeps it alive, so that the id stays its own
                row.kept += memory.nbytes

    handles = [module.register_forward_hook(called) for module in model.modules()]
    modes = [(module, module.training) for module in model.modules()]
    try:
        with ad.enable_grad(), ad.tap(recorded):
            functional_call(
                model.eval(), _all_differentiable(model), *_zeros(model, shapes, dtypes)
            )
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    shown = [row for row in order if row.shown or row.work]
    return _text(shown, _totals(model, rows.values(), sum(row.kept for row in order)))


def _row(path: str, module: Any) -> Row:
    own = [part.size for part in vars(module).values() if isinstance(part, Parameter)]
    leaf = next(module.children(), None) is None
    return Row(path, type(module).__name__, sum(own), leaf or bool(own))


def _all_differentiable(model: Any) -> dict[str, Any]:
    """Stand-ins, so that every op is recorded, those of frozen parameters too."""
    return {name: p.detach().requires_grad_() for name, p in model.named_parameters()}


def _zeros(model: Any, shapes: Any, dtypes: tuple[Any, ...]) -> list[Any]:
    first = next(iter(model.parameters()), None)
    device = None if first is None else first.device
    made = []
    for shape, dtype in zip(shapes, dtypes):
        if dtype is None and first is not None:
            dtype = first.dtype
        x = ad.zeros(shape, dtype=dtype, device=device)
        made.append(x.requires_grad_() if ad.backend.is_float(x.dtype) else x)
    return made


def _memory(values: Any) -> list[Any]:
    """The arrays that own the memory of saved values."""
    found = []
    for value in values:
        if isinstance(value, tuple):
            found += _memory(value)
        elif type(value) in ad.backend.KINDS and hasattr(value, "nbytes"):
            found.append(ad.backend.owner(value))
    return found


def _shapes(out: Any) -> str:
    if isinstance(out, tuple | list):
        return ", ".join([_shapes(x) for x in out if x is not None])
    return str(getattr(out, "shape", ""))


def size(count: int) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _totals(model: Any, rows: Any, kept: int) -> list[str]:
    parameters, buffers = list(model.parameters()), list(model.buffers())
    every = sum(p.size for p in parameters)
    frozen = sum(p.size for p in parameters if not p.requires_grad)
    stored = sum(t.data.nbytes for t in [*parameters, *buffers])
    return [
        f"{every:,} parameters" + (f", of which {frozen:,} frozen" if frozen else ""),
        f"{size(stored)} for parameters" + (" and buffers" if buffers else ""),
        f"{size(kept)} kept for the backward pass",
        f"{sum(row.work for row in rows):,} multiply-adds forward",
    ]


def _text(rows: list[Row], totals: list[str]) -> str:
    cells = [HEAD, *[row.cells() for row in rows]]
    wide = [max(len(row[i]) for row in cells) for i in range(len(HEAD))]
    lines = [
        "  ".join(
            [
                text.ljust(n) if i < 2 else text.rjust(n)
                for i, (text, n) in enumerate(zip(row, wide))
            ]
        )
        for row in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], "-" * len(lines[0]), *totals])
