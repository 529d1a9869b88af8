"""Files: one safetensors file holds any nest of dicts, lists, tuples, tensors and numbers.

The tensors are named by their place (``state.0.exp_avg``), so that other readers of safetensors
find them; the nest itself is JSON in the file's metadata. Nothing is ever pickled.
"""

import errno
import json
import os
import zlib
from collections.abc import Callable, Iterable
from typing import IO, Any

import numpy as np

from . import backend
from ._structure import Encoder, decode
from ._tensor import Tensor

VERSION = 1
MAX_HEADER = 100_000_000  # what readers of safetensors accept
_TREE, _SUM = "autodiff", "autodiff.crc32"  # in the metadata
_CODES = {
    "bool": "BOOL", "float16": "F16", "float32": "F32", "float64": "F64", "bfloat16": "BF16",
    "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64",
}  # fmt: skip


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Write an object to a file, whole or not at all.

    Parameters
    ----------
    obj
        Tensors, arrays, Scalars, numbers, strings, bools, None, and dicts, lists and tuples of
        them, such as the ``state_dict()`` of a module or an optimizer. A leaf keeps its
        ``requires_grad``; the result of an op is saved as plain values. A value that occurs twice
        is written twice.
    path : path-like
        Used as it is, no suffix is added. Where it is a symbolic link, the file that it points to
        is replaced.

    Raises
    ------
    TypeError
        For an object of another type, naming its place.
    ValueError
        For containers nested more than 200 deep.
    OSError
        If the file cannot be written; what was there before is then untouched.

    Examples
    --------
    >>> import autodiff as ad, tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "run.safetensors")
    >>> ad.save({"weight": ad.ones((2,)), "epoch": 3, "betas": (0.9, 0.999)}, path)
    >>> ad.load(path)
    {'weight': tensor([1., 1.]), 'epoch': 3, 'betas': (0.9, 0.999)}
    """
    encoder = Encoder()
    tree = json.dumps({"version": VERSION, "tree": encoder.encode(obj)}, allow_nan=False)
    # The largest elements go first, so that every array is aligned to its own.
    arrays = sorted(
        [(name, _plain(array)) for name, array in encoder.arrays.items()],
        key=lambda item: (-item[1].itemsize, item[0]),
    )
    metadata = {_TREE: tree, _SUM: _checksum(tree, arrays), "format": "pt"}
    header = _header(metadata, arrays)

    def write(file: IO[bytes]) -> None:
        file.write(header)
        for _, array in arrays:
            file.write(_bytes(array))

    _replace(os.path.realpath(path), write)


def load(path: str | os.PathLike[str], *, device: str = "cpu") -> Any:
    """Read what `save` wrote, or any safetensors file.

    Parameters
    ----------
    path : path-like
    device : str
        Where tensors are put; NumPy and CuPy arrays come back as NumPy's.

    Returns
    -------
    object
        What was saved; of a file from elsewhere, a dict of tensors by name.

    Raises
    ------
    ValueError
        If the file is damaged, no safetensors file, or of a newer format, naming the path.
    OSError
        If it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    device = backend.parse_device(device)
    path = os.fspath(path)
    with open(path, "rb"):  # what is missing or unreadable says so as Python's files do
        pass
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"load: {path!r} is damaged or no safetensors file: {error}") from error
    if _TREE not in metadata and _SUM not in metadata:
        return {name: Tensor(backend.to_device(x, device)) for name, x in arrays.items()}
    try:
        tree = metadata[_TREE]
        if metadata[_SUM] != _checksum(tree, arrays.items()):
            raise ValueError("its checksum is wrong")
        saved = json.loads(tree)
        version = saved["version"]
        if type(version) is int and version > VERSION:
            raise ValueError(
                f"it has format version {version} and this library reads up to {VERSION}; "
                "install a newer one"
            )
        return decode(saved["tree"], arrays.__getitem__, device)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"load: {path!r} is damaged or hostile: {error}") from error


def _plain(array: Any) -> np.ndarray:
    """An array as the format has it: on the host, contiguous, little-endian."""
    host = backend.to_numpy(array)
    if host.dtype.byteorder == ">" or not host.dtype.isnative:
        host = host.astype(host.dtype.newbyteorder("="))
    return np.ascontiguousarray(host).reshape(host.shape)  # 0-d stays 0-d


def _bytes(array: np.ndarray) -> memoryview:
    data: Any = array.reshape(-1).view(np.uint8)
    return memoryview(data)


def _header(metadata: dict[str, str], arrays: list[tuple[str, np.ndarray]]) -> bytes:
    """The beginning of a safetensors file: its length, and where each array lies, as JSON."""
    entries: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, array in arrays:
        start, end = end, end + array.nbytes
        code = _CODES[array.dtype.name]
        entries[name] = {"dtype": code, "shape": array.shape, "data_offsets": [start, end]}
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(
            f"save: names and structure take {len(text)} bytes, and the format allows "
            f"{MAX_HEADER}; join small tensors into larger ones, or write several files"
        )
    return len(text).to_bytes(8, "little") + text


def _checksum(tree: str, arrays: Iterable[tuple[str, np.ndarray]]) -> str:
    """CRC-32 of the structure and of every array with its name, dtype and shape."""
    total = zlib.crc32(tree.encode())
    for name, array in sorted(arrays, key=lambda item: item[0]):
        total = zlib.crc32(f"{name} {array.dtype.name} {array.shape}".encode(), total)
        total = zlib.crc32(_bytes(array), total)
    return f"{total:08x}"


def _replace(path: str, write: Callable[[IO[bytes]], None]) -> None:
    """Put a file that ``write`` fills in the place of ``path``, in one step.

    The draft lies in the same folder, for only there is a rename one step. It reaches the disk
    before the rename, and the rename before this returns. A process that is killed on the way
    leaves a hidden file whose name ends with ``.draft``.
    """
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "save: a folder; add the name of a file", path)
    draft = os.path.join(folder, f".{name[:200]}.{os.urandom(6).hex()}.draft")
    try:
        file = open(draft, "xb")  # with the permissions that the umask says
    except OSError as error:
        raise type(error)(error.errno, f"save: {error.strerror}", path) from None
    try:
        with file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException as error:
        os.unlink(draft)
        if isinstance(error, OSError):  # a full disk, which does not say for which file
            raise type(error)(error.errno, f"save: {error.strerror}", path) from None
        raise
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
