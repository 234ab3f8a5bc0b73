"""A promotion or a rollback that is killed (kill -9) at a write or a rename leaves one champion, whole, and the next one ends what it began."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from features.home import Home, open_home
from training import artifacts
from training.registry import Registry

LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
pytestmark = [pytest.mark.slow, LONG]
RATES = {"1": 0.1, "2": 0.2}

# What it does is the product's own; the hooks only say when it ends, and are told of a write or a rename before it is done.
PROGRAM = """
import os, signal, sys
from pathlib import Path
root, what, number = sys.argv[1:]
left = [int(number)]

def reached(*_):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1

from sqlalchemy import event
from sqlalchemy.engine import Engine
from features.home import open_home
from training.registry import Registry
home = open_home(Path(root))
registry = Registry(home)
registry.champion("churn")
event.listen(Engine, "before_cursor_execute", lambda *given: given[2].split()[0] in ("INSERT", "UPDATE", "DELETE") and reached())
sys.addaudithook(lambda name, given: name == "os.rename" and "champions" in str(given[1]) and reached())
registry.promote("churn", "2") if what == "promote" else registry.rollback("churn")
registry.export_champions(home.champions)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """With two versions of a model, the first of them champion."""
    home = open_home(tmp_path / "home")
    registry = Registry(home)
    for version, rate in RATES.items():
        folder = tmp_path / version
        folder.mkdir()
        artifacts.write_model(folder, {"kind": "churn", "rate": rate})
        assert registry.record("churn", folder, {}, {}, {"as_of": "2025-03-01"}) == version
    promoted(home, "1")
    return home


def promoted(home: Home, version: str) -> None:
    registry = Registry(home)
    registry.promote("churn", version)
    registry.export_champions(home.champions)


def killed(home: Home, what: str, number: int) -> bool:
    """Whether it came to so many writes and renames, and was killed there."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(home.root), what, str(number)], capture_output=True, text=True, check=False)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode == -signal.SIGKILL


def served(home: Home) -> str:
    """The version that servers read; whole."""
    folder = (home.champions / "churn").resolve()
    artifacts.verify(folder)
    model = artifacts.read_model(folder, "churn")
    assert model["rate"] == RATES[str(model["version"])]
    return str(model["version"])


def champion(home: Home) -> str:
    found = Registry(home).champion("churn")
    assert found is not None
    return found.version


def leavings(home: Home) -> list[Path]:
    return [path for path in home.champions.rglob("*") if ".part" in path.name]


def test_a_promotion_that_is_killed_is_ended_by_the_next_one_and_rolled_back_as_ever(home: Home) -> None:
    number, champions = 0, set[str]()
    while killed(home, "promote", number):
        champions.add(champion(home))
        assert served(home) in RATES
        promoted(home, "2")
        assert (champion(home), served(home), leavings(home)) == ("2", "2", [])
        registry = Registry(home)
        assert registry.rollback("churn") == "1"
        registry.export_champions(home.champions)
        assert (champion(home), served(home)) == ("1", "1")
        number += 1
    assert champions == set(RATES), "killed before and behind what makes it champion"
    assert (champion(home), served(home)) == ("2", "2")


def test_a_rollback_that_is_killed_leads_to_no_other_version_than_the_one_before(home: Home) -> None:
    number, champions = 0, set[str]()
    promoted(home, "2")
    while killed(home, "rollback", number):
        champions.add(champion(home))
        registry = Registry(home)
        if champion(home) == "2":
            assert registry.rollback("churn") == "1"
        registry.export_champions(home.champions)
        assert (champion(home), served(home), leavings(home)) == ("1", "1", [])
        promoted(home, "2")
        number += 1
    assert champions == set(RATES)
