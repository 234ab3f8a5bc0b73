"""The shape of the churn model's trees, tuned by Optuna within strong regularisation, on the folds of the time-ordered backtest but the
newest, which the chosen shape is then measured on.

Akiba et al. (2019), Optuna: A Next-generation Hyperparameter Optimization Framework; the sampler is the tree-structured Parzen estimator.
The first trial is the usual shape, and it stays unless another is clearly better: a short search on one shop finds luck before it
finds a better shape.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray

from features.contract import CUSTOMER_ID
from features.learnable import learnable
from training import calibration
from training.churn import LEAST_TREES
from training.churn_backtest import counted, masks_of
from training.churn_choice import Found, clearly_better
from training.churn_members import SHAPE, Trees, row_weights
from training.splits import customer_parts

Floats = NDArray[np.float64]
Fold = tuple[pd.DataFrame, pd.DataFrame]
ROUNDS: Final = 150
MOST_ROWS: Final = 40_000  # to learn from, per fold: beyond it customers are drawn, since shapes rank alike on a part of them
MARGIN: Final = 2.0  # standard errors by which the best of many must be better
SEED: Final = 20

Report = Callable[[int], None]


def tune(panel: pd.DataFrame, *, horizon_days: int, trials: int, threads: int = 0, report: Report = lambda _: None) -> Mapping[str, Any]:
    """Parameters that stand over boosting.PARAMETERS; SHAPE without trials, or where nothing but the newest test could tell shapes apart.

    `report` is told the number of trials done.
    """
    folds = [_drawn(panel, mask, test) for mask, test in masks_of(panel, horizon_days)[0]]
    folds = [(train, rows) for train, rows in folds[:-1] if _rarer(train) >= LEAST_TREES and len(rows)]
    if trials < 2 or not folds:
        return SHAPE
    shapes: list[tuple[Mapping[str, Any], Found]] = []

    def objective(trial: optuna.Trial) -> float:
        shape = _suggested(trial, len(folds[-1][0]))
        found = _found(folds, shape, horizon_days, threads)
        shapes.append((shape, found))
        report(1 + len(shapes))
        return found.brier

    usual = _found(folds, SHAPE, horizon_days, threads)
    report(1)
    study = _study()
    study.optimize(objective, n_trials=trials - 1)
    best, found = min(shapes, key=lambda pair: pair[1].brier)
    return best if clearly_better(found, usual, margin=MARGIN) else SHAPE


def _suggested(trial: optuna.Trial, rows: int) -> dict[str, Any]:
    """Strongly regularised shapes only: few leaves, small steps, leaves that hold a good part of the rows."""
    least = trial.suggest_float("leaf_share", 0.002, 0.04, log=True)
    return {
        "num_leaves": trial.suggest_int("num_leaves", 4, 15),
        "min_data_in_leaf": int(np.clip(least * rows, 10, 1_000)),
        "lambda_l2": trial.suggest_float("lambda_l2", 1.0, 100.0, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.15, 0.7),
        "learning_rate": trial.suggest_float("learning_rate", 0.015, 0.045, log=True),
    }


def _found(folds: list[Fold], shape: Mapping[str, Any], horizon_days: int, threads: int) -> Found:
    """Squared errors at the right level, fold by fold: the level is the other members' and the calibrator's work, too."""
    return Found([_losses(train, rows, shape, horizon_days, threads) for train, rows in folds], float("nan"))


def _losses(train: pd.DataFrame, rows: pd.DataFrame, shape: Mapping[str, Any], horizon_days: int, threads: int) -> Floats:
    trees = Trees.fit(train, learnable(train), ROUNDS, shape=shape, weights=row_weights(train, horizon_days), threads=threads)
    rows = rows[counted(rows, horizon_days)]
    y, z = rows["churned"].to_numpy(float), calibration.log_odds(trees.predict(rows))
    return np.asarray((y - calibration.probability(z + calibration.level_shift(z, float(y.mean())))) ** 2)


def _drawn(panel: pd.DataFrame, learn: pd.Series, test: pd.Series) -> Fold:
    """A fold's rows to learn from, of so many customers that they are not too many, and to be tested on."""
    train = panel[learn]
    parts = -(-len(train) // MOST_ROWS)
    return (train if parts <= 1 else train[customer_parts(train[CUSTOMER_ID], parts) == 0]), panel[test]


def _rarer(train: pd.DataFrame) -> float:
    return min(float(train["churned"].sum()), float((1.0 - train["churned"]).sum()))


def _study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED, n_startup_trials=5))
