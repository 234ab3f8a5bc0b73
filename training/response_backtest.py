"""The backtest of response: what the older decisions teach, asked of newer ones, beside what the catalogue believes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contacts import OUTCOME_WINDOW_DAYS
from training.response import ANSWERED, ResponseModel

Floats = NDArray[np.float64]
TEST_SHARE: Final = 0.2


@dataclass(frozen=True)
class ResponseBacktest:
    """The decisions tested, and each one's squared error by the rates learned and by the catalogue's priors alone."""

    rows: pd.DataFrame
    losses: Floats
    naive: Floats
    priors: Mapping[str, float]

    def losses_of(self, model: ResponseModel) -> Floats:
        """Another model's squared errors on the same decisions, asked with the same priors, as serving asks it."""
        return _losses(self.rows, model, self.priors)


def backtest_response(table: pd.DataFrame, priors: Mapping[str, float]) -> ResponseBacktest:
    """Tests the newest fifth of `table` (features.contacts.response_table) on decisions whose outcomes were all known before it.

    Without such decisions there are no rows.
    """
    if table.empty:
        return _backtest(table, table, priors)
    newest = table[table["decided_at"] >= table["decided_at"].quantile(1.0 - TEST_SHARE)]
    older = table[table["decided_at"] < newest["decided_at"].min() - timedelta(days=OUTCOME_WINDOW_DAYS)]
    return _backtest(older, newest, priors)


def backtest_since(table: pd.DataFrame, known: pd.DataFrame, priors: Mapping[str, float]) -> ResponseBacktest:
    """Tests the decisions of `table` that are not in `known`, the table of an earlier time, on `known`: what a model of that time could know."""
    return _backtest(known, table[~table["decision_id"].isin(known["decision_id"])], priors)


def _backtest(learned_from: pd.DataFrame, rows: pd.DataFrame, priors: Mapping[str, float]) -> ResponseBacktest:
    if learned_from.empty or rows.empty:
        return ResponseBacktest(rows.head(0), np.zeros(0), np.zeros(0), priors)
    model = ResponseModel().fit(learned_from, priors, as_of=rows["decided_at"].min().to_pydatetime())
    believed = np.array([priors.get(action, 0.0) for action in rows["action_id"]])
    return ResponseBacktest(rows, _losses(rows, model, priors), (believed - rows[ANSWERED].to_numpy(float)) ** 2, priors)


def _losses(rows: pd.DataFrame, model: ResponseModel, priors: Mapping[str, float]) -> Floats:
    pairs = zip(rows["action_id"], rows["stage"], strict=True)
    learned = [model.probability(action, stage if isinstance(stage, str) else None, priors.get(action, 0.0)) for action, stage in pairs]
    return np.asarray((np.asarray(learned, float) - rows[ANSWERED].to_numpy(float)) ** 2)
