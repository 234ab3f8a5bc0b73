"""A champion that is replaced while it is read is one version or the other, never parts of both."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from features.home import open_home
from serving import champions
from serving.log import Log
from training.artifacts import stamp
from training.churn import ChurnModel
from training.export import link_version
from training.loading import Loaded, load


def test_a_model_that_learned_from_features_of_another_version_is_left_out(known: Any, tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    model = ChurnModel.load((known.models / "churn").resolve())
    model.feature_names = (*model.feature_names, "moon_phase")
    folder = tmp_path / "version-1"
    folder.mkdir()
    model.save(folder)
    stamp(folder, "1")
    link_version(folder, home.champions, "churn", "1")
    found = champions.load_champions(home, Log())
    assert found.churn is None
    assert "learned from moon_phase" in found.missing["churn"]
    assert "nextbest train" in found.missing["churn"]


def test_a_champion_replaced_in_the_middle_is_read_whole(known: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = open_home(tmp_path / "home")
    folders = {version: tmp_path / f"version-{version}" for version in ("1", "2")}
    for version, folder in folders.items():
        shutil.copytree((known.models / "churn").resolve(), folder)
        stamp(folder, version)
    link_version(folders["1"], home.champions, "churn", "1")

    def replaced_while_read(kind: str, folder: Path, *, threads: int) -> Loaded:
        found = load(kind, folder, threads=threads)
        link_version(folders["2"], home.champions, "churn", "2")
        return found

    monkeypatch.setattr(champions, "load", replaced_while_read)
    first = champions.load_champions(home, Log(), not_after=datetime(2025, 3, 1), kinds=["churn"])
    again = champions.load_champions(home, Log(), not_after=datetime(2025, 3, 1), kinds=["churn"])
    assert first.churn is not None
    assert (first.version("churn"), again.version("churn")) == ("1", "2")
