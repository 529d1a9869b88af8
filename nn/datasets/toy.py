"""Datasets made up on the spot."""

import numpy as np

import autodiff as ad

from ..data import TensorDataset

GATES = {
    "and": (0, 0, 0, 1),
    "or": (0, 1, 1, 1),
    "nand": (1, 1, 1, 0),
    "nor": (1, 0, 0, 0),
    "xor": (0, 1, 1, 0),
    "xnor": (1, 0, 0, 1),
}


def gates(*names: str) -> TensorDataset:
    """Logic gates: the four inputs of shape (4, 2), and targets of shape (4, number of gates).

    Parameters
    ----------
    *names : str
        Of "and", "or", "nand", "nor", "xor", "xnor"; all of them if none is given.

    Examples
    --------
    >>> import nn
    >>> inputs, targets = nn.datasets.gates("and", "or").tensors
    >>> targets
    tensor([[0., 0.],
            [0., 1.],
            [0., 1.],
            [1., 1.]])
    """
    names = names or tuple(GATES)
    if unknown := [name for name in names if name not in GATES]:
        raise ValueError(f"gates: {unknown[0]!r} is none of {', '.join(GATES)}")
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    return TensorDataset(x, np.array([GATES[name] for name in names], np.float32).T.copy())


def xor() -> TensorDataset:
    """The four points of exclusive or: inputs of shape (4, 2), targets of shape (4, 1).

    Examples
    --------
    >>> import nn
    >>> [int(y.item()) for _, y in nn.datasets.xor()]
    [0, 1, 1, 0]
    """
    return gates("xor")


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


def spiral(n: int = 300, classes: int = 3, noise: float = 0.1, seed: int = 0) -> TensorDataset:
    """Points along the arms of a spiral in the plane, one arm for each class, in random order.

    Parameters
    ----------
    n : int
        The number of points.
    classes : int
    noise : float
        The standard deviation of what is added to the angles, in radians.
    seed : int

    Returns
    -------
    TensorDataset
        Points of shape (n, 2), float32, and class numbers of shape (n,).

    Examples
    --------
    >>> import nn
    >>> points, labels = nn.datasets.spiral(90).tensors
    >>> points.shape, int(labels.max())
    ((90, 2), 2)
    """
    if not 1 <= classes <= n or noise < 0:
        raise ValueError(
            f"spiral: n={n} must be at least classes={classes}, and noise={noise} not negative"
        )
    generator = ad.random.Generator(seed)
    labels = np.arange(n) % classes
    radius = (np.arange(n) // classes + 1) / -(-n // classes)
    angle = 4 * radius + 2 * np.pi * labels / classes
    angle += generator.normal((n,), 0.0, noise, dtype=np.float64, device="cpu")
    points = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    order = generator.permutation(n, device="cpu")
    return TensorDataset(points[order].astype(np.float32), labels[order])
