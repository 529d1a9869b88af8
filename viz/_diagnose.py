"""`diagnose` and `assert_healthy`."""

from dataclasses import replace
from typing import Any

import autodiff as ad

from ._case import Case, examined, measured
from ._evidence import Evidence
from ._findings import Findings, worst_first
from ._limits import limits
from ._recorder import Recorder
from ._rules_record import findings
from ._trial import try_fix


def diagnose(loss: Any, model: Any = None, optimizer: Any = None, **thresholds: float) -> Findings:
    """What is wrong with a network, the worst first; nothing if it is healthy.

    Parameters
    ----------
    loss : Tensor, callable or Recorder
        A loss before ``backward()``. Or the record of a training that `watch` made, judged by its
        latest samples. Or a function ``loss_of(model)`` that computes it from the
        model it is given: it is called with a copy, and `Finding.try_fix` then needs no more.
    model : Module, optional
        Gives names, and what the loss did not reach; the function needs it.
    optimizer : Optimizer, optional
        The learning rate and updates lost to rounding are judged by what its next step would do,
        which its ``preview`` tells. L-BFGS cannot, and these rules then say nothing.
    **thresholds : float
        Other values for the thresholds of the page on diagnosis, such as ``dead_max=0.9``.

    Returns
    -------
    Findings
        A list of `Finding`.

    Examples
    --------
    >>> import autodiff as ad, nn, viz
    >>> ad.manual_seed(0)
    >>> layers = [nn.Sequential(nn.Linear(16, 16), nn.Sigmoid()) for _ in range(12)]
    >>> model, x = nn.Sequential(*layers), ad.random.normal((32, 16))
    >>> viz.diagnose((model(x) ** 2).mean(), model)[0].rule
    'vanishing'
    """
    if isinstance(loss, Recorder):
        return findings(loss, **thresholds)
    bounds = limits(thresholds)
    if optimizer is not None and not hasattr(optimizer, "param_groups"):
        raise TypeError(
            f"optimizer is a {type(optimizer).__name__}, which has no param_groups; give the "
            "optimizer itself"
        )
    random = ad.random.default_generator.state
    loss_of = loss if callable(loss) else None
    case = Case(loss_of, model, optimizer, bounds, random, try_fix)
    if callable(loss):
        e, _, _ = examined(case)
    else:
        e = Evidence(loss, model, optimizer)
    found = worst_first([f for f in measured(e, bounds) if f.excess > 0])
    return Findings(replace(f, case=case) for f in found)


def assert_healthy(
    loss: Any,
    model: Any = None,
    optimizer: Any = None,
    *,
    max_decades: float = 4.0,
    dead_max: float = 0.5,
    notes: bool = False,
    **thresholds: float,
) -> None:
    """Raise ``AssertionError`` with the findings unless a network is healthy.

    Parameters
    ----------
    loss, model, optimizer
        As in `diagnose`.
    max_decades : float
        How many decades the gradient may lose or gain on its way back.
    dead_max : float
        The share of a layer's units that may be dead.
    notes : bool
        Whether to fail on notes too, such as frozen parameters.
    **thresholds : float
        Those of `diagnose`.

    Examples
    --------
    >>> import autodiff as ad, nn, viz
    >>> ad.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    >>> viz.assert_healthy((model(ad.random.normal((32, 8))) ** 2).mean(), model)
    """
    low, high = 10**-max_decades, 10**max_decades
    profile = {
        "vanishing_ratio": low, "vanishing_norm": low,
        "exploding_ratio": high, "exploding_layers": high,
    }  # fmt: skip
    every = diagnose(loss, model, optimizer, **(profile | {"dead_max": dead_max} | thresholds))
    found = Findings(f for f in every if notes or f.severity != "note")
    if found:
        raise AssertionError(f"{len(found)} finding{'s' * (len(found) > 1)}:\n{found}")
