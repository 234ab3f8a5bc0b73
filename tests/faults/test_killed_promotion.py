"""A promotion or a rollback that is killed (kill -9) at any of its steps: servers read one model whole, and the next run ends what it began."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.home import Home, open_home
from serving.cli.main import app
from training import artifacts, golden
from training.loading import load
from training.registry import Registry
from training.response import ResponseModel

LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
pytestmark = [pytest.mark.slow, LONG]
KIND = "response"

# What it does is the product's own; the hooks only say when it ends: before the change of a file of champions, or before a commit to the registry.
# One process imports what a command needs, and each command is a fork of it.
PROGRAM = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from serving.cli.main import main
import mlflow.tracking, training.loading, training.registry
left = []

def reached():
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1

def heard(name, given):
    told = " ".join(map(str, given))
    if name in ("shutil.copytree", "shutil.copyfile", "os.symlink", "os.rename", "shutil.rmtree") and "champions" in told:
        reached()

def changed(connection, cursor, statement, *_):
    connection.info["changed"] = connection.info.get("changed") or not statement.lstrip().upper().startswith(("SELECT", "PRAGMA"))

def committed(connection):
    if connection.info.pop("changed", False):
        reached()

for line in sys.stdin:
    number, *sys.argv[1:] = line.split()
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.dup2(2, 1)
    left.append(int(number))
    event.listen(Engine, "before_cursor_execute", changed)
    event.listen(Engine, "commit", committed)
    sys.addaudithook(heard)
    main()
    os._exit(0)
"""
Killed = Callable[[Home, Sequence[str], int], bool]


@pytest.fixture(scope="module")
def killed() -> Iterator[Killed]:
    """Whether a command came to the step of this number, and was killed there."""
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as commands:
        asked, answers = commands.stdin, commands.stdout
        assert asked is not None
        assert answers is not None

        def run(home: Home, arguments: Sequence[str], number: int) -> bool:
            print(number, "--home", home.root, *arguments, file=asked, flush=True)
            code = int(answers.readline())
            assert code in (0, -signal.SIGKILL)
            return code == -signal.SIGKILL

        yield run
        asked.close()


def version(registry: Registry, folder: Path, answered: list[bool]) -> str:
    """Registers a model that learned from these answers."""
    folder.mkdir()
    rows = {"action_id": "letter", "stage": "retention", "answered": answered, "unsubscribed": False}
    model = ResponseModel().fit(pd.DataFrame(rows), {"letter": 0.1}, as_of=datetime(2025, 1, 1))
    model.save(folder)
    golden.write(folder, KIND, model)
    artifacts.save_manifest(folder)
    return registry.record(KIND, folder, {}, {}, {"as_of": "2025-01-01T00:00:00", "data_hash": "x"})


@pytest.fixture
def kept(tmp_path: Path) -> Home:
    """A home with three versions, of which the second is champion, after the first."""
    home = open_home(tmp_path / "kept")
    registry = Registry(home)
    for number, answered in enumerate(([True], [False], [True, False]), start=1):
        version(registry, tmp_path / f"version-{number}", answered)
    for each in "12":
        registry.promote(KIND, each)
        registry.export_champions(home.champions)
    return home


def served(home: Home) -> str:
    """The version that servers read; it is whole, and says what it said when it was trained."""
    folder = (home.champions / KIND).resolve()
    assert load(KIND, folder).is_proven
    return str(artifacts.read_model(folder, KIND)["version"])


def copies(kept: Home, where: Path) -> Iterator[tuple[int, Home]]:
    """The same home again and again, with the number of the step."""
    for number in range(100):
        shutil.copytree(kept.root, where / str(number), symlinks=True)
        yield number, open_home(where / str(number))
        shutil.rmtree(where / str(number))


@pytest.mark.parametrize(("arguments", "wanted", "before"), [(("promote", KIND, "3"), "3", "2"), (("rollback", KIND), "1", None)])
def test_a_change_of_champion_that_is_killed_is_ended_by_the_next_run(
    killed: Killed, kept: Home, tmp_path: Path, arguments: tuple[str, ...], wanted: str, before: str | None
) -> None:
    steps, seen = 0, set()
    for number, home in copies(kept, tmp_path / "copies"):
        if not killed(home, arguments, number):
            break
        steps += 1
        seen.add(served(home))
        app(["--home", str(home.root), *arguments], standalone_mode=False)
        assert served(home) == wanted
        registry = Registry(home)
        assert registry.version(KIND, wanted).aliases == ("champion",)
        assert registry._history(KIND)[-2:] == ([before, wanted] if before else [wanted])
        assert not [path.name for path in home.champions.rglob("*") if ".part" in path.name]
    assert steps >= 4, "it came to many steps"
    assert seen == {"2", wanted}, "servers had the one before or the one wanted"
