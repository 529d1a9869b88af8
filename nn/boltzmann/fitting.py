"""Training by contrastive divergence, as a `Trainer` does it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import autodiff as ad

from .. import init
from ..data import DataLoader, Dataset, TensorDataset
from ..optim import SGD
from ..train import Callback, History, Trainer, mse


class Inputs:
    """What a machine sees of batches: the inputs alone, one example a row, passed through others.

    Parameters
    ----------
    data : array, Tensor, Dataset or loader
        All but a loader are cut into batches in random order.
    below : callable
        What they are passed through.
    batch_size, seed
        Of the batches.
    """

    def __init__(
        self, data: Any, below: Callable[[Any], Any], batch_size: int, seed: int | None
    ) -> None:
        if isinstance(data, ad.Tensor) or ad.backend.is_array(data):
            data = TensorDataset(data)
        if isinstance(data, Dataset):
            data = DataLoader(data, batch_size, shuffle=True, seed=seed)
        self.loader, self.below = data, below

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[ad.Tensor]:
        for batch in self.loader:
            v = ad.asarray(batch[0] if isinstance(batch, (tuple, list)) else batch)
            with ad.no_grad():
                v = self.below(v if v.ndim == 2 else v.reshape((len(v), -1)))
            yield v


class Divergence(Trainer):
    """Trains a machine on batches that are inputs alone."""

    model: Any

    def __init__(self, model: Any, how: dict[str, Any], **options: Any) -> None:
        super().__init__(model, model.contrastive_divergence, **options)
        self.how = how

    def compute(self, batch: Any) -> tuple[ad.Tensor, Any, Any]:
        """The loss, what the machine gives back, and what it was given."""
        with ad.no_grad():
            back = self.model.down(self.model(batch))
        return self.loss(batch, **self.how), back, batch


class Momentum(Callback):
    """0.5 at first, 0.9 once the first large gradients are over (Hinton, 2010, section 9)."""

    def on_epoch_begin(self, trainer: Any) -> None:
        """Set it for this epoch."""
        for group in trainer.optimizer.param_groups:
            group["momentum"] = 0.5 if trainer.epoch < 5 else 0.9


def begin_at_data(rbm: Any, inputs: Inputs) -> None:
    """Let the visible biases alone explain the means of the data (Hinton, 2010, section 8)."""
    total, count = ad.zeros_like(rbm.visible_bias), 0
    for v in inputs:
        total = total + ad.sum(v, axis=0)
        count += len(v)
    mean = total / count
    if rbm.units == "bernoulli":  # as if one more of each kind had been seen: no infinite bias
        p = (total + 1.0) / (count + 2.0)
        mean = ad.log(p / (1.0 - p))
    init.fills.fill(rbm.visible_bias, mean)


def fit(
    rbm: Any,
    inputs: Inputs,
    *,
    epochs: int,
    lr: float | None = None,
    k: int = 1,
    persistent: bool = False,
    means: bool = True,
    weight_decay: float = 2e-4,
    callbacks: Sequence[Any] = (),
) -> History:
    """Train a machine; see `RBM.fit`."""
    if not bool(ad.any(rbm.visible_bias != 0.0)):
        begin_at_data(rbm, inputs)
    if lr is None:
        lr = 0.1 if rbm.units == "bernoulli" else 0.001
    groups: list[dict[str, Any]] = [
        {"params": [rbm.weight], "weight_decay": weight_decay},
        {"params": [rbm.visible_bias, rbm.hidden_bias]},
    ]
    how = {"k": k, "persistent": persistent, "means": means}
    trainer = Divergence(
        rbm, how, optimizer=SGD(groups, lr=lr), metrics={"reconstruction": mse},
        callbacks=[Momentum(), *callbacks],
    )  # fmt: skip
    return trainer.fit(inputs, epochs=epochs)
