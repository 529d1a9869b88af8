"""Files that are looked for on this machine, downloaded otherwise, and checked in any case."""

import hashlib
import os
import sys
import tempfile
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 16
WIDTH = 30  # of the progress bar

Folder = str | os.PathLike[str]


@dataclass(frozen=True)
class Source:
    """The official files of a dataset.

    They are looked for in the folder given, in the folder ``name`` in ``$AUTODIFF_DATA``, and in
    the cache. What is missing is downloaded to the folder given, else to the cache. There a file
    that is damaged is replaced; anywhere else it is an error.
    """

    name: str
    mirrors: tuple[str, ...]
    checksums: Mapping[str, str]
    """The sha256 of each file."""
    anywhere: bool = False
    """Look in ``$AUTODIFF_DATA`` itself too."""

    def places(self, folder: Folder | None) -> tuple[Path, list[Path]]:
        """Where what is missing goes, and where to look before."""
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        cache = Path(home) / "autodiff" / self.name
        places = [Path(folder)] if folder is not None else []
        if data := os.environ.get("AUTODIFF_DATA"):
            places += [Path(data) / self.name] + [Path(data)] * self.anywhere
        return Path(cache if folder is None else folder), [*places, cache]

    def read(self, file: str, folder: Folder | None = None) -> bytes:
        """The content of one of the files.

        Raises
        ------
        ValueError
            If a file found is not the official one, and cannot be downloaded again.
        OSError
            If it is missing, and cannot be downloaded or written.
        """
        target, places = self.places(folder)
        for place in places:
            path = place / file
            if not path.is_file():
                continue
            content = path.read_bytes()
            if self._is_official(file, content):
                return content
            damage = (
                f"{path} is damaged or incomplete ({len(content)} bytes; its sha256 is not the "
                "official one)"
            )
            if place != target:
                raise ValueError(f"{damage}; put the official file there, or delete it")
            warnings.warn(f"{damage}; it is downloaded again", stacklevel=2)
            try:
                return self._download(file, target, places)
            except OSError as error:
                raise ValueError(f"{damage}, and cannot be replaced: {error}") from error
        return self._download(file, target, places)

    def _is_official(self, file: str, content: bytes) -> bool:
        return hashlib.sha256(content).hexdigest() == self.checksums[file]

    def _download(self, file: str, target: Path, places: list[Path]) -> bytes:
        failures = []
        for mirror in self.mirrors:
            try:
                content = b"".join(_pieces(mirror + file))
            except OSError as error:  # URLError, HTTPError, time-outs, connections cut
                failures.append(f"{mirror}: {error}")
                continue
            if self._is_official(file, content):
                _write(target / file, content)
                return content
            failures.append(f"{mirror}: sent {len(content)} bytes that are not the official file")
        raise OSError(
            f"{file} is in none of {', '.join(map(str, places))} and could not be downloaded "
            f"({'; '.join(failures)}); put it into one of these directories, or set AUTODIFF_DATA "
            "to the one that has a folder of it"
        )


def _pieces(url: str) -> Iterator[bytes]:
    """What a server sends, with a progress bar on terminals."""
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        total = int(response.headers.get("Content-Length") or 0)
        shown = sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None
        done = 0
        try:
            while piece := response.read(CHUNK):
                yield piece
                done += len(piece)
                if shown is not None:
                    shown.write("\r" + bar(url.rpartition("/")[2], done, total))
                    shown.flush()
        finally:
            if shown is not None and done:
                shown.write("\n")


def bar(name: str, done: int, total: int) -> str:
    """A line that says how much of a file is there."""
    if not total:
        return f"{name}: {done / 1e6:.1f} MB"
    full = min(WIDTH, WIDTH * done // total)
    return f"{name}: [{'#' * full:<{WIDTH}}] {done / 1e6:.1f} of {total / 1e6:.1f} MB"


def _write(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file: IO[bytes]
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
