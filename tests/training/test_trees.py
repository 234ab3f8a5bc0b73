"""Trees asked through LightGBM's library say, to the last digit, what its own package says."""

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


@pytest.mark.parametrize("missing", [{"use_missing": False}, {"zero_as_missing": True}, {}])
def test_groups_and_what_is_missing_are_read_as_the_package_reads_them(missing: dict[str, bool]) -> None:
    rng = np.random.default_rng(5)
    X = np.column_stack([rng.integers(0, 9, 600), rng.normal(size=600), rng.integers(0, 3, 600)]).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.isin(X[:, 0], (1, 4, 7)) ^ (np.nan_to_num(X[:, 1]) > 0)).astype(float)
    given = {"objective": "binary", "min_data_in_leaf": 5, "min_data_per_group": 5, "verbose": -1, "num_threads": 1, **missing}
    booster = lightgbm.train(given, lightgbm.Dataset(X, y, categorical_feature=[0]), 15)
    text = booster.model_to_string()
    assert any(each.startswith("num_cat=") and each != "num_cat=0" for each in text.splitlines())  # it does split by groups
    asked = np.vstack([X, [[99.0, 0.0, 0.0], [-1.0, np.inf, 0.0], [4.5, -np.inf, 1.0], [np.nan] * 3]])
    trees = Trees(text)
    assert np.array_equal(trees.predict(asked, threads=1), booster.predict(asked, num_threads=1))
    assert np.array_equal(trees.contributions(asked, threads=1), booster.predict(asked, pred_contrib=True, num_threads=1))
    assert np.array_equal(np.concatenate([trees.predict(row[None], threads=1) for row in asked]), booster.predict(asked, num_threads=1))


def test_what_are_no_trees_is_said(tmp_path: Path) -> None:
    text = grown("binary")[0].model_to_string()
    for broken in ("", "tree", "feature_names=a b\n", text[: len(text) // 2]):
        with pytest.raises(InputError, match="trees"):
            Trees(broken)
    (tmp_path / "trees.txt").write_text(text, encoding="utf-8")
    assert Trees.read(tmp_path / "trees.txt").text == text
