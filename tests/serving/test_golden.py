"""Every kind of model is asked again when it is loaded, and is refused if it says something else."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from features.errors import InputError
from features.journey import load_stages
from training import artifacts, golden
from training.journey.gathering import gather_panel
from training.journey_value import JourneyValues
from training.loading import KINDS, load
from training.segments.personas import PersonaModel

NOW = datetime(2025, 3, 1)


@pytest.fixture(scope="session")
def proven(known: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a model of this kind, with its golden predictions; not to be changed."""
    root = tmp_path_factory.mktemp("proven")

    def folder_of(kind: str) -> Path:
        folder = root / kind
        if not folder.exists():
            if (known.models / kind).exists():
                shutil.copytree((known.models / kind).resolve(), folder)
            else:
                folder.mkdir()
                _learned(kind, known).save(folder)
            golden.write(folder, kind, load(kind, folder, threads=1).model)
        return folder

    return folder_of


def _learned(kind: str, known: Any) -> Any:
    if kind == "personas":
        return PersonaModel().fit(known.frame, as_of=NOW)
    return JourneyValues().fit(gather_panel(known.tables, NOW, load_stages()), as_of=NOW)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_says_the_same_is_proven_and_has_something_to_say(kind: str, proven: Callable[[str], Path]) -> None:
    folder = proven(kind)
    answers = json.loads((folder / golden.GOLDEN).read_text())["answers"]
    assert load(kind, folder, threads=1).is_proven
    assert all(answers.values())
    assert any(len({json.dumps(one) for one in said}) > 2 for said in answers.values())


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_differs_is_refused_by_name(kind: str, proven: Callable[[str], Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(proven(kind), tmp_path / kind))
    path = folder / golden.GOLDEN
    kept = json.loads(path.read_text())
    name, said = next((name, said) for name, said in kept["answers"].items() if said[0] is not None)
    said[0] = changed(said[0])
    path.write_text(json.dumps(kept))
    artifacts.save_manifest(folder)
    with pytest.raises(InputError, match=rf"does not say what it said.*1 of {len(said)} answers differ, first {name}\[0\]"):
        load(kind, folder, threads=1)


def changed(said: Any) -> Any:
    """By a little more than what is tolerated."""
    if isinstance(said, list):
        return [said[0], said[1] * (1 + 2 * golden.FLOAT32_TOLERANCE)]
    return said * (1 + 2 * golden.TOLERANCE) if isinstance(said, float) else f"{said}?"


def test_a_folder_without_golden_predictions_is_usable_but_not_proven(proven: Callable[[str], Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(proven("churn"), tmp_path / "churn"))
    (folder / golden.GOLDEN).unlink()
    artifacts.save_manifest(folder)
    assert not load("churn", folder, threads=1).is_proven


def test_the_program_that_reads_it_differently_is_found(proven: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = proven("response")
    monkeypatch.setattr("training.response.PRIOR_STRENGTH", 20.001)
    with pytest.raises(InputError, match="does not say what it said"):
        load("response", folder)


@pytest.mark.parametrize("text", ["", "{", '{"kind": "churn"}', "[]"])
def test_whatever_is_wrong_with_a_folder_is_said(text: str, proven: Callable[[str], Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(proven("value"), tmp_path / "value"))
    (folder / golden.GOLDEN).write_text(text)
    artifacts.save_manifest(folder)
    with pytest.raises(InputError, match="cannot be read as a value model"):
        load("value", folder, threads=1)
