"""Tables in text files."""

import csv as reader
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data import TensorDataset
from .fetching import Folder

MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}  # in lower case

Column = str | int
Row = tuple[int, list[str]]  # with the number of its line


class Table(TensorDataset):
    """Columns of numbers: items are (features,), or (features, target).

    Attributes
    ----------
    columns : list of str
        The names of the features; their positions where the file has no header.
    classes : list of str or None
        What the numbers of the target mean, where it was text.
    """

    def __init__(self, *arrays: np.ndarray, columns: list[str], classes: list[str] | None) -> None:
        super().__init__(*arrays)
        self.columns = columns
        self.classes = classes


def csv(
    path: Folder,
    target: Column | None = None,
    *,
    columns: Sequence[Column] | None = None,
    header: bool | None = None,
    dtype: Any = np.float32,
    missing: str | float | None = None,
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
) -> Table:
    r"""Read a table of numbers.

    Parameters
    ----------
    path : path-like
    target : str or int, optional
        The column to predict, by its name or position; -1 is the last. Text becomes class numbers
        in sorted order and whole numbers int64, anything else ``dtype``.
    columns : sequence of str or int, optional
        The features; all columns but the target if not given.
    header : bool, optional
        Whether the first line has names; if not given, it has where none of it is a number.
    dtype : dtype
        Of the features.
    missing : float or "drop", optional
        A number to put where a feature is missing (empty, NA, NaN, null, None or ?), or "drop" to
        leave such lines out, and those without a target. Otherwise they are an error.
    delimiter, encoding : str

    Returns
    -------
    Table
        A dataset of features of shape (n, number of columns), and the target of shape (n,).

    Raises
    ------
    ValueError
        Naming file, line and column: for what is no number, is missing, or a line that is too
        short or too long.

    Examples
    --------
    >>> import nn, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "flowers.csv")
    >>> _ = path.write_text("length,width,kind\n5.5,3.5,setosa\n6.5,3.0,virginica\n")
    >>> data = nn.datasets.csv(path, "kind")
    >>> data.columns, data.classes
    (['length', 'width'], ['setosa', 'virginica'])
    >>> data[1]
    (tensor([6.5, 3. ]), tensor(1))
    """
    if isinstance(missing, str) and missing != "drop":
        raise ValueError(f'csv: missing={missing!r} must be a number or "drop"')
    rows = _rows(Path(path), delimiter, encoding)
    if not rows:
        raise ValueError(f"{path} has no rows")
    first = rows[0][1]
    if header is None:
        header = not any(_is_number(field) for field in first)
    names = first if header else [str(i) for i in range(len(first))]
    rows = rows[header:]
    aim = None if target is None else _position(path, names, target)
    chosen = (
        [i for i in range(len(names)) if i != aim]
        if columns is None
        else [_position(path, names, column) for column in columns]
    )
    if missing == "drop":
        needed = [*chosen, *([] if aim is None else [aim])]
        rows = [row for row in rows if not any(_is_missing(row[1][i]) for i in needed)]
    features = np.empty((len(rows), len(chosen)), dtype)
    for k, i in enumerate(chosen):
        features[:, k] = list(_numbers(path, rows, i, names[i], missing))
    arrays, classes = [features], None
    if aim is not None:
        goal, classes = _target(path, rows, aim, names[aim], dtype)
        arrays.append(goal)
    return Table(*arrays, columns=[names[i] for i in chosen], classes=classes)


def _rows(path: Path, delimiter: str, encoding: str) -> list[Row]:
    """The lines that are not empty, all of one length."""
    rows: list[Row] = []
    with path.open(newline="", encoding=encoding) as file:
        lines = reader.reader(file, delimiter=delimiter)
        for fields in lines:
            if not fields:
                continue
            if rows and len(fields) != len(rows[0][1]):
                raise ValueError(
                    f"{path}, line {lines.line_num}: {len(fields)} fields, where line "
                    f"{rows[0][0]} has {len(rows[0][1])}"
                )
            rows.append((lines.line_num, [field.strip() for field in fields]))
    return rows


def _position(path: Folder, names: list[str], column: Column) -> int:
    if isinstance(column, str):
        if names.count(column) == 1:
            return names.index(column)
        raise ValueError(
            f"{path} has {names.count(column) or 'no'} columns {column!r}; it has "
            f"{', '.join(names)}"
        )
    if not -len(names) <= column < len(names):
        raise ValueError(f"{path} has no column {column}; it has {len(names)}")
    return column % len(names)


def _numbers(
    path: Folder, rows: list[Row], i: int, name: str, missing: str | float | None
) -> Iterator[float]:
    for line, fields in rows:
        if _is_missing(fields[i]):
            if missing is None:
                raise ValueError(
                    f"{path}, line {line}: the value of column {name!r} is missing; pass a number "
                    'to put there as missing=, or missing="drop" to leave such lines out'
                )
            yield float(missing)
            continue
        try:
            yield float(fields[i])
        except ValueError:
            raise ValueError(
                f"{path}, line {line}: {fields[i]!r} in column {name!r} is no number; choose "
                "others with columns="
            ) from None


def _target(
    path: Folder, rows: list[Row], i: int, name: str, dtype: Any
) -> tuple[np.ndarray, list[str] | None]:
    fields = [row[1][i] for row in rows]
    if all(map(_is_number, fields)):
        values = np.array(list(_numbers(path, rows, i, name, None)))
        whole = not any("." in f or "e" in f.lower() for f in fields)
        return values.astype(np.int64 if whole else dtype), None
    for line, row in rows:
        if _is_missing(row[i]):
            raise ValueError(f"{path}, line {line}: the target {name!r} is missing")
    classes, numbers = np.unique(fields, return_inverse=True)
    return numbers.astype(np.int64), classes.tolist()


def _is_missing(field: str) -> bool:
    return field.lower() in MISSING


def _is_number(field: str) -> bool:
    try:
        return float(field) == float(field)
    except ValueError:
        return False
