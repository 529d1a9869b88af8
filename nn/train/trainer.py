"""The loop for those who want none of their own."""

import contextlib
import itertools
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import autodiff as ad

from ..data.collating import moved
from ..module import Module
from ..optim import LBFGS, GradScaler, Optimizer, clip_grad_norm_
from .around import check_batches, evaluating, interruptible, items_of, joined, probing
from .callback import Events
from .finite import FiniteLosses
from .history import History
from .state import go_on, places, restore, saved
from .tally import Tally, named


class Trainer:
    """Trains a model: epochs, validation, callbacks, and a state to be saved and gone on with.

    A batch is a tuple: all of it but the last goes to the model, the last to the loss, so that
    ``loss(model(*batch[:-1]), batch[-1])`` is computed. Override `compute` for anything else.

    Parameters
    ----------
    model : Module
    loss : callable
        ``loss(outputs, targets)``, a mean over the batch, or a sum if its ``reduction`` says so.
    optimizer : Optimizer
    metrics : sequence of callable, or dict of them by name
        Those of `nn.train` are exact over a whole set; a function ``(outputs, targets)`` of your
        own is averaged over the items of all batches.
    callbacks : sequence
        See `Callback`.
    device : str, optional
        Where the model and each batch go; they stay where they are if not given.
    clip_norm : float, optional
        Gradients of the optimizer's parameters whose common norm is larger are scaled down to it.
    grad_accumulation : int
        How many batches make a step. The gradient is that of one large batch: each counts by its
        items, also in the last group of an epoch, which may be smaller. (Batch normalization
        still sees the batches one by one.)
    autocast : dtype, optional
        Compute in this dtype where that is safe, as `autodiff.autocast` does.
    scaler : GradScaler, optional
        For float16.

    Attributes
    ----------
    epoch, batch, step : int
        How many epochs are done, how many batches of the next, and how many steps in all.
    epochs : int
        How many there are to be.
    logs : dict
        The numbers of the last epoch: ``loss``, metrics, ``val_loss`` and so on, ``lr``,
        ``seconds`` (of training alone) and ``epoch``, from 1.
    history : History
        The logs of all epochs.
    stopped : str
        Why training stopped before its time; empty otherwise.
    loader, val : iterable
        What is trained on, and what is looked at after each epoch.
    unfinished : bool
        Whether an error or Ctrl-C ended training.
    losses : FiniteLosses
        Its ``broken`` is the batch whose loss was not finite.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> ad.manual_seed(0)
    >>> x = ad.random.normal((64, 2))
    >>> data = nn.data.TensorDataset(x, (x.data.sum(axis=1) > 0).astype("int64"))
    >>> model = nn.Linear(2, 2)
    >>> trainer = nn.train.Trainer(
    ...     model, nn.functional.cross_entropy, nn.optim.Adam(model.parameters(), lr=0.1),
    ...     metrics=[nn.train.accuracy],
    ... )
    >>> history = trainer.fit(nn.data.DataLoader(data, 16, shuffle=True, seed=0), epochs=5)
    >>> history["accuracy"][-1] > 0.9
    True
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[..., ad.Tensor],
        optimizer: Optimizer,
        *,
        metrics: Sequence[Callable[..., Any]] | Mapping[str, Callable[..., Any]] = (),
        callbacks: Sequence[Any] = (),
        device: str | None = None,
        clip_norm: float | None = None,
        grad_accumulation: int = 1,
        autocast: Any = None,
        scaler: GradScaler | None = None,
    ) -> None:
        if grad_accumulation < 1:
            raise ValueError(f"Trainer: grad_accumulation={grad_accumulation} must be at least 1")
        if clip_norm is not None and not clip_norm > 0:
            raise ValueError(f"Trainer: clip_norm={clip_norm} must be positive")
        if scaler is not None and isinstance(optimizer, LBFGS):
            raise ValueError("Trainer: LBFGS evaluates the loss itself, and takes no scaler")
        own = {id(p) for p in model.parameters()}
        if own.isdisjoint(id(p) for group in optimizer.param_groups for p in group["params"]):
            raise ValueError(
                "Trainer: the optimizer has none of the model's parameters, and would not train "
                "it; make it of model.parameters()"
            )
        self.model = model if device is None else model.to(device)
        self.loss, self.optimizer, self.device = loss, optimizer, device
        self.metrics = named(metrics)
        self.clip_norm, self.grad_accumulation = clip_norm, grad_accumulation
        self.autocast, self.scaler = autocast, scaler
        self.history = History()
        self.events = Events([self.history, *callbacks])
        self.epoch = self.batch = self.step = self.epochs = 0
        self.logs: dict[str, Any] = {}
        self.stopped, self.unfinished = "", False
        self.loader: Any = ()
        self.val: Any = None
        self.tally = Tally(self.metrics)
        self.seconds = 0.0
        self.losses = FiniteLosses()
        self.places: dict[str, Any] = {}  # where the loaders are to go on
        self._running = False
        partly = getattr(loss, "keywords", {})  # of functools.partial
        self._sums = getattr(loss, "reduction", partly.get("reduction")) == "sum"

    # ------------------------------------------------------------ what subclasses may define
    def compute(self, batch: Any) -> tuple[ad.Tensor, Any, Any]:
        """The loss of a batch, its outputs and its targets, for the metrics."""
        if not isinstance(batch, (tuple, list)) or len(batch) < 2:
            raise TypeError(
                f"Trainer: a batch is a {type(batch).__name__}, and no tuple of inputs and "
                "targets; subclass Trainer and define compute(batch)"
            )
        outputs = self.model(*batch[:-1])
        return self.loss(outputs, batch[-1]), outputs, batch[-1]

    # ------------------------------------------------------------ what users call
    def fit(
        self, train: Iterable[Any], *, epochs: int, val: Iterable[Any] | None = None
    ) -> History:
        """Train until ``epochs`` epochs are done, counted from the first.

        A run that was interrupted goes on where it was, and ends where it would have ended; to
        train a finished one further, ask for more: ``epochs=trainer.epoch + 5``.

        The model is put in training mode if it is not; parts of it that are in evaluation mode
        while it is in training mode stay so, such as the normalization of a frozen backbone.
        Ctrl-C lets the step be finished and the callbacks be told; a second one does not.

        Parameters
        ----------
        train : DataLoader, or iterable of batches
        epochs : int
        val : DataLoader, or iterable of batches, optional
            What `evaluate` is given after each epoch; its numbers get the prefix ``val_``.

        Raises
        ------
        FloatingPointError
            If a loss is not finite. On a CPU the parameters are then as they were before that
            batch; on a GPU the losses are read every 50 steps only.
        RuntimeError
            If it is called while it runs, by a callback or in another thread.
        """
        if self._running:
            raise RuntimeError("fit: this trainer is training already; use another one")
        check_batches(train, "train")
        if val is not None:
            check_batches(val, "val")
        self.loader, self.val, self.epochs = train, val, epochs
        self.stopped, self.unfinished, self._running = "", False, True
        with interruptible(self._interrupt):
            try:
                self.events.emit("on_train_begin", self)
                go_on(self)
                if self.epoch >= epochs:
                    warnings.warn(
                        f"fit: {self.epoch} epochs are done already, and epochs={epochs} counts "
                        "from the first; ask for more", stacklevel=2,
                    )  # fmt: skip
                while self.epoch < epochs and not self.stopped:
                    self._run_epoch()
            except BaseException as error:
                self.stopped, self.unfinished = f"{type(error).__name__}: {error}", True
                with contextlib.suppress(Exception):  # the first error is the one to be seen
                    self.events.end(self)
                raise
            finally:
                self._running = False
                if self.batch:  # the next fit goes on from there
                    self.places = places(self)
            self.events.end(self)
        if self.unfinished:
            raise KeyboardInterrupt(f"training stopped after step {self.step}")
        return self.history

    def _interrupt(self) -> None:
        self.unfinished = True
        self.stop("KeyboardInterrupt")

    def stop(self, why: str) -> None:
        """Stop after this step, or after this epoch if called at its end."""
        self.stopped = why

    def evaluate(self, data: Iterable[Any]) -> dict[str, Any]:
        """Loss and metrics over all of some data, in evaluation mode, recording nothing."""
        check_batches(data, "data")
        tally = Tally(self.metrics)
        with evaluating(self.model):
            for batch in data:
                batch, n = self._placed(batch)
                loss, outputs, targets = self._computed(batch)
                value = loss.data.astype("float64")
                tally.add(value if self._sums else value * n, n, outputs, targets)
        return tally.results()

    def predict(self, data: Any) -> Any:
        """The outputs for all of some data, in evaluation mode, recording nothing.

        Parameters
        ----------
        data : DataLoader, iterable of batches, Tensor or array
            Of batches that are tuples the last part, the targets, is left out, unless it is the
            only one. A tensor or an array is one batch of inputs.

        Returns
        -------
        Tensor, or a nest of them as the model returns it
        """
        found = []
        with evaluating(self.model):
            if isinstance(data, ad.Tensor) or ad.backend.is_array(data):
                data = [(data,)]
            for batch in data:
                batch, _ = self._placed(batch)
                parts = batch if isinstance(batch, (tuple, list)) else (batch,)
                found.append(self.model(*(parts[:-1] or parts)))
        if not found:
            raise ValueError("predict: there is no data")
        return joined(found)

    # ------------------------------------------------------------ the loop
    def _run_epoch(self) -> None:
        if not self.model.training:
            self.model.train()
        if self.batch == 0:  # one that is gone on with has its sums
            self.tally, self.seconds = Tally(self.metrics), 0.0
            self.events.emit("on_epoch_begin", self)
        began = time.perf_counter()
        before = self.seconds
        for group in self._groups():
            loss = self.train_step(group)
            self.batch += len(group)
            self.step += 1
            self.seconds = before + time.perf_counter() - began
            self.events.emit("on_step_end", self, loss=loss, optimizer=self.optimizer)
            if self.stopped:
                return
        self.losses.flush()
        if not self.tally.items:
            raise ValueError("fit: there was no batch to train on")
        self.epoch += 1
        self.batch = 0
        self.logs = {"epoch": self.epoch, **self.tally.results()}
        if self.val is not None:
            self.logs |= {f"val_{name}": value for name, value in self.evaluate(self.val).items()}
        self.logs |= {"lr": self.optimizer.param_groups[0]["lr"], "seconds": self.seconds}
        self.events.emit("on_epoch_end", self)

    def _groups(self) -> Iterator[list[Any]]:
        """The batches of each step, from where the epoch was left."""
        batches = iter(self.loader)
        if self.batch and not hasattr(self.loader, "load_state_dict"):  # pass over the first
            next(itertools.islice(batches, self.batch - 1, self.batch), None)
        while group := list(itertools.islice(batches, self.grad_accumulation)):
            yield group

    def train_step(self, group: Sequence[Any]) -> ad.Tensor:
        """One step of the optimizer on some batches; the mean loss over their items."""
        if isinstance(self.optimizer, LBFGS):
            first = iter([True])  # of several evaluations one is reported
            loss: ad.Tensor = self.optimizer.step(
                lambda: self._gradients(group, next(first, False))
            )
            return loss
        loss = self._gradients(group)
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        if self.clip_norm is not None:  # what is stepped: others keep gradients of earlier steps
            groups = self.optimizer.param_groups
            with probing(self.scaler):
                clip_grad_norm_([p for group in groups for p in group["params"]], self.clip_norm)
        if self.scaler is not None:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        return loss

    def _gradients(self, group: Sequence[Any], reported: bool = True) -> ad.Tensor:
        """Gradients of the loss over several batches as if they were one; that loss."""
        self.optimizer.zero_grad()
        placed = [self._placed(batch) for batch in group]
        total = sum([n for _, n in placed])
        losses = []
        for number, (batch, n) in enumerate(placed, self.batch + 1):
            loss, outputs, targets = self._computed(batch)
            value = self.losses.read(loss, self.epoch + 1, number, batch)
            if len(placed) > 1 and not self._sums:
                loss = loss * (n / total)
            with probing(self.scaler):
                (loss if self.scaler is None else self.scaler.scale(loss)).backward()
            losses.append(loss)
            if reported:
                with ad.no_grad():
                    self.tally.add(value if self._sums else value * n, n, outputs, targets)
        with ad.no_grad():
            return losses[0] if len(losses) == 1 else ad.sum(ad.stack(losses))

    # ------------------------------------------------------------ a batch
    def _placed(self, batch: Any) -> tuple[Any, int]:
        """A batch on the device, and the number of its items."""
        return batch if self.device is None else moved(batch, self.device), items_of(batch)

    def _computed(self, batch: Any) -> tuple[ad.Tensor, Any, Any]:
        with contextlib.nullcontext() if self.autocast is None else ad.autocast(self.autocast):
            loss, outputs, targets = self.compute(batch)
        if not isinstance(loss, ad.Tensor):
            raise TypeError(
                f"Trainer: the loss is a {type(loss).__name__}, which has no gradient; it must be "
                "a Tensor, computed of the outputs by functions of autodiff and nn"
            )
        if loss.size != 1:
            raise ValueError(
                f"Trainer: the loss is of shape {loss.shape} and not one number; "
                'give it reduction="mean"'
            )
        return loss, outputs, targets

    # ------------------------------------------------------------ state
    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of training depends on.

        Weights, optimizer, scaler, callbacks, the position in the data, sums of the epoch so far,
        and the random state of this library, of NumPy and of Python. A generator of your own, and
        the state of a dataset, are yours to keep.
        """
        return saved(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; the next `fit` continues in the middle of its epoch.

        Raises
        ------
        KeyError, ValueError
            If it is the state of another model or optimizer; nothing is changed then.
        """
        restore(self, state)
