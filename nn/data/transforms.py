"""Images changed at random, so that a network sees each of them in many forms.

A transform is called with an image of shape (..., height, width), tensor or array, and returns a
new one of the same kind. It draws from the default generator of `autodiff.random`, which a
`DataLoader` seeds for each item. Transforms compute on the host, one image at a time;
`TransformDataset` applies them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autodiff as ad

__all__ = [
    "Compose",
    "ElasticTransform",
    "GaussianNoise",
    "Normalize",
    "RandomAffine",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomShift",
    "RandomVerticalFlip",
    "Transform",
]


class Transform:
    """What changes images; a subclass defines `apply`, on NumPy arrays."""

    def __call__(self, image: Any) -> Any:
        """A changed copy of a tensor or an array."""
        if not isinstance(image, ad.Tensor):
            return self.apply(np.asarray(image))
        changed = self.apply(ad.backend.to_numpy(image.data))
        return ad.asarray(changed, device=image.device)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A changed copy of an array of shape (..., height, width)."""
        raise NotImplementedError(f"{type(self).__name__} defines no apply(image)")


def _uniform(low: float, high: float, shape: tuple[int, ...] = ()) -> np.ndarray:
    generator = ad.random.default_generator
    drawn: np.ndarray = generator.uniform(shape, low, high, dtype=np.float64, device="cpu")
    return drawn


def _integer(low: int, high: int) -> int:
    """From ``low`` to ``high``, both included."""
    return int(ad.random.default_generator.integers(low, high + 1, device="cpu"))


def _happens(p: float) -> bool:
    return bool(_uniform(0.0, 1.0) < p)


class Compose(Transform):
    """One transform after another.

    Examples
    --------
    >>> import autodiff as ad
    >>> from nn.data import transforms
    >>> change = transforms.Compose([transforms.RandomShift(2), transforms.RandomRotation(10)])
    >>> change(ad.zeros((1, 28, 28))).shape
    (1, 28, 28)
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = list(transforms)

    def __call__(self, image: Any) -> Any:
        """What the last transform makes of it."""
        for transform in self.transforms:
            image = transform(image)
        return image

    def __repr__(self) -> str:
        return f"Compose({self.transforms})"


class Normalize(Transform):
    """``(image - mean) / std``, with numbers, or one of each for a channel.

    Examples
    --------
    >>> import numpy as np
    >>> from nn.data import transforms
    >>> transforms.Normalize([1, 2], [1, 4])(np.full((2, 1, 1), 4.0)).ravel()
    array([3. , 0.5])
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean, self.std = mean, std
        if np.any(np.asarray(std) == 0):
            raise ValueError(f"Normalize: std={std} must not be 0")

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A changed copy of an array of shape (channels, height, width)."""
        dtype = np.result_type(image.dtype, np.float16)
        mean, std = (np.asarray(value, dtype) for value in (self.mean, self.std))
        if mean.ndim or std.ndim:
            mean, std = (np.reshape(value, (-1, 1, 1)) for value in (mean, std))
        changed: np.ndarray = (image - mean) / std
        return changed

    def __repr__(self) -> str:
        return f"Normalize({self.mean}, {self.std})"


@dataclass(frozen=True)
class RandomHorizontalFlip(Transform):
    """Left and right exchanged, with probability ``p``."""

    p: float = 0.5

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A changed copy of an array of shape (..., height, width)."""
        return image[..., ::-1].copy() if _happens(self.p) else image.copy()


@dataclass(frozen=True)
class RandomVerticalFlip(Transform):
    """Top and bottom exchanged, with probability ``p``."""

    p: float = 0.5

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A changed copy of an array of shape (..., height, width)."""
        return image[..., ::-1, :].copy() if _happens(self.p) else image.copy()


@dataclass(frozen=True)
class RandomCrop(Transform):
    """A piece of an image, which may get a border before.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of the piece.
    padding : int
        Width of the border.
    fill : float
        What the border is made of.
    """

    size: int | tuple[int, int]
    padding: int = 0
    fill: float = 0.0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A piece of an array of shape (..., height, width)."""
        height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
        border = [(0, 0)] * (image.ndim - 2) + [(self.padding, self.padding)] * 2
        padded = np.pad(image, border, constant_values=self.fill)
        down, right = padded.shape[-2] - height, padded.shape[-1] - width
        if down < 0 or right < 0:
            raise ValueError(
                f"RandomCrop: there is no piece of {height} by {width} in an image of shape "
                f"{image.shape} with padding={self.padding}"
            )
        top, left = _integer(0, down), _integer(0, right)
        return padded[..., top : top + height, left : left + width].copy()


@dataclass(frozen=True)
class RandomShift(Transform):
    """An image moved by up to so many whole pixels, down or up and to either side.

    Examples
    --------
    >>> import autodiff as ad
    >>> from nn.data import transforms
    >>> ad.manual_seed(2)
    >>> transforms.RandomShift(1)(ad.tensor([[1, 2], [3, 4]]))
    tensor([[0, 0],
            [2, 0]])
    """

    pixels: int
    fill: float = 0.0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A changed copy of an array of shape (..., height, width)."""
        height, width = image.shape[-2:]
        return RandomCrop((height, width), self.pixels, self.fill).apply(image)


@dataclass(frozen=True)
class RandomAffine(Transform):
    """An image turned, scaled, sheared and moved about its centre, by bilinear interpolation.

    Parameters
    ----------
    degrees : float
        Turned by up to so many, to the left or to the right.
    translate : float
        Moved by up to this part of height and width.
    scale : (float, float)
        The smallest and the largest factor.
    shear : float
        Slanted by up to so many degrees.
    fill : float
        What comes in at the edges.
    """

    degrees: float = 0.0
    translate: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float = 0.0
    fill: float = 0.0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A changed copy of an array of shape (..., height, width)."""
        angle = math.radians(_uniform(-self.degrees, self.degrees))
        slant = math.tan(math.radians(_uniform(-self.shear, self.shear)))
        zoom = float(_uniform(*self.scale))
        size = np.array(image.shape[-2:], float)
        move = _uniform(-self.translate, self.translate, (2,)) * size
        # From a place in the result to that in the image, in rows and columns.
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        back = turn @ np.array([[1.0, 0.0], [slant, 1.0]]) / zoom
        middle = (size - 1) / 2
        rows, columns = np.indices(image.shape[-2:]).reshape(2, -1)
        places = back @ (np.stack([rows, columns]) - (middle + move)[:, None]) + middle[:, None]
        return _sampled(image, places, self.fill)


class RandomRotation(RandomAffine):
    """An image turned about its centre by up to so many degrees, to the left or to the right."""

    def __init__(self, degrees: float, fill: float = 0.0) -> None:
        super().__init__(degrees, fill=fill)


@dataclass(frozen=True)
class ElasticTransform(Transform):
    """An image distorted as if drawn on rubber (Simard, Steinkraus & Platt, 2003).

    Every pixel is moved by random numbers from -1 to 1, one for each direction, which are blurred
    so that neighbours move together.

    Parameters
    ----------
    alpha : float
        What the blurred numbers are multiplied by. The paper has 34 with ``sigma=4`` for digits of
        29 by 29 pixels, which moves them by one or two.
    sigma : float
        The standard deviation of the blur, in pixels.
    fill : float
        What comes in at the edges.
    """

    alpha: float = 34.0
    sigma: float = 4.0
    fill: float = 0.0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A changed copy of an array of shape (..., height, width)."""
        from scipy import ndimage

        size = image.shape[-2:]
        field = _uniform(-1.0, 1.0, (2, *size))
        moves = self.alpha * ndimage.gaussian_filter(
            field, (0, self.sigma, self.sigma), mode="constant"
        )
        return _sampled(image, (np.indices(size) + moves).reshape(2, -1), self.fill)


@dataclass(frozen=True)
class GaussianNoise(Transform):
    """Normal noise added to every pixel."""

    std: float = 0.1

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A changed copy of an array of any shape."""
        noise = ad.random.default_generator.normal(image.shape, 0.0, self.std, device="cpu")
        changed: np.ndarray = image + noise.astype(np.result_type(image.dtype, np.float16))
        return changed


@dataclass(frozen=True)
class RandomErasing(Transform):
    """A rectangle blotted out (Zhong et al., 2017), with probability ``p``.

    Parameters
    ----------
    p : float
    scale : (float, float)
        The smallest and the largest part of the height, and of the width, that it covers.
    fill : float
    """

    p: float = 0.5
    scale: tuple[float, float] = (0.15, 0.5)
    fill: float = 0.0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A changed copy of an array of shape (..., height, width)."""
        changed = image.copy()
        if _happens(self.p):
            height, width = (
                round(float(_uniform(*self.scale)) * length) for length in image.shape[-2:]
            )
            top = _integer(0, image.shape[-2] - height)
            left = _integer(0, image.shape[-1] - width)
            changed[..., top : top + height, left : left + width] = self.fill
        return changed


def _sampled(image: np.ndarray, places: np.ndarray, fill: float) -> np.ndarray:
    """The values of an image at places between its pixels, ``places`` of shape (2, pixels)."""
    from scipy import ndimage

    planes = image.reshape(-1, *image.shape[-2:])
    changed = np.empty((len(planes), places.shape[1]), np.result_type(image.dtype, np.float32))
    for plane, out in zip(planes, changed):
        ndimage.map_coordinates(plane, places, out, order=1, mode="grid-constant", cval=fill)
    return changed.reshape(image.shape).astype(image.dtype, copy=False)
