"""Check derivative rules against finite differences."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import backend
from ._variable import Variable, gradients
from .nodes import wrap


def gradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    *,
    order: int = 1,
    eps: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
) -> bool:
    """Compare the gradients of ``fn`` with central differences, element by element.

    The outputs are contracted with fixed random cotangents: a sum would hide errors that
    cancel. Use float64 inputs, away from kinks.

    Parameters
    ----------
    fn : callable
        Takes the inputs, returns a tensor or several. It must be deterministic.
    inputs : Tensor, Scalar, or sequence of them
        Those that require a gradient are checked.
    order : int
        1 checks gradients, 2 the gradients of gradients as well, and so on.
    eps : float, optional
        The step; by default the cube root of the dtype's precision, times the value's size.
    atol, rtol : float, optional
        The tolerances; by default about 1e-9, times the size of the
        outputs, and 1e-5 in float64.

    Returns
    -------
    bool
        True; otherwise it raises.

    Raises
    ------
    AssertionError
        With a line for each element that disagrees.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 2.0], dtype=ad.float64, requires_grad=True)
    >>> ad.gradcheck(lambda x: ad.log(x) * x, x, order=2)
    True
    """
    values = [inputs] if isinstance(inputs, Variable) else list(inputs)
    checked = [i for i, x in enumerate(values) if getattr(x, "requires_grad", False)]
    if not checked:
        raise ValueError("gradcheck: no input requires a gradient")
    _check(fn, values, checked, eps, atol, rtol, 1)
    for level in range(2, order + 1):
        fn = _gradient_of(fn, checked)
        _check(fn, values, checked, eps, atol, rtol, level)
    return True


def _outputs(result: Any) -> list[Any]:
    results = [result] if isinstance(result, Variable) else list(result)
    return [r for r in results if isinstance(r, Variable) and backend.is_float(r.dtype)]


def _cotangents(outputs: list[Any]) -> list[Any]:
    """Fixed random weights in the outputs' shapes and places."""
    rng = np.random.default_rng(0)
    made = []
    for y in outputs:
        v = np.asarray(rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape))
        made.append(y._like(v if y.shape or type(y._data) is not float else float(v)))
    return made


def _gradient_of(fn: Callable[..., Any], checked: Sequence[int]) -> Callable[..., Any]:
    """The function whose outputs are the gradients of ``fn``."""

    def gradient(*values: Any) -> tuple[Any, ...]:
        outputs = [y for y in _outputs(fn(*values)) if y.requires_grad]
        if not outputs:  # linear: its gradient is constant
            return ()
        found = gradients(
            outputs,
            [values[i] for i in checked],
            _cotangents(outputs),
            create_graph=True,
            allow_unused=True,
        )
        return tuple(g for g in found if g is not None)

    return gradient


def _leaf(data: Any) -> Any:
    """A fresh tensor or scalar that requires a gradient."""
    return wrap(data).requires_grad_()


def _check(
    fn: Callable[..., Any],
    values: list[Any],
    checked: Sequence[int],
    eps: float | None,
    atol: float | None,
    rtol: float | None,
    level: int,
) -> None:
    fresh = list(values)
    for i in checked:
        fresh[i] = _leaf(values[i]._data)
    outputs = [y for y in _outputs(fn(*fresh)) if y.requires_grad]
    weights = [np.asarray(backend.to_numpy(v._data)) for v in _cotangents(outputs)]
    if not outputs:
        return
    found = gradients(outputs, [fresh[i] for i in checked], _cotangents(outputs), allow_unused=True)
    carries = [y.requires_grad for y in _outputs(fn(*fresh))]

    def contracted(i: int, element: tuple[int, ...], step: float) -> float:
        moved = np.array(backend.to_numpy(values[i]._data))
        moved[element] += step
        inputs = list(fresh)
        data = (
            float(moved)
            if type(values[i]._data) is float
            else backend.to_device(moved, values[i].device)
        )
        inputs[i] = _leaf(data)
        results = [y for y, c in zip(_outputs(fn(*inputs)), carries, strict=True) if c]
        return float(
            sum(
                np.sum(w * np.asarray(backend.to_numpy(y._data), dtype=np.float64))
                for w, y in zip(weights, results, strict=True)
            )
        )

    wrong = []
    for i, g in zip(checked, found, strict=True):
        data = np.asarray(backend.to_numpy(values[i]._data))
        precision = float(np.finfo(data.dtype).eps)
        close = (atol or 30 * precision ** (2 / 3), rtol or 1e-5)
        analytic = np.zeros(data.shape) if g is None else np.asarray(backend.to_numpy(g._data))
        for element in np.ndindex(data.shape):
            step = eps or precision ** (1 / 3) * max(1.0, abs(float(data[element])))
            high, low = contracted(i, element, step), contracted(i, element, -step)
            numeric = (high - low) / (2 * step)
            exact = float(analytic[element])
            scale = max(1.0, abs(high), abs(low))
            if not abs(exact - numeric) <= close[0] * scale + close[1] * abs(numeric):
                name = values[i].name or f"input {i}"
                wrong.append(
                    f"  {name}{list(element)}: {exact:.10g} by the rule, {numeric:.10g} by "
                    f"differences (off by {abs(exact - numeric):.3g})"
                )
    if wrong:
        shown = wrong[:20] + ([f"  ... and {len(wrong) - 20} more"] if len(wrong) > 20 else [])
        raise AssertionError(
            f"gradcheck: {len(wrong)} derivatives of order {level} disagree\n" + "\n".join(shown)
        )
