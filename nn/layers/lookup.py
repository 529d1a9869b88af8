"""Vectors by number."""

from typing import Any, Self

import autodiff as ad

from .. import functional, init
from ..functional.lookup import row_number
from ..module import Module
from ..parameter import Parameter


class Embedding(Module):
    """A table of vectors, looked up by number: words, letters, categories.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        How many vectors, and how long they are.
    padding_idx : int, optional
        A vector that is 0 at first and gets no gradient.
    max_norm : float, optional
        Vectors that are looked up and longer are scaled to this norm before, in place.
    norm_type : float
        Which norm: the p of the p-norm.
    scale_grad_by_freq : bool
        Whether a vector's gradient is divided by how often it was looked up.
    sparse : bool
        Ignored: gradients are dense.
    weight_init : callable or str, optional
        What fills the table in place, or its name; by default normal(0, 1), as in PyTorch.
    dtype, device : optional
        The defaults of the library if not given.
    generator : ad.random.Generator, optional
        What the initial values are drawn from.

    Attributes
    ----------
    weight : Parameter, shape (num_embeddings, embedding_dim)

    Examples
    --------
    >>> import autodiff as ad, nn
    >>> words = nn.Embedding(100, 8, padding_idx=0)
    >>> words(ad.tensor([[5, 7, 7], [9, 0, 0]])).shape
    (2, 3, 8)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        weight_init: init.Initializer | None = None,
        dtype: Any = None,
        device: str | None = None,
        generator: ad.random.Generator | None = None,
    ) -> None:
        if num_embeddings < 0 or embedding_dim < 0:
            raise ValueError(
                f"Embedding({num_embeddings}, {embedding_dim}): sizes must not be negative"
            )
        if padding_idx is not None:
            padding_idx = row_number("Embedding", padding_idx, num_embeddings)
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        shape = (num_embeddings, embedding_dim)
        self.weight = Parameter(ad.zeros(shape, dtype=dtype, device=device))
        init.initialize(weight_init or init.normal_, self.weight, generator)
        if padding_idx is not None:
            self.weight.data[padding_idx] = 0

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """Make a layer of vectors that are there already; it gets a copy.

        Parameters
        ----------
        embeddings : Tensor, shape (num_embeddings, embedding_dim)
        freeze : bool
            Whether they are not to be trained.
        padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
            As the class takes them.

        Examples
        --------
        >>> import autodiff as ad, nn
        >>> layer = nn.Embedding.from_pretrained(ad.tensor([[1.0, 2.0], [3.0, 4.0]]))
        >>> layer(ad.tensor([1]))
        tensor([[3., 4.]])
        """
        embeddings = ad.asarray(embeddings)
        if embeddings.ndim != 2:
            raise ValueError(
                f"Embedding.from_pretrained: embeddings of shape {embeddings.shape}; they must be "
                "a matrix"
            )
        count, length = embeddings.shape
        options = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        made = cls(count, length, *options, weight_init=init.zeros_)
        made.weight = Parameter(embeddings, requires_grad=not freeze)
        return made

    def forward(self, x: Any) -> Any:
        """Put a vector in the place of each integer."""
        return functional.embedding(
            x,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """Sizes, and what is not as by default."""
        words = [f"{self.num_embeddings}, {self.embedding_dim}"]
        defaults = {
            "padding_idx": None,
            "max_norm": None,
            "norm_type": 2.0,
            "scale_grad_by_freq": False,
            "sparse": False,
        }
        for name, default in defaults.items():
            if (value := getattr(self, name)) != default:
                words.append(f"{name}={value}")
        return ", ".join(words)
