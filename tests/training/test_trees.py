"""Trees asked through LightGBM's library say, to the last digit, what its own package says."""

import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from features.errors import InputError
from training.trees import Trees

OBJECTIVES = ("binary", "tweedie", "poisson", "lambdarank")


def grown(objective: str, rows: int = 400, columns: int = 7) -> tuple[lightgbm.Booster, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(rows, columns))
    X[rng.random(X.shape) < 0.2] = np.nan
    y = (np.nan_to_num(X[:, 0]) + rng.normal(size=rows) > 0).astype(float)
    group = [rows // 20] * 20 if objective == "lambdarank" else None
    given = {"objective": objective, "num_leaves": 7, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1, "seed": 1}
    return lightgbm.train(given, lightgbm.Dataset(X, y, group=group), 12), X


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_they_say_what_the_package_says(objective: str) -> None:
    booster, X = grown(objective)
    trees = Trees(booster.model_to_string())
    assert list(trees.feature_names) == booster.feature_name()
    for rows in (X, X[:1], X[::3], np.asfortranarray(X), X.astype(np.float32), np.full((2, X.shape[1]), np.nan), X[:0]):
        if len(rows):
            assert np.array_equal(trees.predict(rows, threads=1), booster.predict(np.ascontiguousarray(rows), num_threads=1))
            assert np.array_equal(trees.predict(rows, rounds=5), booster.predict(np.ascontiguousarray(rows), num_iteration=5))
    assert np.array_equal(trees.contributions(X, threads=1), booster.predict(X, pred_contrib=True, num_threads=1))
    assert np.array_equal(trees.gains(), booster.feature_importance("gain"))
    assert Trees(trees.text).text == trees.text


def test_what_are_no_trees_is_said(tmp_path: Path) -> None:
    text = grown("binary")[0].model_to_string()
    for broken in ("", "tree", "feature_names=a b\n", text[: len(text) // 2]):
        with pytest.raises(InputError, match="trees"):
            Trees(broken)
    (tmp_path / "trees.txt").write_text(text, encoding="utf-8")
    assert Trees.read(tmp_path / "trees.txt").text == text


def test_a_server_brings_in_nothing_that_only_training_needs() -> None:
    heavy = ("sklearn", "lightgbm", "implicit", "scipy.stats", "scipy.optimize", "mlflow", "ibis", "duckdb", "optuna", "alembic")
    told = f"import sys, serving.app; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.strip() == "[]"
