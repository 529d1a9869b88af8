"""The table that ``module.summary(...)`` prints."""

from typing import Any

import autodiff as ad

from .parameter import Parameter


def summary_table(model: Any, input_shape: tuple[int, ...]) -> str:
    """Run a module on zeros and list those with parameters or none inside; see `Module.summary`."""

    def own(module: Any) -> list[Parameter]:
        return [part for part in vars(module).values() if isinstance(part, Parameter)]

    rows: list[tuple[str, str, str]] = []
    paths = {id(module): path for path, module in model.named_modules()}

    def note(module: Any, args: tuple[Any, ...], out: Any) -> None:
        size = sum(p.size for p in own(module))
        what = f"{paths[id(module)] or '(model)'}: {type(module).__name__}"
        rows.append((what, str(getattr(out, "shape", "")), f"{size:,}"))

    shown = [m for m in model.modules() if own(m) or next(m.children(), None) is None]
    handles = [module.register_forward_hook(note) for module in shown]
    modes = [(module, module.training) for module in model.modules()]
    first = next(iter(model.parameters()), None)
    place = {} if first is None else {"device": first.device, "dtype": first.dtype}
    try:
        with ad.no_grad():
            model.eval()(ad.zeros(input_shape, **place))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    total = sum(p.size for p in model.parameters())
    rows = [("module", "output", "parameters"), *rows, ("total", "", f"{total:,}")]
    wide = [max(len(row[i]) for row in rows) for i in range(3)]
    return "\n".join(f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2]}}".rstrip() for a, b, c in rows)
