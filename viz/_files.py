"""Files that appear whole or not at all."""

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write the whole file or nothing: under another name first, then renamed.

    Raises
    ------
    OSError
        Of the usual kind (``FileNotFoundError``, ``PermissionError``), naming the path.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():  # a folder (refused), a pipe, /dev/null
            target.write_bytes(data)
            return
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(13, "the file is read-only")
        draft = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            draft.write_bytes(data)
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot write the file: {error.strerror}; give a path in a folder that exists "
            "and is writable",
            str(path),
        ) from error
