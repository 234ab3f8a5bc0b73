"""Several files of one folder replaced together: all of them or none, even if the program is killed or the power fails halfway.

Before the first file is replaced, the old ones get second names in a folder beside theirs. Taking that folder away again is the one
step that makes the new files stay; whoever finds it puts the old files back.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_NOT_THERE: Final = ".not-there"


def replace_files(folder: Path, parts: Mapping[str, Path]) -> None:
    """Puts finished files (by name) in the place of the folder's own: all, or none if anything is raised.

    The parts must lie on the folder's disk, and be written through to it. A reader sees each file old or new, never missing.
    One at a time: the caller holds a lock, and has called `put_back` since it has it.
    """
    if not parts:
        return
    _keep_old(folder, parts)
    try:
        for name, part in parts.items():
            part.replace(folder / name)
        sync_folder(folder)
        _forget_old(folder)
    except BaseException:
        put_back(folder)
        raise


def is_unfinished(folder: Path) -> bool:
    """Whether a replacement of this folder's files is under way, or was stopped halfway."""
    return _old(folder).exists()


def put_back(folder: Path) -> None:
    """The old files in their places again, if a replacement was stopped halfway; may itself be stopped and called again."""
    if not is_unfinished(folder):
        return
    for kept in _old(folder).iterdir():
        if kept.suffix == _NOT_THERE:
            (folder / kept.stem).unlink(missing_ok=True)
        else:
            kept.replace(folder / kept.name)
    sync_folder(folder)
    _forget_old(folder)


def sync_folder(folder: Path) -> None:
    """Writes the folder's list of names through to the disk: renames before this outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}-before")


def _draft(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}-before.part")


def _keep_old(folder: Path, names: Iterable[str]) -> None:
    """All old files under second names; the folder of these gets its own name when it is whole."""
    draft = _draft(folder)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for name in names:
        if (folder / name).exists():
            _second_name(folder / name, draft / name)
        else:
            (draft / f"{name}{_NOT_THERE}").touch()
    sync_folder(draft)
    draft.rename(_old(folder))
    sync_folder(folder.parent)


def _second_name(path: Path, second: Path) -> None:
    try:
        second.hardlink_to(path)
    except OSError:  # a disk without second names, such as a memory card or a network drive
        shutil.copyfile(path, second)
        with second.open("rb") as file:
            os.fsync(file.fileno())


def _forget_old(folder: Path) -> None:
    _old(folder).rename(_draft(folder))
    sync_folder(folder.parent)
    shutil.rmtree(_draft(folder), ignore_errors=True)
