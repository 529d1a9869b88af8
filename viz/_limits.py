"""The thresholds of the diagnosis, by name, each with where it comes from."""

from typing import NamedTuple

from ._local import FLAT, SILENT


class Limit(NamedTuple):
    """A threshold and its source."""

    value: float
    citation: str


SAGEMAKER = "Amazon SageMaker Debugger, rule "
AUTOTRAINER = "AutoTrainer (Zhang et al., ICSE 2021), "
OURS = "our own choice: "

LIMITS: dict[str, Limit] = {
    "vanishing_ratio": Limit(
        1e-3, AUTOTRAINER + "first kernel's gradient over the last's; by RMS, and without its "
        "second condition, a first norm below 1e-4, which moves with the scale of the loss"
    ),
    "vanishing_norm": Limit(1e-3, AUTOTRAINER + "taken from kernels to what layers give"),
    "sensitivity_min": Limit(
        1e-6, OURS + "below it no change of a weight by its own size changes the loss visibly"
    ),
    "exploding_ratio": Limit(70.0, AUTOTRAINER + "first kernel's gradient over the last's"),
    "exploding_layers": Limit(70.0, AUTOTRAINER + "taken from kernels to what layers give"),
    "exploding_norm": Limit(
        1e4, "TorchLens, gradient_flow_audit: L2 norm; here over that at the network's result, so "
        "that the scale of the loss does not count"
    ),
    "dead_max": Limit(0.5, SAGEMAKER + "DeadRelu: share of a layer's units"),
    "dead_examples": Limit(8, OURS + "with fewer values a unit is silent by chance"),
    "silent_slope": Limit(SILENT, OURS + "share of the largest slope; relu passes exactly nothing"),
    "gate_shut": Limit(
        0.01, OURS + "share that a gate lets through; Karpathy, Johnson & Fei-Fei (2016) call a "
        "gate left-saturated below 0.1, as healthy ones often are"
    ),
    "saturated_max": Limit(0.5, SAGEMAKER + "SaturatedActivation: share of a layer"),
    "flat_slope": Limit(
        FLAT, "makemore, part 3 (Karpathy, 2022): |tanh| > 0.97, as a share of the largest slope"
    ),
    "symmetric_max": Limit(
        0.5, OURS + "Goodfellow, Bengio & Courville (2016), section 8.4, gives no number"
    ),
    "spread_decades": Limit(
        2.0, OURS + "SageMaker's PoorWeightInitialization has a variance ratio of 10, which deep "
        "healthy networks exceed"
    ),
    "recurrent_ratio": Limit(70.0, AUTOTRAINER + "taken from layers to steps in time"),
    "recurrent_vanishing": Limit(
        1e-7, OURS + "below the 1.2e-7 that float32 resolves of a sum, so early steps are lost in "
        "the gradient of the weight; Hochreiter & Schmidhuber (1997) and Pascanu et al. (2013), "
        "who explain it, give no number"
    ),
    "nonfinite_max": Limit(0.0, "a single entry that is not finite spoils everything after it"),
    "unreached_max": Limit(0.0, "a parameter without a gradient does not learn"),
    "frozen_max": Limit(0.0, "what no step changes keeps its value"),
    "lost_max": Limit(0.5, OURS + "share of the entries with a gradient; the test itself is exact"),
    "update_high": Limit(0.1, "MindInsight and torchmortem: size of update over size of weight"),
    "update_low": Limit(1e-5, "torchmortem: size of update over size of weight"),
    "batch_values": Limit(
        4, "Wu & He, Group Normalization (2018): the error of batch norm rises in small batches"
    ),
    "flat_channels": Limit(0.5, OURS + "share of channels whose variance is below eps"),
    "statistics_gap": Limit(
        1.0, OURS + "decades between the batch's variance and the running one in evaluation mode"
    ),
}  # fmt: skip


def limits(changed: dict[str, float]) -> dict[str, Limit]:
    """All thresholds, some of them replaced by the caller's own."""
    unknown = [name for name in changed if name not in LIMITS]
    if unknown:
        raise TypeError(
            f"no threshold is called {', '.join(unknown)}; there are: {', '.join(LIMITS)}"
        )
    own = {name: Limit(value, "given by the caller") for name, value in changed.items()}
    return LIMITS | own
