"""Rows of a table by number."""

from typing import Any

import autodiff as ad

Array = Any


@ad.op
def table_rows(xp: Any, indices: Array, /, count: int) -> Array:
    """Numbers of the rows of a table with ``count`` of them, as they are.

    On the CPU those that are out of range raise; on a GPU looking would wait for the device.
    """
    return indices


@table_rows.kernel("numpy")
def _(xp: Any, indices: Array, /, count: int) -> Array:
    if indices.size:
        least, most = xp.min(indices), xp.max(indices)
        if least < 0 or most >= count:
            raise IndexError(
                f"there is no row {least if least < 0 else most} in a table of {count}; rows are "
                f"numbered from 0 to {count - 1}"
            )
    return indices


@ad.op(x=lambda g, factor: g * factor, promote=("x", "factor"))
def scale_gradient(xp: Any, x: Array, factor: Array, /) -> Array:
    """``x``, whose gradient is multiplied by ``factor`` on its way back."""
    return x


def _shares(weight: Any, indices: Any, padding_idx: int | None, scale_grad_by_freq: bool) -> Any:
    """What the gradient of each row looked up is multiplied by, with an axis to broadcast."""
    numbers = indices.detach().data
    xp = ad.backend.namespace(numbers)
    shares = xp.ones(numbers.shape, dtype=weight.dtype)
    if scale_grad_by_freq:
        counts = xp.bincount(xp.reshape(numbers, (-1,)), minlength=weight.shape[0])
        shares /= counts[numbers]
    if padding_idx is not None:
        shares *= numbers != padding_idx
    return shares[..., None]


def _limit_norms(weight: Any, indices: Any, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are looked up, in place, where their norm is above ``max_norm``."""
    table, numbers = weight.detach().data, indices.detach().data
    xp = ad.backend.namespace(table)
    numbers = xp.reshape(numbers, (-1,))
    rows = table[numbers]
    norms = ad.norm(rows, norm_type, axis=1, keepdims=True)
    # The same for every repetition of a number, so that the order of writing does not matter.
    table[numbers] = xp.where(norms > max_norm, rows * (max_norm / (norms + 1e-7)), rows)
    ad.backend.stamp(table)


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """The rows of a table with the given numbers.

    Parameters
    ----------
    input : Tensor of integers, any shape
    weight : Tensor, shape (num_embeddings, embedding_dim)
    padding_idx : int, optional
        A row that gets no gradient, though it is looked up.
    max_norm : float, optional
        Rows that are looked up and longer are scaled to this norm before, in place.
    norm_type : float
        Which norm: the p of the p-norm.
    scale_grad_by_freq : bool
        Whether a row's gradient is divided by how often it occurs in ``input``.
    sparse : bool
        Ignored: gradients are dense.

    Returns
    -------
    Tensor, shape ``(*input.shape, embedding_dim)``

    Raises
    ------
    IndexError
        On the CPU, if a number is negative or no row. On a GPU nothing looks, since that would
        wait for the device, and such a number stands for some other row.

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> table = ad.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]])
    >>> nn.functional.embedding(ad.tensor([2, 0, 2]), table)
    tensor([[3., 4.],
            [0., 0.],
            [3., 4.]])
    """
    input, weight = ad.asarray(input), ad.asarray(weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight has shape {weight.shape}; it must be a matrix")
    if input.dtype.kind not in "iu":
        raise TypeError(f"embedding: input must be integers, not {input.dtype}")
    count = weight.shape[0]
    if padding_idx is not None:
        padding_idx = row_number("embedding", padding_idx, count)
    input = table_rows(input, count)
    if max_norm is not None:
        _limit_norms(weight, input, max_norm, norm_type)
    rows = ad.take(weight, input, axis=0)
    if padding_idx is None and not scale_grad_by_freq:
        return rows
    return scale_gradient(rows, _shares(weight, input, padding_idx, scale_grad_by_freq))


def row_number(name: str, padding_idx: int, count: int) -> int:
    """``padding_idx`` counted from 0; ``ValueError`` if there is no such row."""
    if not -count <= padding_idx < count:
        raise ValueError(f"{name}: padding_idx={padding_idx} is none of the {count} rows")
    return padding_idx % count
