"""The place that an ingestion works in: a folder on the home's disk, in a home that nobody else changes meanwhile."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from features.home import Home, locked
from features.replacing import put_back

_PREFIX: Final = ".ingest-"


@contextmanager
def workspace(home: Home, *, wait_seconds: float) -> Iterator[Path]:
    """An empty folder in the home, removed at the end; what ingestions that were killed left behind is put right first.

    Raises InputError if another ingestion holds the home for longer than `wait_seconds`.
    """
    with locked(home.root, wait_seconds=wait_seconds):
        put_back(home.tables)
        for left_behind in home.root.glob(f"{_PREFIX}*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        with TemporaryDirectory(dir=home.root, prefix=_PREFIX) as folder:
            yield Path(folder)
