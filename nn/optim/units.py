"""What an optimizer steps at once: an array, the parts of a large one, or many small ones.

An elementwise update does not care where an array begins and ends. So a large array is taken
in pieces that stay in the processor's cache, and many small ones are packed together, so that
the cost of calling NumPy is paid once and not for each.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autodiff as ad

Array = Any
State = tuple[Array, ...]
Update = Callable[[Array, Array, State, Any, State], None]
"""``update(w, g, state, hyper, scratch)`` writes one step into ``w`` and ``state``."""

# Elements of a piece: with two arrays of state and one of scratch, float32 fills about half a
# megabyte, which stays in the second-level cache of a common core.
PIECE = 1 << 15
# Arrays of at most so many elements are packed: copying them costs less than NumPy's calls.
SMALL = 1 << 10


class Slot:
    """One parameter of an optimizer, with its step count and state."""

    __slots__ = ("dtype", "kind", "numbers", "parameter", "shape", "state", "t", "w", "writes")

    def __init__(self, parameter: ad.Tensor) -> None:
        self.parameter = parameter
        self.shape: tuple[int, ...] = parameter.shape
        self.t = 0
        self.state: dict[str, Array] | None = None
        self.numbers: tuple[float, ...] = ()  # of the state, beside its arrays
        # The raw array at the last step; it is another after a move, a cast or an assignment.
        self.w: Array = None
        self.dtype: Any = None
        self.kind: Any = None  # ndarray, or None: arrays elsewhere have a device to be checked
        self.writes: Any = None  # where its writes are noted

    def arrays(self, names: tuple[str, ...]) -> State:
        """The arrays of the state that have these names."""
        state = self.state or {}
        return tuple([state[name] for name in names])


class Scratch:
    """Memory for intermediate results, used again by every unit."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._buffers: dict[Any, list[Array]] = {}

    def like(self, array: Array) -> State:
        """Scratch arrays for one array, or none if it is not NumPy's."""
        if type(array) is not np.ndarray:
            return ()
        if array.size > PIECE:
            return tuple([np.empty_like(array) for _ in range(self.count)])
        if array.dtype not in self._buffers:
            self._buffers[array.dtype] = [np.empty(PIECE, array.dtype) for _ in range(self.count)]
        buffers = self._buffers[array.dtype]
        return tuple([b[: array.size].reshape(array.shape) for b in buffers])


class Whole:
    """One array at once."""

    def __init__(self, index: int, w: Array, state: State, scratch: Scratch) -> None:
        self.index = index  # of the parameter in its group
        self.w = w
        self.state = state
        self.scratch = scratch.like(w)

    def run(self, update: Update, gradients: Sequence[Array], hyper: Any) -> None:
        """One step."""
        update(self.w, gradients[self.index], self.state, hyper, self.scratch)


class Pieces:
    """One large array in a single block of memory, piece by piece."""

    def __init__(self, index: int, w: Array, state: State, scratch: Scratch) -> None:
        self.index = index
        self.pieces = []
        flat, flat_state = w.reshape(-1), [s.reshape(-1) for s in state]
        for start in range(0, w.size, PIECE):
            part = slice(start, start + PIECE)
            parts = tuple([s[part] for s in flat_state])
            self.pieces.append((part, flat[part], parts, scratch.like(flat[part])))

    def run(self, update: Update, gradients: Sequence[Array], hyper: Any) -> None:
        """One step."""
        g = gradients[self.index].reshape(-1)
        for part, w, state, scratch in self.pieces:
            update(w, g[part], state, hyper, scratch)


class Pack:
    """Many small arrays as one: gathered, updated and put back.

    The state of all of them is one array, of which each slot's state is a part.
    """

    def __init__(
        self, indices: list[int], slots: list[Slot], names: tuple[str, ...], scratch: Scratch
    ) -> None:
        self.indices = indices
        self.ws = [slot.w for slot in slots]
        self.flat_ws = [w.reshape(-1) for w in self.ws]
        self.w = np.concatenate(self.flat_ws)
        self.g = np.empty_like(self.w)
        states = [slot.arrays(names) for slot in slots]
        self.state = tuple([np.concatenate([s.reshape(-1) for s in same]) for same in zip(*states)])
        self.scratch = scratch.like(self.w)
        self.parts = []  # of the packed parameters, in the shape of each
        start = 0
        for slot in slots:
            part = slice(start, start + slot.w.size)
            start = part.stop
            self.parts.append(self.w[part].reshape(slot.shape))
            packed = {name: s[part].reshape(slot.shape) for name, s in zip(names, self.state)}
            slot.state = (slot.state or {}) | packed

    def run(self, update: Update, gradients: Sequence[Array], hyper: Any) -> None:
        """One step."""
        np.concatenate([gradients[i] for i in self.indices], axis=None, out=self.g)
        np.concatenate(self.flat_ws, out=self.w)
        update(self.w, self.g, self.state, hyper, self.scratch)
        for w, part in zip(self.ws, self.parts):
            w[...] = part


Unit = Whole | Pieces | Pack


class Plan:
    """How all parameters of a group are stepped together."""

    def __init__(
        self, slots: list[Slot], names: tuple[str, ...], elementwise: bool, scratch: Scratch
    ) -> None:
        self.units = units(slots, names, elementwise, scratch)
        self.writes = [slot.writes for slot in slots]


def single(
    index: int, slot: Slot, names: tuple[str, ...], elementwise: bool, scratch: Scratch
) -> Whole | Pieces:
    """The unit that steps one parameter alone."""
    w, state = slot.w, slot.arrays(names)
    in_block = type(w) is np.ndarray and w.flags.c_contiguous
    if elementwise and in_block and w.size > PIECE:
        return Pieces(index, w, state, scratch)
    return Whole(index, w, state, scratch)


def units(
    slots: list[Slot], names: tuple[str, ...], elementwise: bool, scratch: Scratch
) -> list[Unit]:
    """The units that step all parameters of a group."""
    packs: dict[Any, list[list[int]]] = {}
    for i, slot in enumerate(slots):
        w = slot.w
        if elementwise and slot.kind is np.ndarray and w.size <= SMALL and w.flags.c_contiguous:
            open_packs = packs.setdefault(w.dtype, [[]])
            if sum(slots[j].w.size for j in open_packs[-1]) + w.size > PIECE:
                open_packs.append([])
            open_packs[-1].append(i)
    found: list[Unit] = []
    packed = set()
    for indices in (pack for same in packs.values() for pack in same if len(pack) > 1):
        found.append(Pack(indices, [slots[i] for i in indices], names, scratch))
        packed.update(indices)
    found += [
        single(i, slot, names, elementwise, scratch)
        for i, slot in enumerate(slots)
        if i not in packed
    ]
    return found
