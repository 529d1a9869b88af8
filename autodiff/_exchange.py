"""How a tensor is given to others: DLPack, CUDA, the array API, Python's own protocols."""

import operator
from typing import TYPE_CHECKING, Any

from . import backend
from ._numpy import Protocol, array_function, public
from ._spellings import HERE
from ._variable import Variable

API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")


class Exchange(Variable):
    """What others ask of a tensor. Use `Tensor`."""

    __slots__ = ()
    __array_ufunc__ = Protocol()
    __array_function__ = array_function
    __array_priority__ = 1000.0

    device: Any
    to: Any

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The functions for tensors under the names of the array API: ``autodiff`` itself."""
        if api_version not in (None, *API_VERSIONS):
            raise ValueError(
                f"array API version {api_version!r} is not known here; there is {API_VERSIONS[-1]}"
            )
        return public()

    def to_device(self, device: str, /, *, stream: Any = None) -> Any:
        """On another device, as `to`; the name of the array API."""
        if stream is not None:
            raise ValueError("to_device: stream must be None; copies are in CuPy's current stream")
        return self.to(device)

    # ------------------------------------------------------------ sharing memory
    def __dlpack_device__(self) -> tuple[int, int]:
        kind, number = self._exported("__dlpack_device__")()
        return int(kind), number

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        if self._node is not None:
            raise BufferError(
                "this tensor requires a gradient, which DLPack cannot carry; export t.detach()"
            )
        asked = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
        given = {name: value for name, value in asked.items() if value is not None}
        try:
            return self._exported("__dlpack__")(**given)
        except BufferError as error:
            raise BufferError(
                f"a tensor of dtype {self.dtype} on {self.device} cannot be exported: {error}"
            ) from error

    def _exported(self, name: str) -> Any:
        found = getattr(self._data, name, None)
        if found is None:
            raise BufferError(f"a tensor on {self.device} has no DLPack; copy it with .cpu()")
        return found

    @property
    def __cuda_array_interface__(self) -> Any:
        # An AttributeError is what others take for "no": CuPy then leaves the tensor to us,
        # where it would otherwise read the memory and drop the gradient.
        if self._node is not None:
            raise AttributeError("__cuda_array_interface__: it requires a gradient; use detach()")
        return self._data.__cuda_array_interface__

    if not TYPE_CHECKING:  # it would let every name pass

        def __getattr__(self, name: str) -> Any:
            if name in HERE:
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute {name!r}; here it is "
                    f"{HERE[name]}"
                )
            return object.__getattribute__(self, name)  # raises what it raised before

    # ------------------------------------------------------------ Python's own
    def tolist(self) -> Any:
        """The values as nested lists of Python numbers; of shape ``()``, one number."""
        return backend.to_numpy(self._data).tolist()

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.shape != () or self.dtype.kind not in "iu":
            raise TypeError(
                f"only an integer tensor of shape () can be an index, not one of shape "
                f"{self.shape} and dtype {self.dtype}"
            )
        return operator.index(self.item())

    def __contains__(self, value: Any) -> bool:
        same: Any = self == value
        return not isinstance(same, bool) and bool(same.any())

    def __format__(self, spec: str) -> str:
        if spec and self._data.size != 1:
            raise TypeError(
                f"the format {spec!r} is for one element, and this tensor has shape {self.shape}; "
                "format the numbers in t.tolist()"
            )
        return super().__format__(spec)

    def __round__(self, ndigits: int | None = None) -> Any:
        rounded = public().round
        if not ndigits:
            return rounded(self)
        x: Any = self
        return rounded(x * 10.0**ndigits) / 10.0**ndigits

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        ours = public()
        return ours.floor_divide(self, other), ours.remainder(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        ours = public()
        return ours.floor_divide(other, self), ours.remainder(other, self)
