"""A file that is made step by step over seconds, and stands there whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

_PREFIX: Final = ".making-"
_LOCK: Final = ".lock"


def make_whole(path: Path, make: Callable[[Path], object]) -> None:
    """Makes the file unless it is there: `make` is called with a path in a folder of its own, from where the file is renamed to `path`.

    Stopped anywhere, the file is not there, and the next call begins anew. One at a time: others wait, and find it.
    """
    if path.exists():
        return
    with (path.parent / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_behind in path.parent.glob(f"{_PREFIX}*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        if path.exists():
            return
        folder = Path(mkdtemp(dir=path.parent, prefix=_PREFIX))
        try:
            make(folder / path.name)
            with (folder / path.name).open("rb") as file:
                os.fsync(file.fileno())
            (folder / path.name).replace(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
