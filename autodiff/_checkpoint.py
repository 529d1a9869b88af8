"""`checkpoint`: keep the inputs of a function, and compute the rest again when it is needed."""

from collections.abc import Callable
from typing import Any

from . import _tree, backend
from ._variable import Variable
from ._vmap import active, at_levels
from .mode import Mode, current, with_mode
from .nodes import wrap
from .random import default_generator


def checkpoint(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``fn(*args, **kwargs)``, saving nothing inside: the backward pass computes it again.

    The graph is recorded as ever, but for the values that rules read only the arguments are kept.
    The first rule that asks runs ``fn`` a second time. So a network of ``n`` layers in
    checkpoints of ``k`` layers keeps ``n / k`` values and those of one checkpoint, for one more
    forward pass.

    Parameters
    ----------
    fn : callable
        It must do the same when it is run again. The default generator of random numbers is put
        back for that, so dropout draws what it drew; other side effects, such as running
        statistics, happen twice.
    *args, **kwargs
        Its arguments; tensors in containers too. What it closes over, such as parameters, gets
        its gradients as well.

    Returns
    -------
    What ``fn`` returns. Gradients of any order pass.

    Raises
    ------
    RuntimeError
        In the backward pass, if an argument was written in place meanwhile, or ``fn`` did
        something else when it was run again.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> ad.checkpoint(lambda x: x * x * x, x).sum().backward()
    >>> x.grad
    tensor([ 3., 12.])
    """
    if not current().recording:
        return fn(*args, **kwargs)
    region = _Region(fn, args, kwargs)
    with with_mode(region.packing):
        return fn(*args, **kwargs)


class _Region:
    """A call of a function whose saved values are computed again when they are asked for."""

    def __init__(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.fn = fn
        self.arguments, self.spec = _tree.flatten((args, kwargs))
        self.state = default_generator.state
        self.levels = active()
        self.autocast = current().autocast
        self.time = backend.tick()
        self.count = 0
        self.values: dict[int, Any] = {}

    def packing(self, now: Mode) -> Mode:
        """The mode of the first run."""
        return Mode(now.recording, now.taps, (self.pack, self.unpack), now.observers, now.autocast)

    def pack(self, x: Any) -> int:
        """Instead of a value, its number."""
        self.count += 1
        return self.count - 1

    def unpack(self, number: int) -> Any:
        """The value; the first that is asked for brings all of them back."""
        if number not in self.values:
            self._run()
        return self.values.pop(number)

    def _run(self) -> None:
        given = []
        for x in self.arguments:
            if isinstance(x, Variable):
                if type(x._data) is not float and backend.written_since(x._data, self.time):
                    raise RuntimeError(
                        f"checkpoint: an argument of shape {x.shape} was written in place after "
                        "the forward pass, which would now give other values; pass a copy"
                    )
                fresh = wrap(x._data)
                x = fresh.requires_grad_() if x._node is not None else fresh
            given.append(x)
        args, kwargs = self.spec.unflatten(given)
        values: list[Any] = []

        def keep(x: Any) -> Any:
            values.append(x)
            return x

        def again(now: Mode) -> Mode:
            return Mode(True, (), (keep, lambda x: x), now.observers, self.autocast)

        now = default_generator.state
        default_generator.state = self.state
        try:
            with at_levels(self.levels), with_mode(again):
                self.fn(*args, **kwargs)
        finally:
            default_generator.state = now
        if len(values) != self.count:
            raise RuntimeError(
                f"checkpoint: run again, the function saved {len(values)} values, the first time "
                f"{self.count}; it must do the same each time"
            )
        self.values = dict(enumerate(values))
