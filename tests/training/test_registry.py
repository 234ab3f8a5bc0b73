"""One real SQLite store per module: opening a new one takes MLflow seconds."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from features.errors import InputError
from features.home import Home, open_home
from training import artifacts
from training import registry as registry_module
from training.making import make_whole
from training.registry import Registry


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return open_home(tmp_path_factory.mktemp("shop") / "home")


@pytest.fixture(scope="module")
def registry(home: Home) -> Registry:
    return Registry(home)


def model_folder(path: Path, kind: str, rate: float) -> Path:
    path.mkdir(parents=True)
    (path / "data.txt").write_text(f"{rate}")
    artifacts.write_model(path, {"kind": kind, "rate": rate})
    return path


def record(registry: Registry, tmp_path: Path, kind: str, rate: float) -> str:
    folder = model_folder(tmp_path / f"{kind}-{rate}", kind, rate)
    tags = {"as_of": "2011-11-09", "data_hash": "abc"}
    return registry.record(kind, folder, {"leaves": 15}, {"auc": rate}, tags, {"model_card.md": "# Card"})


def test_round_trip_promote_and_roll_back(registry: Registry, tmp_path: Path) -> None:
    assert registry.champion("churn") is None
    assert registry.versions("churn") == []
    first, second, third = (record(registry, tmp_path, "churn", rate) for rate in (0.1, 0.2, 0.3))
    assert [v.version for v in registry.versions("churn")] == [third, second, first]
    kept = registry.version("churn", first)
    assert kept.metrics == {"auc": 0.1}
    assert kept.parameters == {"leaves": "15"}
    assert kept.tags["data_hash"] == "abc"
    for version in (first, second, third):
        registry.promote("churn", version)
    champion = registry.champion("churn")
    assert champion is not None
    assert champion.version == third
    assert registry.challenger("churn") is None
    assert artifacts.read_model(registry.fetch("churn"), "churn")["rate"] == 0.3
    assert registry.rollback("churn") == second
    assert registry.rollback("churn") == first
    assert artifacts.read_model(registry.fetch("churn"), "churn")["rate"] == 0.1
    with pytest.raises(InputError, match="no earlier champion"):
        registry.rollback("churn")


def test_promoting_the_champion_again_adds_no_step_back(registry: Registry, tmp_path: Path) -> None:
    version = record(registry, tmp_path, "affinity", 0.5)
    registry.promote("affinity", version)
    registry.promote("affinity", version)
    with pytest.raises(InputError, match="no earlier champion"):
        registry.rollback("affinity")


class Stopped(BaseException):
    """What ends a change in its middle."""


def stop_at(monkeypatch: pytest.MonkeyPatch, registry: Registry, step: str) -> None:
    """The store is reached until this step."""

    def stopped(*_: object) -> None:
        raise Stopped

    monkeypatch.setattr(registry._client, step, stopped)


STEPS = ("set_registered_model_tag", "set_registered_model_alias", "delete_registered_model_alias")


@pytest.mark.parametrize("step", STEPS)
def test_a_promotion_that_was_stopped_is_ended_by_the_next(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first, second = (record(registry, tmp_path, "personas", rate) for rate in (0.1, 0.2))
    registry.promote("personas", first)
    registry._client.set_registered_model_alias("nextbest-personas", "challenger", second)
    with monkeypatch.context() as until:
        stop_at(until, registry, step)
        with pytest.raises(Stopped):
            registry.promote("personas", second)
    registry.promote("personas", second)
    assert registry.version("personas", second).aliases == ("champion",)
    assert registry.rollback("personas") == first


@pytest.mark.parametrize("step", STEPS[:2])
def test_a_rollback_that_was_stopped_goes_back_one_step_with_the_next(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first, second, third = (record(registry, tmp_path, "journey", rate) for rate in (0.1, 0.2, 0.3))
    for version in (first, second, third):
        registry.promote("journey", version)
    with monkeypatch.context() as until:
        stop_at(until, registry, step)
        with pytest.raises(Stopped):
            registry.rollback("journey")
    assert registry.rollback("journey") == second
    assert registry.version("journey", second).aliases == ("champion",)
    assert registry.rollback("journey") == first


def test_a_version_that_is_not_there_is_named_with_those_that_are(registry: Registry, tmp_path: Path) -> None:
    record(registry, tmp_path, "response", 0.5)
    with pytest.raises(InputError, match="no version 99 of nextbest-response"):
        registry.promote("response", "99")
    with pytest.raises(InputError, match="no model called chrun"):
        registry.champion("chrun")


def test_a_changed_artifact_is_refused_even_with_a_new_manifest(registry: Registry, tmp_path: Path) -> None:
    version = record(registry, tmp_path, "value", 0.5)
    folder = registry.fetch("value", version)
    (folder / "data.txt").write_text("0.9")
    with pytest.raises(InputError, match=r"data\.txt"):
        registry.fetch("value", version)
    artifacts.save_manifest(folder)
    with pytest.raises(InputError, match="not what was recorded"):
        registry.fetch("value", version)


def test_champions_are_exported_with_their_version_and_swapped(registry: Registry, tmp_path: Path) -> None:
    target = tmp_path / "champions"
    first, second = (record(registry, tmp_path, "churn", rate) for rate in (0.6, 0.7))
    registry.promote("churn", first)
    assert registry.export_champions(target)["churn"] == first
    before = (target / "churn").resolve()
    registry.promote("churn", second)
    registry.export_champions(target)
    assert artifacts.read_model(target / "churn", "churn")["version"] == second
    assert artifacts.read_model(before, "churn")["version"] == first, "a reader that still holds the old folder can finish"
    registry.export_champions(target)
    assert not list(target.rglob("*.part"))


def test_a_home_can_be_moved(registry: Registry, home: Home, tmp_path: Path) -> None:
    version = record(registry, tmp_path, "response", 0.8)
    registry.promote("response", version)
    shutil.copytree(home.root, tmp_path / "elsewhere")
    shutil.rmtree(home.mlflow / "artifacts" / "response")
    moved = Registry(open_home(tmp_path / "elsewhere"))
    assert artifacts.read_model(moved.fetch("response"), "response")["rate"] == 0.8
    again = record(moved, tmp_path, "response", 0.9)
    assert moved.fetch("response", again).is_relative_to(tmp_path / "elsewhere")


def test_no_start_without_an_address(home: Home) -> None:
    with pytest.raises(InputError, match="address is empty"):
        Registry(home, address=" ")


def test_a_damaged_folder_is_not_recorded(registry: Registry, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "damaged", "churn", 0.5)
    (folder / "more.txt").write_text("added later")
    with pytest.raises(InputError, match=r"more\.txt"):
        registry.record("churn", folder, {}, {}, {})
    (folder / artifacts.MANIFEST).write_text(json.dumps({}))
    with pytest.raises(InputError, match="no complete model"):
        artifacts.verify(folder)


def test_a_store_whose_making_was_stopped_is_made_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "make_whole", make_whole)  # no copy
    home = open_home(tmp_path / "home")

    def stop(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO _alembic_tmp"):  # a table is being made anew: MLflow would never do that again
            raise Stopped

    event.listen(Engine, "before_cursor_execute", stop)
    try:
        with pytest.raises((Stopped, InputError)):
            Registry(home)
    finally:
        event.remove(Engine, "before_cursor_execute", stop)
    assert Registry(home).versions("churn") == []
    assert sorted(path.name for path in home.mlflow.iterdir()) == [".lock", "mlflow.db"]


def test_opening_a_registry_is_silent_and_leaves_no_folder_behind(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from features.home import open_home; from training.registry import Registry;"
        "import sys; assert 'mlflow' not in sys.modules; Registry(open_home(Path('home'))).versions('churn')"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-W", "default", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == ""
    assert run.stderr == ""
    assert [p.name for p in tmp_path.iterdir()] == ["home"]
