"""Files replaced together: killed at every step on the way, what is found afterwards is all old or all new."""

import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from features.replacing import is_unfinished, put_back, replace_files

OLD = {"a": "old a", "b": "old b"}
NEW = {"a": "new a", "b": "new b", "c": "new c"}

# replaces the files, and is killed right before the given call that changes a folder or waits for the disk
KILLED_AT_A_STEP = """
import os, signal, sys
from pathlib import Path
from features.replacing import put_back, replace_files

place, what, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def counted(call):
    def counting(*given, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    return counting

for name in ("link", "mkdir", "rename", "replace", "unlink", "rmdir", "fsync"):
    setattr(os, name, counted(getattr(os, name)))
if what == "replace":
    replace_files(place / "files", {part.name: part for part in sorted((place / "parts").iterdir())})
else:
    put_back(place / "files")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return filled(tmp_path)


def filled(place: Path) -> Path:
    for folder, content in (("files", OLD), ("parts", NEW)):
        (place / folder).mkdir(parents=True)
        for name, text in content.items():
            (place / folder / name).write_text(text)
    return place


def parts(place: Path) -> dict[str, Path]:
    return {name: place / "parts" / name for name in NEW}


def found(place: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (place / "files").iterdir()}


def was_killed(place: Path, what: str, step: int) -> bool:
    done = subprocess.run([sys.executable, "-c", KILLED_AT_A_STEP, str(place), what, str(step)], check=False, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def stopped_halfway(place: Path) -> Path:
    """A place whose replacement was killed when some of the files were new."""
    for step in itertools.count():
        tried = filled(place / f"halfway-{step}")
        assert was_killed(tried, "replace", step)
        if found(tried) not in (OLD, NEW):
            return tried
    raise AssertionError


def test_all_files_are_replaced_and_nothing_is_left_beside_them(place) -> None:
    replace_files(place / "files", parts(place))
    assert found(place) == NEW
    assert sorted(path.name for path in place.iterdir()) == ["files", "parts"]


def test_nothing_to_replace_and_nothing_to_put_back(place) -> None:
    replace_files(place / "files", {})
    put_back(place / "files")
    assert found(place) == OLD


def test_a_kill_at_any_step_leaves_all_old_or_all_new_and_a_way_on(tmp_path) -> None:
    seen = []
    for step in itertools.count():
        place = filled(tmp_path / str(step))
        if not was_killed(place, "replace", step):
            break
        half = found(place)
        put_back(place / "files")
        seen.append((half in (OLD, NEW), found(place) == NEW))
        assert found(place) in (OLD, NEW)
        for name, text in NEW.items():
            (place / "parts" / name).write_text(text)
        replace_files(place / "files", parts(place))
        assert found(place) == NEW
        assert sorted(path.name for path in place.iterdir()) == ["files", "parts"]
    assert any(not whole for whole, _ in seen)
    assert [new for _, new in seen] == sorted(new for _, new in seen)  # old up to one step, new from there on
    assert {new for _, new in seen} == {False, True}


def test_putting_back_may_itself_be_killed_at_any_step(tmp_path) -> None:
    halfway = stopped_halfway(tmp_path)
    for step in itertools.count():
        place = tmp_path / str(step)
        shutil.copytree(halfway, place)
        if not was_killed(place, "put back", step):
            break
        put_back(place / "files")
        assert found(place) == OLD
        assert not is_unfinished(place / "files")
    assert step > 2
    assert found(place) == OLD


@pytest.mark.parametrize("raised", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("last", list(NEW))
def test_whatever_is_raised_on_the_way_the_old_files_stand(place, monkeypatch, last: str, raised: BaseException) -> None:
    rename, calls = os.replace, []

    def failing(old, new):
        calls.append(new)
        if len(calls) == 1 + list(NEW).index(last):
            raise raised
        rename(old, new)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(type(raised)):
        replace_files(place / "files", parts(place))
    assert found(place) == OLD
    assert not is_unfinished(place / "files")


def test_a_disk_without_second_names_keeps_copies(place, monkeypatch) -> None:
    def refused(*_given):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(os, "replace", _failing_once(os.replace, at=place / "files" / "b"))
    with pytest.raises(OSError, match="Input/output"):
        replace_files(place / "files", parts(place))
    assert found(place) == OLD
    replace_files(place / "files", parts(place) | {"a": _again(place)})
    assert found(place) == NEW


def test_a_replacement_does_not_start_over_one_that_was_stopped(tmp_path) -> None:
    place = stopped_halfway(tmp_path)
    half = found(place)
    with pytest.raises(OSError, match="not empty"):
        replace_files(place / "files", {"b": _again(place)})
    assert found(place) == half


def _again(place: Path) -> Path:
    part = place / "parts" / "again"
    part.write_text(NEW["a"])
    return part


def _failing_once(rename: Callable[..., None], *, at: Path) -> Callable[..., None]:
    failed: list[Path] = []

    def failing(old, new):
        if Path(new) == at and not failed:
            failed.append(at)
            raise OSError(errno.EIO, "Input/output error")
        rename(old, new)

    return failing
