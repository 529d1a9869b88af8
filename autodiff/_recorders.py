"""Source text of the functions that run an op and record it.

To read what is generated, print ``source_of_recorder(ad.multiply, scalar=False)``.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

from ._codegen import as_tuple, make

# The variables of what is generated, which no operand or option may be called.
LOCALS = {"body", "error", "kind", "made", "mode", "node", "shared", "tapped", "xp"}
MAX_UNROLLED = 3  # differentiable operands; 2**3 - 1 cases of which ones carry a gradient


def recorder(op: Any, scalar: bool) -> Callable[..., Any]:
    """The function that runs ``op`` and records it."""
    cases = [op.pull(mask) for mask in _masks(op)]
    function = make(
        source_of_recorder(op, scalar),
        op.name,
        op,
        op.body,
        op.kernel_of,
        cases,
        *op.options.values(),
    )
    function.__doc__ = op.__doc__
    function.__module__ = op.__module__
    return function


def _masks(op: Any) -> list[tuple[bool, ...]]:
    """Every set of operands that may carry a gradient, if few enough to write out."""
    n = len(op.differentiable)
    if op.variadic or n > MAX_UNROLLED or op.traits.several:
        return []
    return [mask for mask in product((True, False), repeat=n) if any(mask)]


def source_of_recorder(op: Any, scalar: bool) -> str:
    """The source of an op's recording function."""
    options = list(op.options)
    keyword_only = [name for name in options if name in op.keyword_only]
    anywhere = [name for name in options if name not in op.keyword_only]
    operands = list(op.operands)
    if op.variadic:  # called with one sequence, as numpy.concatenate is
        keyword_only, anywhere = [], options
    signature = [x for x in operands if x not in op.optional] + ["/"]
    signature += [f"{x}=None" for x in operands if x in op.optional]  # by keyword too
    signature += [_default(op, name) for name in anywhere]
    if keyword_only:
        signature += ["*", *(_default(op, name) for name in keyword_only)]
    lines = [
        f"def make(OP, BODY, KERNELS, CASES{''.join(f', default_{o}' for o in options)}):",
        *(f"    CASE{i} = CASES[{i}]" for i in range(len(_masks(op)))),
        f"    def record({', '.join(signature)}):",
    ]
    given = "{" + ", ".join(f"{name!r}: {name}" for name in options) + "}"
    if scalar:
        lines += ["        " + line for line in _scalar_lines(op)]
    elif op.variadic:
        lines.append(f"        return OP.apply(tuple({operands[0]}), {given})")
    elif op.rules and not _masks(op) or op.traits.several:
        lines.append(f"        return OP.apply({as_tuple(operands)}, {given})")
    else:
        lines += ["        " + line for line in _tensor_lines(op)]
    return "\n".join([*lines, "    return record"])


def _default(op: Any, name: str) -> str:
    return name if op.options[name] is op.__signature__.empty else f"{name}=default_{name}"


def _call(op: Any) -> str:
    """The arguments of the body after ``xp``."""
    values = [f"{x}_" for x in op.operands]
    values += [f"{o}={o}" if o in op.keyword_only else o for o in op.options]
    return ", ".join(values)


def _tensor_lines(op: Any) -> list[str]:
    lines = []
    for x in op.operands:
        node, none = (
            (f"; {x}_node = {x}._node", f"; {x}_node = None") if x in op.rules else ("", "")
        )
        lines += [
            f"if type({x}) in TENSORS: {x}_ = {x}._data{node}",
            f"else: {x}_ = {x}{none}",
        ]
    promoted = [x for x, p in zip(op.operands, op.promote, strict=True) if p]
    pivot = (promoted or list(op.operands))[0]
    scalars = " or ".join(f"type({x}) in SCALARS" for x in op.operands)
    given = ", ".join([*op.operands, *(f"{o}={o}" for o in op.options)])
    values = as_tuple([f"{x}_" for x in op.operands])
    results = ", ".join(["out", *op.traits.saves])
    lines += [
        "mode = current()",
        f"kind = type({pivot}_)",
        f"xp = {'mode.trusted' if op.traits.autocast else 'TRUSTED'}.get(kind)",
        *([] if op.kernels else ["body = BODY"]),
        f"if {_unsettled(op, pivot, promoted)}:",
        f"    if {scalars}: return OP.scalar({given})",
        *_casting_lines(op),
        f"    kind, xp, {values} = OP.settle({values})",
        *_lifting_lines(op),
        # Without kernels of its own, an op has them only for a kind that runs every op.
        f"{'' if op.kernels else '    '}body = KERNELS.get(kind, BODY)",
        f"try: {results} = body(xp, {_call(op)})",
        "except (IndexError, TypeError, ValueError) as error:",
        f"    raise OP.failed(error, {values}) from error",
    ]
    tensors = " or ".join(f"type({x}) in TENSORS" for x in op.operands)
    plain = [
        f"if not ({tensors}): return out",
        "made = new(Tensor)",
        "made._data = out if type(out) is kind else as_array(xp, out)",
        "made._node = made._grad = made._name = made._alias = None",
        *_view_lines(op),
        "return made",
    ]
    if not op.rules:
        return [*lines, *plain]
    return [
        *lines,
        f"if ({_idle(op)}) or not mode.recording:",
        *("    " + line for line in plain),
        "if type(out) is not kind: out = as_array(xp, out)",
        *_node_lines(op, scalar=False),
        "node.shape = out.shape; node.dtype = out.dtype",
        "node.device = 'cpu' if kind is ndarray else device_of(out)",
        *_finish_lines(op, "Tensor"),
    ]


def _casting_lines(op: Any) -> list[str]:
    """Under `autocast`, call again with the operands in the precision that the op wants."""
    if not op.traits.autocast:
        return []
    again = ", ".join(["*cast", *(f"{o}={o}" for o in op.options)])
    return [
        "    if mode.autocast is not None:",
        f"        cast = recast(OP, {as_tuple(list(op.operands))}, mode.autocast)",
        f"        if cast is not None: return OP({again})",
    ]


def _lifting_lines(op: Any) -> list[str]:
    """Call again with what `vmap` shares between examples as nodes of the batch."""
    if not op.rules or op.name in ("batch", "unbatch"):
        return []
    again = ", ".join(["*shared", *(f"{o}={o}" for o in op.options)])
    return [
        "    if kind in WRAPPERS:",
        f"        shared = lifted({as_tuple(list(op.operands))})",
        f"        if shared is not None: return OP({again})",
    ]


def _idle(op: Any) -> str:
    return " and ".join(f"{x}_node is None" for x in op.differentiable)


def _unsettled(op: Any, pivot: str, promoted: list[str]) -> str:
    """The test for operands that are not of one kind and dtype, and are settled the long way.

    A number may stay beside a tensor that carries a gradient, and hence is a float.
    """
    tests = ["xp is None"]
    for x in op.operands:
        if x == pivot:
            continue
        differs = f"type({x}_) is not kind"
        if x in promoted:
            differs = f"({differs} or {x}_.dtype is not {pivot}_.dtype)"
            if pivot in op.rules:
                differs += f" and ({pivot}_node is None or type({x}_) not in NUMBERS)"
        if x in op.optional:
            differs = f"{x}_ is not None and {differs}"
        tests.append(f"({differs})")
    if op.traits.floating and promoted:
        tests.append(f"(({_idle(op)}) and {pivot}_.dtype.kind != 'f')")
    return " or ".join(tests)


def _scalar_lines(op: Any) -> list[str]:
    if not op.traits.elementwise:
        return [f"raise TypeError('{op.name} has no scalar mode: it works on arrays')"]
    lines = []
    for x in op.operands:
        node = f"; {x}_node = {x}._node" if x in op.rules else ""
        none = f"; {x}_node = None" if node else ""
        absent = f" or {x} is None" if x in op.optional else ""
        lines += [
            f"if type({x}) in SCALARS: {x}_ = {x}._data{node}",
            f"elif type({x}) in NUMBERS{absent}: {x}_ = {x}{none}",
            f"else: {x}_ = number(OP.name, {x}){none}",
        ]
    results = ", ".join(["out", *op.traits.saves])
    lines.append(f"{results} = BODY(floats, {_call(op)})")
    if not _masks(op):
        return [*lines, "return out"]
    return [
        *lines,
        "mode = current()",
        "if type(out) is not float: out = float(out)",
        f"if ({_idle(op)}) or not mode.recording: return wrap(out)",
        *_node_lines(op, scalar=True),
        "node.shape = (); node.dtype = FLOAT64; node.device = 'cpu'",
        "node.value = out; node.gradient = None",
        *_finish_lines(op, "Scalar"),
    ]


def _node_lines(op: Any, scalar: bool) -> list[str]:
    """Make the node: its rule, parents and saved values, by which operands carry a gradient."""
    lines = [f"node = new({'ScalarNode' if scalar else 'Node'})"]
    masks = _masks(op)
    for i, mask in enumerate(masks):
        pull = op.pull(mask)
        names = op.differentiable
        test = " and ".join(
            f"{x}_node is {'not ' if c else ''}None" for x, c in zip(names, mask, strict=True)
        )
        head = "else:" if i == len(masks) - 1 else f"{'el' if i else ''}if {test}:"
        carrying = [x for x, c in zip(names, mask, strict=True) if c]
        saved = as_tuple([_value(op, name, carrying, scalar) for name in pull.layout])
        assign = (
            f"node.rule = CASE{i}; node.parents = {as_tuple([f'{x}_node' for x in carrying])}; "
            f"node.saved = {saved}"
        )
        lines += [assign] if len(masks) == 1 else [head, "    " + assign]
    return lines


def _value(op: Any, name: str, carrying: list[str], scalar: bool) -> str:
    if name in op.operands:
        return f"{name}_"
    if name == "out" or name in op.options or name in op.traits.saves:
        return name
    operand = name.removesuffix("_shape")
    if scalar:
        return "()"
    return f"{operand}_.shape" if operand in carrying else f"shape({operand}_)"


def _view_lines(op: Any) -> list[str]:
    """Note which tensor's memory the result of a view op shows."""
    if not op.traits.view:
        return []
    (x,) = op.operands
    options = as_tuple(list(op.options))
    shared = f"made._data is {x}_ or made._data.base is not None"  # NumPy may return x itself
    return [f"if {shared}: track({x}, made, OP, {options}, mode.recording)"]


def _finish_lines(op: Any, cls: str) -> list[str]:
    tensor = cls == "Tensor"
    return [
        "node.scope = where().scope",
        "node.index = tick()",
        "node.hooks = node.name = None",
        "if mode.pack is not None: node.saved = Packed(node.saved, mode.pack)",
        f"made = new({cls})",
        "made._data = out; made._node = node; made._grad = made._name = None",
        *(["made._alias = None", *_view_lines(op)] if tensor else []),
        "if mode.taps:",
        "    for tapped in mode.taps: tapped(node, out)",
        "return made",
    ]
