"""The home's tables as they are at one moment, for long readers: what others write meanwhile is not seen."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, TextIO

from features.contract import TABLES
from features.home import Home, locked
from features.replacing import put_back

_PREFIX: Final = ".reading-"
_IN_USE: Final = "in-use"


@contextmanager
def pinned(home: Home, *, wait_seconds: float, when_pinned: Callable[[], None] = lambda: None) -> Iterator[Home]:
    """A home whose tables are those of this moment, until the block ends: second names of the same files, or copies on a disk without such names.

    `when_pinned` is called while nobody may change the tables. Raises InputError if somebody changes them for longer than `wait_seconds`.
    """
    with locked(home.root, wait_seconds=wait_seconds):
        put_back(home.tables)
        _remove_abandoned(home)
        folder = Path(mkdtemp(dir=home.root, prefix=_PREFIX))
        in_use = (folder / _IN_USE).open("w")
        fcntl.flock(in_use, fcntl.LOCK_EX)
        found = replace(home, root=folder)
        found.tables.mkdir()
        for name in TABLES:
            if home.table(name).exists():
                _second_name(home.table(name), found.table(name))
        when_pinned()
    try:
        yield found
    finally:
        _remove(folder, in_use)


def _second_name(path: Path, second: Path) -> None:
    try:
        os.link(path, second)
    except OSError:
        shutil.copyfile(path, second)


def _remove(folder: Path, in_use: TextIO) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    in_use.close()


def _remove_abandoned(home: Home) -> None:
    """What a killed reader left: nobody holds the lock in it any more."""
    for folder in home.root.glob(f"{_PREFIX}*"):
        with suppress(OSError), (folder / _IN_USE).open("a") as in_use:
            fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
