"""What files look like from outside, without reading them: whoever sees another look reads again."""

import os
from collections.abc import Hashable, Mapping
from pathlib import Path

from features.home import Home
from serving.champions import KINDS

Looks = Mapping[str, Hashable]


def looks_of(home: Home, rules: Mapping[str, Path]) -> Looks:
    """The looks of every champion, by kind, and of every file of rules, by name: None where there is none.

    A champion looks like the version that its link names, and like that folder's files: one that is put right in its place is seen, too.
    """
    champions = {kind: _folder(home.champions / kind) for kind in KINDS}
    return {**champions, **{name: _file(path) for name, path in rules.items()}}


def _folder(link: Path) -> Hashable:
    try:
        with os.scandir(link) as entries:
            files = tuple(sorted((entry.name, _stat(entry.stat())) for entry in entries))
        return (str(link.readlink()) if link.is_symlink() else "", files)
    except FileNotFoundError:
        return None
    except OSError as error:
        return type(error).__name__


def _file(path: Path) -> Hashable:
    try:
        return _stat(path.stat())
    except OSError as error:
        return type(error).__name__


def _stat(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_mtime_ns, found.st_size, found.st_ino
