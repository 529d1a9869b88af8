"""Labelled images: MNIST and its kin, idx files of one's own, scikit-learn's digits."""

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad

from ..data import Dataset
from .fetching import Folder, Source

FILES = ("{}-images-idx3-ubyte.gz", "{}-labels-idx1-ubyte.gz")

MNIST = Source(
    "mnist",
    (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
    anywhere=True,
)
FASHION_MNIST = Source(
    "fashion_mnist",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    {
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
)

# Of the third byte of an idx file.
DTYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


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

    draws = False

    def __init__(self, images: np.ndarray, labels: np.ndarray, white: int = 255) -> None:
        if images.ndim != 3 or labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
            raise ValueError(
                f"Images: need images of shape (n, height, width) and n integer labels, not "
                f"{images.shape} and {labels.dtype} of shape {labels.shape}"
            )
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


def mnist(dir: Folder | None = None) -> tuple[Images, Images]:
    """The handwritten digits of LeCun, Cortes and Burges: 60000 to train on, 10000 to test.

    The four files are looked for in ``dir``, in ``$AUTODIFF_DATA/mnist`` and
    ``$AUTODIFF_DATA``, and in the cache (``$XDG_CACHE_HOME/autodiff/mnist``, or
    ``~/.cache/autodiff/mnist``). What is not found is downloaded, 11 MB in all, to ``dir`` if
    given, else to the cache; there a damaged file is downloaded again.

    Returns
    -------
    train, test : Images
        Items are (image, label): float32 of shape (1, 28, 28) in [0, 1], and an int.

    Raises
    ------
    ValueError
        If a file found is not the official one, and cannot be replaced.
    OSError
        If a file is missing and cannot be downloaded or written.
    """
    return _both(MNIST, dir)


def fashion_mnist(dir: Folder | None = None) -> tuple[Images, Images]:
    """Zalando's articles (Xiao et al., 2017), in MNIST's shapes and numbers, 31 MB.

    The classes are T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag and ankle
    boot. The files are looked for and kept as those of `mnist`, in folders ``fashion_mnist``;
    ``$AUTODIFF_DATA`` itself is left out, since the names are the same.

    Returns
    -------
    train, test : Images

    Raises
    ------
    ValueError, OSError
        As `mnist` does.
    """
    return _both(FASHION_MNIST, dir)


def _both(source: Source, folder: Folder | None) -> tuple[Images, Images]:
    def part(name: str) -> Images:
        images, labels = (
            _array(file, source.read(file, folder)) for file in (f.format(name) for f in FILES)
        )
        return Images(images, labels)

    return part("train"), part("t10k")


def idx(dir: Folder) -> tuple[Images, Images]:
    """Labelled images of one's own, in files as MNIST has them, compressed or not.

    Parameters
    ----------
    dir : path-like
        A folder with ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same of
        ``t10k`` or ``test``. A suffix ``.gz`` says that a file is compressed, and a dot may stand
        for the dash before ``idx``.

    Returns
    -------
    train, test : Images

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is no idx file or cut off, or the numbers of images and labels differ.

    Examples
    --------
    >>> import numpy as np, nn, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for part, n in [("train", 5), ("test", 2)]:
    ...     for name, shape in [("images-idx3", (n, 4, 4)), ("labels-idx1", (n,))]:
    ...         header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    ...         path = folder / f"{part}-{name}-ubyte"
    ...         _ = path.write_bytes(header + np.zeros(shape, np.uint8).tobytes())
    >>> train, test = nn.datasets.idx(folder)
    >>> len(train), test[0][0].shape
    (5, (1, 4, 4))
    """

    def part(*names: str) -> Images:
        images, labels = (
            read_idx(_found(Path(dir), names, what)) for what in ("images-idx3", "labels-idx1")
        )
        return Images(images, labels)

    return part("train"), part("t10k", "test")


def _found(folder: Path, parts: tuple[str, ...], what: str) -> Path:
    names = [
        f"{part}-{spelled}-ubyte{suffix}"
        for part in parts
        for spelled in (what, what.replace("-", "."))
        for suffix in ("", ".gz")
    ]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{folder} has none of {', '.join(names)}")


def read_idx(path: Folder) -> np.ndarray:
    """The array in an idx file, compressed if its name ends with ``.gz``."""
    return _array(os.fspath(path), Path(path).read_bytes())


def _array(name: str, content: bytes) -> np.ndarray:
    """The array in the content of an idx file."""
    try:
        raw = gzip.decompress(content) if name.endswith(".gz") else content
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name} is damaged or incomplete: {error}") from error
    axes = raw[3] if len(raw) > 3 else 0
    if raw[:2] != b"\0\0" or raw[2:3] not in map(bytes, ([code] for code in DTYPES)):
        raise ValueError(f"{name} is not an idx file")
    start = 4 + 4 * axes
    shape = tuple(np.frombuffer(raw[4:start], ">u4").tolist()) if len(raw) >= start else ()
    dtype = np.dtype(DTYPES[raw[2]])
    if len(shape) != axes or len(raw) != start + dtype.itemsize * math.prod(shape):
        raise ValueError(
            f"{name} is damaged or incomplete: it has {len(raw)} bytes"
            + (f", and should hold an array of {dtype.name} of shape {shape}" if shape else "")
        )
    array = np.frombuffer(raw, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


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
