"""Random programs of ops, views and writes in place, run here and by PyTorch in lock-step.

``python -m tests.fuzz --programs 10000 --seed 0`` prints how many agreed, and each refusal by its
cause. Both sides compute in the dtype that our promotion table says; values and gradients of all
tensors of a program are compared. A program that PyTorch refuses proves nothing and is counted
apart.
"""

import argparse
import collections
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

import autodiff as ad

Pick = Callable[[int], int]
"""``pick(n)`` chooses an integer below n: a generator's, or one that hypothesis shrinks."""

DTYPES = {
    np.dtype(np.float64): torch.float64,
    np.dtype(np.float32): torch.float32,
    np.dtype(np.int64): torch.int64,
    np.dtype(np.bool_): torch.bool,
}
TOLERANCE = {False: 1e-9, True: 1e-3}
"""Relative to the largest element: of programs in float64, and of those with float32 in them."""

UNARY = {
    "tanh": (ad.tanh, torch.tanh),
    "sigmoid": (ad.sigmoid, torch.sigmoid),
    "relu": (ad.relu, torch.relu),
    "absolute": (ad.absolute, torch.abs),
    "square": (ad.square, torch.square),
    "negative": (ad.negative, torch.neg),
    "exp of tanh": (lambda x: ad.exp(ad.tanh(x)), lambda x: torch.exp(torch.tanh(x))),
    "sqrt of 1 + square": (
        lambda x: ad.sqrt(1.0 + ad.square(x)), lambda x: torch.sqrt(1.0 + torch.square(x))
    ),
    "clone": (lambda x: x.clone(), lambda x: x.clone()),
    "detach": (lambda x: x.detach(), lambda x: x.detach()),
}  # fmt: skip
BINARY = {
    "add": (ad.add, torch.add),
    "subtract": (ad.subtract, torch.sub),
    "multiply": (ad.multiply, torch.mul),
    "maximum": (ad.maximum, torch.maximum),
    "minimum": (ad.minimum, torch.minimum),
    "divide": (lambda x, y: x / (2.0 + ad.square(y)), lambda x, y: x / (2.0 + torch.square(y))),
    "where": (lambda x, y: ad.where(x > y, x, y), lambda x, y: torch.where(x > y, x, y)),
}
ALONG = {  # of tensors with an axis to run along
    "cumsum": (ad.cumsum, torch.cumsum),
    "cumprod": (ad.cumprod, torch.cumprod),
    "flip": (
        lambda x, axis: ad.flip(x, axis=axis).clone(),  # a view here, a copy there
        lambda x, axis: torch.flip(x, (axis,)),
    ),
    "roll": (lambda x, axis: ad.roll(x, 1, axis=axis), lambda x, axis: torch.roll(x, 1, axis)),
    "sort": (
        lambda x, axis: ad.sort(x, axis=axis),
        lambda x, axis: torch.sort(x, dim=axis, stable=True).values,
    ),
    "repeat": (
        lambda x, axis: ad.repeat(x, 2, axis=axis),
        lambda x, axis: torch.repeat_interleave(x, 2, axis),
    ),
    "stack": (
        lambda x, axis: ad.stack([x, 2.0 * x], axis=axis),
        lambda x, axis: torch.stack([x, 2.0 * x], axis),
    ),
    "take": (
        lambda x, axis: ad.take(x, np.array([0, -1, 0]), axis=axis),
        lambda x, axis: torch.index_select(x, axis, torch.tensor([0, x.shape[axis] - 1, 0])),
    ),
    "index_add": (
        lambda x, axis: ad.index_add(x, axis, np.array([0, 0]), ad.repeat(x, 2, axis)[:2])
        if axis == 0
        else x.clone(),
        lambda x, axis: torch.index_add(
            x, axis, torch.tensor([0, 0]), torch.repeat_interleave(x, 2, axis)[:2]
        )
        if axis == 0
        else x.clone(),
    ),
    "masked_fill": (
        lambda x, axis: ad.masked_fill(x, x > 0.5, -1.0),
        lambda x, axis: torch.masked_fill(x, x > 0.5, -1.0),
    ),
    "half": (
        lambda x, axis: ad.array_split(x, 2, axis=axis)[1],
        lambda x, axis: torch.tensor_split(x, 2, axis)[1],
    ),
    "moveaxis": (
        lambda x, axis: ad.moveaxis(x, axis, 0), lambda x, axis: torch.moveaxis(x, axis, 0)
    ),
    "swapaxes": (
        lambda x, axis: ad.swapaxes(x, axis, 0), lambda x, axis: torch.swapaxes(x, axis, 0)
    ),
}  # fmt: skip
MATRICES = {  # of tensors with two axes or more
    "tril": (ad.tril, torch.tril),
    "triu": (ad.triu, torch.triu),
    "diagonal": (ad.diagonal, torch.diagonal),
    "squares": (
        lambda x: ad.einsum("...ij,...ij->...", x, x),
        lambda x: torch.einsum("...ij,...ij->...", x, x),
    ),
}
REDUCTIONS = {
    "sum": torch.sum,
    "mean": torch.mean,
    "max": torch.amax,
    "min": torch.amin,
    "logsumexp": torch.logsumexp,
    "prod": lambda x, dim, keepdim: (
        torch.prod(x, dim, keepdim)
        if isinstance(dim, int)
        else torch.prod(x).reshape((1,) * x.ndim if keepdim else ())
    ),
    "var": lambda x, dim, keepdim: torch.var(x, dim, correction=0, keepdim=keepdim),
    "norm": lambda x, dim, keepdim: torch.linalg.vector_norm(x, 2, dim, keepdim),
}
WRITES = ("iadd", "isub", "imul", "itruediv")


class Refused(Exception):
    """One side would not do a step."""

    def __init__(self, side: str, step: str, error: Exception) -> None:
        super().__init__(f"{side} refuses {step}: {type(error).__name__}: {error}")
        self.side, self.step, self.error = side, step, error


class Disagreement(AssertionError):
    """The two sides gave different values or gradients."""


@dataclass
class Program:
    """A program under way: what both sides hold, and the steps so far as text."""

    pick: Pick
    rng: np.random.Generator
    ours: list[Any] = field(default_factory=list)
    theirs: list[Any] = field(default_factory=list)
    leaves: list[int] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    single: bool = False
    """Whether the program may hold float32."""

    # ------------------------------------------------------------ steps
    def both(self, step: str, mine: Callable[[], Any], other: Callable[[], Any]) -> Any:
        """Run a step here and there; whoever raises refuses. None if both did."""
        self.steps.append(step)
        failed = None
        try:
            theirs = other()
        except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError) as error:
            failed = error
        try:
            ours = mine()
        except (RuntimeError, TypeError, IndexError, ValueError) as error:
            if failed is not None:
                self.steps[-1] += "  # both refuse"
                return None
            raise Refused("autodiff", step, error) from error
        if failed is not None:
            raise Refused("torch", step, failed) from failed
        return ours, theirs

    def keep(self, step: str, mine: Callable[[], Any], other: Callable[[], Any]) -> None:
        """Run a step and keep its result."""
        made = self.both(f"t{len(self.ours)} = {step}", mine, other)
        if made is None:
            return
        ours, theirs = made
        if ours.shape != tuple(theirs.shape):
            raise Disagreement(f"shapes {ours.shape} and {tuple(theirs.shape)} after {step}")
        self.ours.append(ours)
        self.theirs.append(theirs)

    def tensor(self, floating: bool = False) -> int:
        """One of the tensors so far, the last ones more often."""
        n = len(self.ours)
        for _ in range(8):
            i = n - 1 - min(self.pick(n), self.pick(n))
            if not floating or self.ours[i].dtype.kind == "f":
                return i
        return self.leaves[0]

    def new(self) -> None:
        """A leaf, a constant, integers or bools."""
        shape = tuple(self.pick(4) if self.pick(8) == 0 else 1 + self.pick(3)
                      for _ in range(self.pick(4)))  # fmt: skip
        kind = self.pick(8)
        data = np.asarray(self.rng.normal(size=shape))
        if kind == 0 and self.leaves:
            data = (data * 2).astype(np.int64)
        elif kind == 1 and self.leaves:
            data = data > 0
        else:
            data = data.astype(np.float32 if self.single and self.pick(2) else np.float64)
        needs = data.dtype.kind == "f" and (kind > 3 or not self.leaves)
        if needs:
            self.leaves.append(len(self.ours))
        self.keep(
            f"tensor({data.dtype}{list(shape)}, requires_grad={needs})",
            lambda: ad.tensor(data, requires_grad=needs),
            lambda: torch.tensor(data, requires_grad=needs),
        )

    def unary(self) -> None:
        name = list(UNARY)[self.pick(len(UNARY))]
        i = self.tensor(floating=True)
        mine, other = UNARY[name]
        self.keep(f"{name}(t{i})", lambda: mine(self.ours[i]), lambda: other(self.theirs[i]))

    def binary(self) -> None:
        name = list(BINARY)[self.pick(len(BINARY))]
        i, j = self.tensor(floating=True), self.partner()
        dtype = self.promoted(i, j)
        mine, other = BINARY[name]
        self.keep(
            f"{name}(t{i}, t{j})",
            lambda: mine(self.ours[i], self.ours[j]),
            lambda: other(self.theirs[i].to(dtype), self.theirs[j].to(dtype)),
        )

    def partner(self) -> int:
        return self.tensor()

    def promoted(self, i: int, j: int) -> Any:
        """PyTorch's name of the dtype that our promotion table gives."""
        return DTYPES[ad.backend.common_dtype([self.ours[i].dtype, self.ours[j].dtype])]

    def reduce(self) -> None:
        i = self.tensor(floating=True)
        ndim = self.ours[i].ndim
        axis = self.pick(ndim + 1) - 1 if ndim else -1
        keepdims = bool(self.pick(2))
        name = list(REDUCTIONS)[self.pick(len(REDUCTIONS))]
        dims = tuple(range(ndim)) if axis < 0 else axis
        if 0 in self.ours[i].shape and name != "sum":
            name = "sum"
        if ndim == 0:
            return
        self.keep(
            f"{name}(t{i}, axis={None if axis < 0 else axis}, keepdims={keepdims})",
            lambda: getattr(ad, name)(self.ours[i], axis=None if axis < 0 else axis,
                                      keepdims=keepdims),
            lambda: REDUCTIONS[name](self.theirs[i], dim=dims, keepdim=keepdims),
        )  # fmt: skip

    def along(self) -> None:
        i = self.tensor(floating=True)
        x, y = self.ours[i], self.theirs[i]
        if x.ndim == 0 or 0 in x.shape:
            return
        name, axis = list(ALONG)[self.pick(len(ALONG))], self.pick(x.ndim)
        mine, other = ALONG[name]
        self.keep(f"{name}(t{i}, {axis})", lambda: mine(x, axis), lambda: other(y, axis))

    def matrices(self) -> None:
        i = self.tensor(floating=True)
        x, y = self.ours[i], self.theirs[i]
        if x.ndim < 2:
            return
        name = list(MATRICES)[self.pick(len(MATRICES))]
        mine, other = MATRICES[name]
        self.keep(f"{name}(t{i})", lambda: mine(x), lambda: other(y))

    def matmul(self) -> None:
        i = self.tensor(floating=True)
        j = self.tensor(floating=True)
        x, y = self.ours[i], self.ours[j]
        if x.ndim == 0 or y.ndim == 0 or x.dtype != y.dtype:
            return
        if x.shape[-1] != y.shape[max(0, y.ndim - 2)]:
            return
        self.keep(f"t{i} @ t{j}", lambda: x @ y, lambda: self.theirs[i] @ self.theirs[j])

    # ------------------------------------------------------------ views
    def basic_index(self, shape: tuple[int, ...]) -> Any:
        """Integers and slices, now and then None or an ellipsis."""
        parts: list[Any] = []
        for n in shape[: self.pick(len(shape) + 1)]:
            kind = self.pick(4)
            if kind == 0 and n:
                parts.append(self.pick(2 * n) - n)
            elif kind == 1:
                parts.append(slice(self.pick(n + 1), None))
            elif kind == 2:
                parts.append(slice(None, None, 1 + self.pick(2)))
            else:
                parts.append(slice(None))
        if self.pick(6) == 0:
            parts.insert(self.pick(len(parts) + 1), None)
        if self.pick(6) == 0:
            parts.append(Ellipsis)
        return tuple(parts)

    def view(self) -> None:
        i = self.tensor()
        x, y = self.ours[i], self.theirs[i]
        kind = self.pick(6)
        if kind <= 1:
            index = self.basic_index(x.shape)
            self.keep(f"t{i}[{index}]", lambda: x[index], lambda: y[index])
        elif kind == 2:
            shape = self.another_shape(x.size)
            if x.size:
                # Whether it is a view depends on the layout in memory, which each side chooses.
                mine, other = x.reshape(shape), y.reshape(shape)
                views = (
                    ad.backend.owner(mine.data) is ad.backend.owner(x.data),
                    (other.untyped_storage().data_ptr() == y.untyped_storage().data_ptr()),
                )
                end = "" if views[0] == views[1] else ".clone()"
                self.keep(
                    f"t{i}.reshape({shape}){end}",
                    lambda: mine.clone() if end else mine,
                    lambda: other.clone() if end else other,
                )
        elif kind == 3:
            axes = tuple(np.random.default_rng(self.pick(1000)).permutation(x.ndim).tolist())
            self.keep(
                f"t{i}.transpose({axes})", lambda: ad.transpose(x, axes), lambda: y.permute(axes)
            )
        elif kind == 4:
            axis = self.pick(x.ndim + 1)
            self.keep(
                f"expand_dims(t{i}, {axis})",
                lambda: ad.expand_dims(x, axis),
                lambda: y.unsqueeze(axis),
            )
        else:
            self.keep(f"squeeze(t{i})", lambda: ad.squeeze(x), lambda: y.squeeze())

    def another_shape(self, size: int) -> tuple[int, ...]:
        shape, left = [], size
        for factor in (2, 3):
            if left and left % factor == 0 and self.pick(2):
                shape.append(factor)
                left //= factor
        shape.insert(self.pick(len(shape) + 1), left)
        return tuple(shape)

    def picked(self) -> None:
        """Masks and integer arrays, with repeats: copies."""
        i = self.tensor()
        x, y = self.ours[i], self.theirs[i]
        if x.ndim == 0:
            return
        if self.pick(2):
            mask = self.rng.uniform(size=x.shape[: 1 + self.pick(x.ndim)]) > 0.5
            self.keep(f"t{i}[mask {mask.tolist()}]", lambda: x[mask], lambda: y[torch.tensor(mask)])
        elif x.shape[0]:
            where = self.rng.integers(-x.shape[0], x.shape[0], size=1 + self.pick(3))
            self.keep(f"t{i}[{where.tolist()}]", lambda: x[where], lambda: y[torch.tensor(where)])

    def join(self) -> None:
        i = self.tensor(floating=True)
        if self.ours[i].ndim == 0:
            return
        xs, ys = [self.ours[i], self.ours[i] * 2.0], [self.theirs[i], self.theirs[i] * 2.0]
        axis = self.pick(self.ours[i].ndim)
        self.keep(
            f"concatenate([t{i}, 2 t{i}], {axis})",
            lambda: ad.concatenate(xs, axis=axis),
            lambda: torch.cat(ys, dim=axis),
        )

    # ------------------------------------------------------------ writes
    def target(self) -> int:
        """A float tensor to write into, seldom a leaf."""
        for _ in range(6):
            i = self.tensor(floating=True)
            if i not in self.leaves or self.pick(20) == 0:
                return i
        return i

    def augmented(self) -> None:
        i = self.target()
        x, y = self.ours[i], self.theirs[i]
        name = WRITES[self.pick(len(WRITES))]
        if self.pick(3) == 0:
            number = (0.5, 2.0, -1.5)[self.pick(3)]
            mine, other, what = number, number, str(number)
        else:
            j = self.partner()
            mine, other, what = self.ours[j], self.theirs[j].to(y.dtype), f"t{j}"
            if name == "itruediv":
                mine, other, what = 2.0 + ad.square(mine), 2.0 + torch.square(other), f"2 + t{j}**2"
            if self.ours[j].dtype != x.dtype:
                mine = mine.astype(x.dtype)
        self.both(
            f"t{i} {name} {what}",
            lambda: getattr(x, f"__{name}__")(mine),
            lambda: getattr(y, f"__{name}__")(other),
        )

    def setitem(self) -> None:
        i = self.target()
        x, y = self.ours[i], self.theirs[i]
        kind = self.pick(4)
        if kind == 0 and x.ndim:
            index = self.rng.uniform(size=x.shape) > 0.5
            there = torch.tensor(index)
        elif kind == 1 and x.ndim and x.shape[0]:
            index = self.rng.permutation(x.shape[0])[: 1 + self.pick(x.shape[0])]
            there = torch.tensor(index)
        else:
            index = there = self.basic_index(x.shape)
        region = np.empty(x.shape)[index].shape
        if kind == 0 or self.pick(2):
            scalars = [k for k, t in enumerate(self.ours) if t.shape == () and t.dtype == x.dtype]
            if scalars and self.pick(2):
                j = scalars[self.pick(len(scalars))]
                mine, other, what = self.ours[j], self.theirs[j], f"t{j}"
            else:
                mine = other = 0.5
                what = "0.5"
        else:
            fits = [
                k for k, t in enumerate(self.ours)
                if t.ndim <= len(region) and t.dtype == x.dtype
                and all(a in (1, b) for a, b in zip(t.shape[::-1], region[::-1]))
            ]  # fmt: skip
            if not fits:
                return
            j = fits[self.pick(len(fits))]
            mine, other, what = self.ours[j], self.theirs[j], f"t{j}"
        if getattr(other, "ndim", 0) and (
            other.untyped_storage().data_ptr() == y.untyped_storage().data_ptr()
        ):  # what PyTorch then does is not defined
            mine, other, what = mine.clone(), other.clone(), f"{what}.clone()"
        self.both(
            f"t{i}[{index}] = {what}",
            lambda: x.__setitem__(index, mine),
            lambda: y.__setitem__(there, other),
        )

    def quietly(self) -> None:
        """A write under no_grad. (A view made there carries a gradient in PyTorch, not here.)"""
        with ad.no_grad(), torch.no_grad():
            self.steps.append("with no_grad():")
            (self.augmented, self.setitem)[self.pick(2)]()

    # ------------------------------------------------------------ the end
    def compare(self) -> None:
        """Values of all tensors, then gradients of all leaves."""
        for i, (x, y) in enumerate(zip(self.ours, self.theirs, strict=True)):
            equal(f"value of t{i}", x.data, y.detach().numpy(), self.single)
            if x.requires_grad != y.requires_grad:
                raise Disagreement(f"requires_grad of t{i}: {x.requires_grad}, {y.requires_grad}")
        ends = [i for i, x in enumerate(self.ours) if x.requires_grad and i not in self.leaves]
        ends = ends[-3:]
        if not ends:
            return
        weights = [np.asarray(self.rng.normal(size=self.ours[i].shape)) for i in ends]

        def mine() -> None:
            total: Any = 0.0
            for i, w in zip(ends, weights):
                total = total + (self.ours[i] * ad.tensor(w)).sum()
            total.backward()

        def other() -> None:
            total: Any = 0.0
            for i, w in zip(ends, weights):
                total = total + (self.theirs[i] * torch.tensor(w)).sum()
            total.backward()

        if self.both(f"backward from {ends}", mine, other) is None:
            return
        for i in self.leaves:
            x, y = self.ours[i].grad, self.theirs[i].grad
            zeros = np.zeros(self.ours[i].shape, self.ours[i].dtype)
            equal(
                f"gradient of t{i}",
                zeros if x is None else x.data,
                zeros if y is None else y.numpy(),
                self.single,
            )


def equal(what: str, mine: Any, other: Any, single: bool) -> None:
    """Raise unless two arrays agree, by the size of the largest element."""
    mine, other = np.asarray(mine), np.asarray(other)
    if mine.shape != other.shape or mine.dtype != other.dtype:
        raise Disagreement(f"{what}: {mine.dtype}{mine.shape}, PyTorch {other.dtype}{other.shape}")
    if mine.dtype.kind != "f":
        if not np.array_equal(mine, other):
            raise Disagreement(f"{what}:\n{mine}\nPyTorch:\n{other}")
        return
    finite = np.isfinite(other)
    if not np.array_equal(mine[~finite], other[~finite], equal_nan=True):
        raise Disagreement(f"{what}:\n{mine}\nPyTorch:\n{other}")
    scale = max(1.0, np.abs(other[finite]).max(initial=0.0))
    error = np.abs(mine[finite].astype(np.float64) - other[finite]).max(initial=0.0)
    if error > TOLERANCE[single] * scale:
        raise Disagreement(f"{what}, off by {error:.1e}:\n{mine}\nPyTorch:\n{other}")


STEPS = (
    ("new", 1), ("unary", 3), ("binary", 4), ("reduce", 1), ("matmul", 1), ("view", 4),
    ("picked", 1), ("along", 2), ("matrices", 1), ("join", 1), ("augmented", 3), ("setitem", 3),
    ("quietly", 1),
)  # fmt: skip
DECK = [name for name, weight in STEPS for _ in range(weight)]


def run(pick: Pick, seed: int, length: int) -> Program:
    """A program of ``length`` steps, compared at the end.

    Raises
    ------
    Refused
        If one side would not do what the other did.
    Disagreement
        If values or gradients differ; the program is in the message.
    """
    program = Program(pick, np.random.default_rng(seed))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            program.single = pick(4) == 0
            program.new()
            program.new()
            for _ in range(length):
                getattr(program, DECK[pick(len(DECK))])()
            program.compare()
    except Disagreement as error:
        text = "\n".join(program.steps)
        raise Disagreement(f"{error}\nThe program (seed {seed}):\n{text}") from None
    return program


def _below(rng: np.random.Generator, n: int) -> int:
    return int(rng.integers(n))


def main(argv: list[str] | None = None) -> int:
    """Run many programs; 1 if any disagrees or more than 2 % are refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first; the others follow")
    parser.add_argument("--length", type=int, default=20, help="steps, at most")
    parser.add_argument("--show", action="store_true", help="print each refused program's step")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    agreed, theirs, disagreed, steps = 0, 0, 0, 0
    causes: collections.Counter[str] = collections.Counter()
    for seed in range(options.seed, options.seed + options.programs):
        rng = np.random.default_rng([seed, 1])
        try:
            length = 1 + int(rng.integers(options.length))
            program = run(partial(_below, rng), seed, length)
            agreed += 1
            steps += len(program.steps)
        except Refused as refused:
            if refused.side == "torch":
                theirs += 1
                continue
            causes[f"{type(refused.error).__name__}: {str(refused.error)[:90]}"] += 1
            if options.show:
                print(f"seed {seed}: {refused}")
        except Disagreement as error:
            disagreed += 1
            print(f"seed {seed} DISAGREES: {error}\n")
    refused_here = sum(causes.values())
    accepted = agreed + refused_here + disagreed
    share = refused_here / max(1, accepted)
    print(
        f"{options.programs} programs from seed {options.seed}: {agreed} agree "
        f"({steps} steps), {disagreed} disagree; PyTorch refuses {theirs}; of the {accepted} it "
        f"accepts {refused_here} are refused here ({share:.2%})"
    )
    for cause, count in causes.most_common():
        print(f"  {count:5d}  {cause}")
    return int(disagreed > 0 or share > 0.02)


if __name__ == "__main__":
    sys.exit(main())
