"""Text: vocabularies, and windows that move over a long sequence of numbers."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import autodiff as ad

from ..data import Dataset
from .fetching import Folder, Source

LEVELS = ("character", "byte", "word")
UNKNOWN = "<unk>"

SHAKESPEARE = Source(
    "tinyshakespeare",
    ("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",),
    {"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
)
NAMES = Source(
    "names",
    ("https://raw.githubusercontent.com/karpathy/makemore/master/",),
    {"names.txt": "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"},
)


class Vocabulary:
    """The tokens of a text, each with a number: from text to numbers and back.

    Parameters
    ----------
    texts : str or iterable of str
        What the tokens are taken from.
    level : str
        What a token is: a "character"; a "byte" of the text in UTF-8, of which there are always
        256; or a "word", where punctuation marks are words too and spaces are lost.
    min_count : int
        Tokens that occur less often become ``<unk>``.
    extra : iterable of str
        Tokens of your own, such as ``"<end>"``; they have the first numbers.

    Attributes
    ----------
    tokens : list of str
        By number: ``extra`` first, then sorted characters, or words by how often they occur. With
        ``min_count`` above 1, ``<unk>`` comes after ``extra``.

    Examples
    --------
    >>> from nn.datasets import Vocabulary
    >>> v = Vocabulary("banana")
    >>> len(v), v.encode("nab"), v.decode([1, 0, 2])
    (3, array([2, 0, 1]), 'ban')
    """

    def __init__(
        self,
        texts: str | Iterable[str],
        level: str = "character",
        min_count: int = 1,
        extra: Iterable[str] = (),
    ) -> None:
        if level not in LEVELS:
            raise ValueError(f"Vocabulary: level={level!r} is none of {', '.join(LEVELS)}")
        self.level = level
        extra = list(extra)
        if level == "byte":
            found = [chr(i) for i in range(256)]
        else:
            counts: Counter[str] = Counter()
            for text in [texts] if isinstance(texts, str) else texts:
                counts.update(self._split(text))
            found = [token for token, count in counts.items() if count >= min_count]
            found.sort(key=lambda t: t if level == "character" else (-counts[t], t))
            extra += [UNKNOWN] * (min_count > 1)
        self.tokens = extra + [token for token in found if token not in extra]
        self.numbers = {token: number for number, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, token: str) -> int:
        return self.numbers[token]

    def _split(self, text: str) -> Iterable[str]:
        if self.level == "word":
            return re.findall(r"\w+|[^\w\s]", text)
        return text if self.level == "character" else text.encode().decode("latin-1")

    def encode(self, text: str) -> np.ndarray:
        """The numbers of the tokens of a text.

        Raises
        ------
        KeyError
            For a token that is not in the vocabulary, if that has no ``<unk>``.
        """
        unknown = self.numbers.get(UNKNOWN)
        try:
            found = [self.numbers.get(t, unknown) for t in self._split(text)]
            return np.array(found, np.int64)
        except TypeError:
            token = next(t for t in self._split(text) if t not in self.numbers)
            raise KeyError(
                f"{token!r} is not in this vocabulary of {len(self)} {self.level}s; make one with "
                "min_count=2, which has <unk> for what it does not know"
            ) from None

    def decode(self, numbers: Iterable[int] | ad.Tensor) -> str:
        """The text that tokens of these numbers make."""
        raw = numbers.numpy() if isinstance(numbers, ad.Tensor) else numbers
        tokens = [self.tokens[int(number)] for number in raw]
        if self.level == "byte":
            codes = "".join(tokens)
            return codes.encode("latin-1").decode(errors="replace")
        return (" " if self.level == "word" else "").join(tokens)


class Windows(Dataset):
    """Pieces of a long sequence: items are (a window, the same moved on by one).

    Parameters
    ----------
    tokens : array of integers, shape (n,)
    length : int
        Of a window.
    stride : int, optional
        How far apart windows begin; their length if not given, so that they do not overlap.
    vocabulary : Vocabulary, optional
        Kept as an attribute.

    Examples
    --------
    >>> import numpy as np
    >>> from nn.datasets import Windows
    >>> x, y = Windows(np.arange(10), length=4)[1]
    >>> x, y
    (tensor([4, 5, 6, 7]), tensor([5, 6, 7, 8]))
    """

    draws = False

    def __init__(
        self,
        tokens: np.ndarray,
        length: int,
        stride: int | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        stride = length if stride is None else stride
        if length < 1 or stride < 1:
            raise ValueError(f"Windows: length={length} and stride={stride} must be at least 1")
        if len(tokens) <= length:
            raise ValueError(
                f"Windows: {len(tokens)} tokens make no window of length={length} and the token "
                "after it"
            )
        self.tokens = np.asarray(tokens)
        self.length, self.stride = length, stride
        self.vocabulary = vocabulary

    def __len__(self) -> int:
        return (len(self.tokens) - self.length - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[ad.Tensor, ad.Tensor]:
        x, y = self.batch(np.array([range(len(self))[index]]))
        return x[0], y[0]

    def batch(self, indices: np.ndarray) -> tuple[ad.Tensor, ad.Tensor]:
        """Windows of shape (b, length), and what comes next at each place."""
        places = (indices * self.stride)[:, None] + np.arange(self.length)
        return ad.asarray(self.tokens[places]), ad.asarray(self.tokens[places + 1])


def text(
    path: Folder,
    length: int = 64,
    stride: int | None = None,
    level: str = "character",
    vocabulary: Vocabulary | None = None,
    encoding: str = "utf-8",
) -> Windows:
    """A text file as windows of characters, bytes or words, to predict what comes next.

    Parameters
    ----------
    path : path-like
    length, stride : int
        See `Windows`.
    level : str
        "character", "byte" or "word"; see `Vocabulary`.
    vocabulary : Vocabulary, optional
        That of another text, so that numbers mean the same; its level is taken. Made from this
        text if not given, and in ``.vocabulary`` of the result.
    encoding : str
        Of the file.

    Raises
    ------
    ValueError
        If the file is not in this encoding, or shorter than one window.

    Examples
    --------
    >>> import nn, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.txt")
    >>> _ = path.write_text("to be or not to be")
    >>> data = nn.datasets.text(path, length=5)
    >>> x, y = data[0]
    >>> data.vocabulary.decode(x), data.vocabulary.decode(y)
    ('to be', 'o be ')
    """
    try:
        content = Path(path).read_text(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"text: {path} is not {encoding} at byte {error.start}; say which encoding= it has, "
            'or "latin-1", which takes any byte'
        ) from error
    vocabulary = vocabulary or Vocabulary(content, level)
    return Windows(vocabulary.encode(content), length, stride, vocabulary)


def tiny_shakespeare(
    length: int = 64, stride: int | None = None, dir: Folder | None = None
) -> tuple[Windows, Windows]:
    """A million characters of Shakespeare (Karpathy, 2015), as windows of characters.

    The file is looked for and kept as those of `mnist`, in folders ``tinyshakespeare``.

    Returns
    -------
    train, test : Windows
        Of the first nine tenths and the last, with one vocabulary of 65 characters.
    """
    content = SHAKESPEARE.read("input.txt", dir).decode()
    vocabulary = Vocabulary(content)
    tokens = vocabulary.encode(content)
    end = len(tokens) * 9 // 10
    return (
        Windows(tokens[:end], length, stride, vocabulary),
        Windows(tokens[end:], length, stride, vocabulary),
    )


def names(dir: Folder | None = None) -> list[str]:
    """The 32033 first names of Karpathy's makemore (2022), of the letters a to z.

    The file is looked for and kept as those of `mnist`, in folders ``names``.
    """
    return NAMES.read("names.txt", dir).decode().split()
