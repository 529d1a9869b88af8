"""Source text of the functions that pull gradients through an op."""

from collections.abc import Callable
from typing import Any

from ._codegen import as_tuple, make


def puller(pull: Any, asked: tuple[bool, ...], differentiable: bool) -> Callable[..., Any]:
    """The function that turns a node's gradient into those of its parents.

    ``asked`` says, for each differentiable operand, whether its gradient is to be computed;
    a parent whose gradient is not asked for gets ``None``.
    """
    op = pull.op
    rules: list[Any] = []
    lines = [f"{as_tuple(list(pull.layout))} = saved"] if pull.layout else []
    reads = {name for x in op.differentiable for name in op.rules[x].reads}
    if op.traits.several:
        lines.append("g = filled(node, g)")
    if differentiable:
        lines += _rewrap_lines(pull)
    if "xp" in reads:
        of_g = "namespace(g[0])" if op.traits.several else "namespace(g)"
        lines.append(f"xp = {'XP' if differentiable else of_g}")
    results = (
        _variadic_lines(pull, asked, rules, lines)
        if op.variadic
        else _rule_lines(pull, asked, rules, lines)
    )
    source = "\n".join(
        [
            f"def make({''.join(f'RULE{i}, ' for i in range(len(rules)))}BODY):",
            "    def pull(node, saved, g):",
            *("        " + line for line in lines),
            f"        return {results}",
            "    return pull",
        ]
    )
    return make(source, f"{op.name}_backward", *rules, op.body)


def _arguments(rule: Any, needs: tuple[bool, ...]) -> str:
    return ", ".join(repr(needs) if name == "needs" else name for name in rule.reads)


def _rule_lines(pull: Any, asked: tuple[bool, ...], rules: list[Any], lines: list[str]) -> str:
    op = pull.op
    wanted = dict(zip(op.differentiable, asked, strict=True))
    joint: dict[int, str] = {}
    results = []
    for x, carries in zip(op.differentiable, pull.carries, strict=True):
        if not carries:
            continue
        if not wanted[x]:
            results.append("None")
            continue
        rule = op.rules[x]
        needs = tuple(wanted[y] for y in rule.operands)
        if len(rule.operands) == 1:
            results.append(f"RULE{len(rules)}({_arguments(rule, needs)})")
            rules.append(rule.fn)
            continue
        if id(rule.fn) not in joint:
            joint[id(rule.fn)] = f"joint{len(rules)}"
            lines.append(f"joint{len(rules)} = RULE{len(rules)}({_arguments(rule, needs)})")
            rules.append(rule.fn)
        results.append(f"{joint[id(rule.fn)]}[{rule.operands.index(x)}]")
    return as_tuple(results)


def _variadic_lines(pull: Any, asked: tuple[bool, ...], rules: list[Any], lines: list[str]) -> str:
    rule = pull.op.rules[pull.op.operands[0]]
    rules.append(rule.fn)
    if rule.joint:
        lines.append(f"given = RULE0({_arguments(rule, asked)})")
        carried = [f"given[{i}]" for i, carries in enumerate(pull.carries) if carries]
        return as_tuple(carried) if len(carried) < len(asked) else "given"
    results = []
    for i, (carries, wanted) in enumerate(zip(pull.carries, asked, strict=True)):
        known = {"needs": repr(asked), "index": str(i)}
        arguments = ", ".join(known.get(name, name) for name in rule.reads)
        if carries:
            results.append(f"RULE0({arguments})" if wanted else "None")
    return as_tuple(results)


def _rewrap_lines(pull: Any) -> list[str]:
    """Put saved arrays back into the graph: operands on their parents, ``out`` on its node."""
    op = pull.op
    lines = []
    position = 0
    if op.variadic and op.operands[0] in pull.layout:
        (xs,) = op.operands
        lines.append(f"{xs} = list({xs})")
    for i, (name, carries) in enumerate(
        zip(op.operands * len(pull.carries) if op.variadic else op.differentiable, pull.carries)
    ):
        if not carries:
            continue
        if name in pull.layout:
            item = f"{name}[{i}]" if op.variadic else name
            lines.append(f"{item} = wrap({item}, node.parents[{position}])")
        position += 1
    if any(name in op.traits.saves for name in pull.layout):
        # Saved residuals would be constants here, and the Hessian silently wrong.
        call = [*op.operands, *(f"{o}={o}" if o in op.keyword_only else o for o in op.options)]
        results = [*(f"out{k}" for k in range(op.traits.outputs)), *op.traits.saves]
        lines.append(f"{', '.join(results)} = BODY(XP, {', '.join(call)})")
    if "out" in pull.layout:
        lines.append("out = outs(out, node)" if op.traits.several else "out = wrap(out, node)")
    return lines
