"""Datasets to try things on.

`mnist` is looked for on this machine and downloaded otherwise; whatever file is used is
checked against the checksum of the official distribution.
"""

import gzip
import hashlib
import math
import os
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad

from .data import Dataset, TensorDataset

MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
TIMEOUT = 30.0  # seconds without a byte

# sha256 of the compressed files: (images, labels) of both parts
MNIST_TRAIN = (
    (
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    (
        "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
)
MNIST_TEST = (
    (
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    (
        "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)


class Images(Dataset):
    """Labelled grey images: items are (image of shape (1, height, width), class number).

    Kept as bytes, a quarter of the memory, and scaled to [0, 1] as they are asked for.

    Parameters
    ----------
    images : array of uint8, shape (n, height, width)
    labels : array of integers, shape (n,)
    white : int
        The value that becomes 1.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, white: int) -> None:
        self.images = images[:, None]
        self.labels = labels.astype(np.int64)
        self.white = white

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[ad.Tensor, int]:
        return ad.asarray(self._scaled(self.images[index])), int(self.labels[index])

    def batch(self, indices: np.ndarray) -> tuple[ad.Tensor, ad.Tensor]:
        """Images of shape (b, 1, height, width) and class numbers of shape (b,)."""
        images = self._scaled(self.images.take(indices, axis=0))
        return ad.asarray(images), ad.asarray(self.labels.take(indices))

    def _scaled(self, images: np.ndarray) -> np.ndarray:
        scaled = images.astype(np.float32)
        scaled /= self.white
        return scaled


def mnist(dir: str | os.PathLike[str] | None = None) -> tuple[Images, Images]:
    """The handwritten digits of LeCun, Cortes and Burges: 60000 to train on, 10000 to test.

    The four files are looked for in ``dir``, in ``$AUTODIFF_DATA/mnist`` and
    ``$AUTODIFF_DATA``, and in the cache (``$XDG_CACHE_HOME/autodiff/mnist``, or
    ``~/.cache/autodiff/mnist``). What is not found is downloaded, 11 MB in all, to ``dir`` if
    given, else to the cache.

    Returns
    -------
    train, test : Images
        Items are (image, label): float32 of shape (1, 28, 28) in [0, 1], and an int.

    Raises
    ------
    ValueError
        If a file found is not the official one: damaged, or cut off.
    OSError
        If a file is missing and cannot be downloaded or written.
    """
    places = [Path(dir)] if dir is not None else []
    if data := os.environ.get("AUTODIFF_DATA"):
        places += [Path(data) / "mnist", Path(data)]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autodiff" / "mnist"
    places.append(cache)
    target = Path(dir) if dir is not None else cache

    def part(files: tuple[tuple[str, str], ...]) -> Images:
        images, labels = (
            _idx(name, _fetched(name, checksum, places, target)) for name, checksum in files
        )
        return Images(images, labels, white=255)

    return part(MNIST_TRAIN), part(MNIST_TEST)


def _fetched(name: str, checksum: str, places: list[Path], target: Path) -> bytes:
    """The content of a file that is on this machine, or of a mirror's, checked."""
    for place in places:
        path = place / name
        if path.is_file():
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != checksum:
                raise ValueError(
                    f"{path} is damaged or incomplete ({len(content)} bytes; its sha256 is not "
                    "the official one); delete it, and it will be downloaded again"
                )
            return content
    content = _downloaded(name, checksum, places)
    _write(target / name, content)
    return content


def _downloaded(name: str, checksum: str, places: list[Path]) -> bytes:
    failures = []
    for mirror in MNIST_MIRRORS:
        try:
            with urllib.request.urlopen(mirror + name, timeout=TIMEOUT) as response:
                content: bytes = response.read()
        except OSError as error:  # URLError, HTTPError, time-outs
            failures.append(f"{mirror}: {error}")
            continue
        if hashlib.sha256(content).hexdigest() == checksum:
            return content
        failures.append(f"{mirror}: sent {len(content)} bytes that are not the official file")
    raise OSError(
        f"{name} is in none of {', '.join(str(place) for place in places)} and could not be "
        f"downloaded ({'; '.join(failures)}); put it into one of these directories, or set "
        "AUTODIFF_DATA to where it is"
    )


def _write(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise OSError(
            f"cannot keep {path.name} in {path.parent} ({error}); pass a directory that can be "
            "written as dir=, or set XDG_CACHE_HOME"
        ) from error


def _idx(name: str, content: bytes) -> np.ndarray:
    """The array of bytes in a compressed idx file."""
    raw = gzip.decompress(content)
    axes = raw[3]
    if raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * axes:
        raise ValueError(f"{name} is not an idx file of bytes")
    shape = tuple(np.frombuffer(raw, ">u4", axes, offset=4).tolist())
    if len(raw) != 4 + 4 * axes + math.prod(shape):
        raise ValueError(f"{name} is cut off: it should hold an array of shape {shape}")
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def digits() -> tuple[Images, Images]:
    """Handwritten digits of 8 by 8 pixels, 1437 to train on and 360 to test, by scikit-learn.

    Returns
    -------
    train, test : Images
        Items are (image, label): float32 of shape (1, 8, 8) in [0, 1], and an int.

    Raises
    ------
    ImportError
        If scikit-learn, which brings the data, is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "datasets.digits needs scikit-learn, which brings the data: "
            "pip install 'autodiff-viz[demos]'"
        ) from error
    data: Any = load_digits()
    images, labels = data.images.astype(np.uint8), data.target
    split = len(labels) * 4 // 5
    return Images(images[:split], labels[:split], 16), Images(images[split:], labels[split:], 16)


def xor() -> TensorDataset:
    """The four points of exclusive or: inputs of shape (4, 2), targets of shape (4, 1).

    Examples
    --------
    >>> import nn
    >>> [int(y.item()) for _, y in nn.datasets.xor()]
    [0, 1, 1, 0]
    """
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([[0], [1], [1], [0]], np.float32)
    return TensorDataset(x, y)


def moons(n: int = 100, noise: float = 0.1, seed: int = 0) -> TensorDataset:
    """Two interleaved half circles in the plane, in random order.

    Parameters
    ----------
    n : int
        The number of points, half of them (and the odd one) in each class.
    noise : float
        The standard deviation of what is added to both coordinates.
    seed : int

    Returns
    -------
    TensorDataset
        Points of shape (n, 2), float32, and class numbers 0 and 1 of shape (n,).

    Examples
    --------
    >>> import nn
    >>> points, classes = nn.datasets.moons(100).tensors
    >>> points.shape, int(classes.sum())
    ((100, 2), 50)
    """
    if n < 2 or noise < 0:
        raise ValueError(f"moons: n={n} must be at least 2, and noise={noise} not negative")
    generator = ad.random.Generator(seed)
    upper, lower = np.linspace(0, np.pi, n - n // 2), np.linspace(0, np.pi, n // 2)
    x = np.concatenate([np.cos(upper), 1 - np.cos(lower)])
    y = np.concatenate([np.sin(upper), 0.5 - np.sin(lower)])
    points = np.stack([x, y], axis=1)
    points += generator.normal((n, 2), 0.0, noise, dtype=np.float64, device="cpu")
    classes = np.repeat([0, 1], [n - n // 2, n // 2])
    order = generator.permutation(n, device="cpu")
    return TensorDataset(points[order].astype(np.float32), classes[order])
