"""Matrices with a structure."""

import math

import numpy as np

import autodiff as ad

from .fills import Generator, fill, memory, normal_, zeros_


def eye_(tensor: ad.Tensor) -> ad.Tensor:
    """Fill a matrix with ones on its diagonal and zeros elsewhere."""
    if tensor.ndim != 2:
        raise ValueError(f"init.eye_ needs a matrix, not shape {tensor.shape}")
    xp = ad.backend.namespace(memory(tensor))
    zeros_(tensor)
    diagonal = xp.arange(min(tensor.shape))
    memory(tensor)[diagonal, diagonal] = 1
    ad.backend.stamp(memory(tensor))
    return tensor


def orthogonal_(
    tensor: ad.Tensor, gain: float = 1.0, generator: Generator | None = None
) -> ad.Tensor:
    """Fill with ``gain`` times a random matrix of orthonormal rows or columns (Saxe, 2014).

    Axes after the first count as one. Computed on the host in float64.
    """
    if tensor.ndim < 2:
        raise ValueError(f"init.orthogonal_ needs at least two axes, not shape {tensor.shape}")
    if not tensor.size:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.size // rows
    tall = (max(rows, columns), min(rows, columns))
    draw = ad.random.normal(tall, dtype=np.float64, device="cpu", generator=generator).data
    q, r = np.linalg.qr(draw)
    q *= np.sign(np.diagonal(r))  # makes the decomposition unique, hence q uniform
    q = (q if rows >= columns else q.T) * gain
    values = q.reshape(tensor.shape).astype(tensor.dtype)
    return fill(tensor, ad.backend.to_device(values, ad.backend.device_of(memory(tensor))))


def dirac_(tensor: ad.Tensor, groups: int = 1) -> ad.Tensor:
    """Fill the weight of a convolution so that channel ``i`` of its output is that of its input.

    Parameters
    ----------
    tensor : Tensor, shape ``(out, in, *kernel)``
        With one to three axes of kernel.
    groups : int
        Of the convolution.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> nn.init.dirac_(ad.zeros((1, 1, 3))).data
    array([[[0., 1., 0.]]], dtype=float32)
    """
    if not 3 <= tensor.ndim <= 5:
        raise ValueError(f"init.dirac_ needs a weight of 3 to 5 axes, not shape {tensor.shape}")
    if groups < 1 or tensor.shape[0] % groups:
        raise ValueError(
            f"init.dirac_: {tensor.shape[0]} outputs are not a multiple of groups={groups}"
        )
    zeros_(tensor)
    rows = tensor.shape[0] // groups
    centre = tuple([n // 2 for n in tensor.shape[2:]])
    for start in range(0, tensor.shape[0], rows):
        for i in range(min(rows, tensor.shape[1])):
            memory(tensor)[(start + i, i, *centre)] = 1
    ad.backend.stamp(memory(tensor))
    return tensor


def sparse_(
    tensor: ad.Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> ad.Tensor:
    """Fill a matrix from N(0, std**2), with as many zeros in every column (Martens, 2010).

    Parameters
    ----------
    tensor : Tensor, shape (rows, columns)
    sparsity : float
        The part of each column that is zero, rounded up to whole elements.
    std : float
        Of the others.
    generator : Generator, optional
        What is drawn from; the default generator if not given.
    """
    if tensor.ndim != 2:
        raise ValueError(f"init.sparse_ needs a matrix, not shape {tensor.shape}")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"init.sparse_: sparsity={sparsity} is not within 0 to 1")
    normal_(tensor, 0.0, std, generator)
    xp = ad.backend.namespace(memory(tensor))
    device = ad.backend.device_of(memory(tensor))
    zeros = math.ceil(sparsity * tensor.shape[0])
    draw = ad.random.uniform(tensor.shape, device=device, generator=generator).data
    # The ranks of a column's draws are a random permutation.
    memory(tensor)[xp.argsort(xp.argsort(draw, axis=0), axis=0) < zeros] = 0
    ad.backend.stamp(memory(tensor))
    return tensor
