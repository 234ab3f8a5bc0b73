"""Brings a recorded model to where serving reads it, in one step: a reader sees the old model whole or the new one whole."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from features.errors import InputError
from training import artifacts

_STORE: Final = ".versions"
_LOCK: Final = ".lock"


def link_version(folder: Path, target: Path, kind: str, version: str) -> Path:
    """Makes target/<kind> point at a copy of `folder`; returns target/<kind>.

    The copy before stays, for a reader that is still at it; older ones go, and so does what an export left that was stopped. The same version twice
    changes nothing.
    """
    store = target / _STORE
    store.mkdir(parents=True, exist_ok=True)
    link = target / kind
    with _alone(store):
        copy = store / f"{kind}-{version}-{artifacts.manifest_hash(folder)[:8]}"
        if not _whole(copy):
            _copy(folder, copy)
        before = link.resolve() if link.is_symlink() else None
        if before != copy.resolve():
            _swap(link, Path(_STORE) / copy.name)
            _drop(store, kind, keep={copy.resolve(), before})
    return link


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """One at a time: what is unfinished here then is of somebody who was killed, and may be swept away."""
    with (store / _LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _whole(copy: Path) -> bool:
    try:
        artifacts.verify(copy)
    except InputError:
        shutil.rmtree(copy, ignore_errors=True)
        return False
    return True


def _copy(folder: Path, copy: Path) -> None:
    part = copy.with_name(f"{copy.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        shutil.copytree(folder, part)
        for path in part.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        part.replace(copy)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _swap(link: Path, to: Path) -> None:
    part = link.with_name(f".{link.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(to, target_is_directory=True)
    part.replace(link)


def _drop(store: Path, kind: str, keep: set[Path | None]) -> None:
    for link in store.parent.glob(f".{kind}.*.part"):
        link.unlink(missing_ok=True)
    for old in store.glob(f"{kind}-*"):
        if old.resolve() not in keep:
            shutil.rmtree(old, ignore_errors=True)
