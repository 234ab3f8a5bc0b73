"""What the churn and value models are compared with: plain and strong models that a data scientist would try first, on the same material."""

from collections.abc import Mapping
from typing import Final

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.churn_truth import YEAR_DAYS
from features.contract import AS_OF
from features.learnable import learnable
from training.boosting import Boosted
from training.churn_members import BG_NBD, PARETO_NBD, Buying
from training.clv import bg_nbd, gamma_gamma
from training.clv.columns import recency_frequency_time
from training.clv.next_order import days_to_next_order
from training.material import Material
from training.rfm import RfmLogistic

Floats = NDArray[np.float64]
RECENCY: Final = "recency"
LOGISTIC: Final = "logistic on RFM"
POOLED: Final = "LightGBM, pooled cut-offs"
AS_IT_COMES: Final = "LightGBM as it comes"
NAMES: Final = (RECENCY, LOGISTIC, "BG/NBD", "Pareto/NBD", POOLED, AS_IT_COMES)
POOLED_TREES: Final = 150
DEFAULT_TREES: Final = 100


def churn_rivals(material: Material) -> dict[str, Floats]:
    """Each rival's churn probability of everybody in `material.current`, in the order of NAMES.

    recency: logistic regression on days_since_last_order alone; logistic on RFM: `training.rfm`; both on all cut-offs. BG/NBD and
    Pareto/NBD: on everybody's purchase days as of now. LightGBM, pooled cut-offs: 15 leaves, learning rate .03, 150 trees, the other
    regularisation of `training.boosting`, every feature that says something, all rows alike. LightGBM as it comes: the library's defaults, 100
    trees, learned from the newest cut-off.
    """
    panel, current, y = material.panel, material.current, material.panel["churned"].to_numpy(float)
    names = learnable(panel)
    newest = (panel[AS_OF] == panel[AS_OF].max()).to_numpy(bool)
    since = ["days_since_last_order"]
    recency = LogisticRegression(max_iter=500).fit(panel[since].to_numpy(float), y)
    defaults = {"objective": "binary", "verbose": -1, "num_threads": 1}
    learned = lightgbm.Dataset(panel.loc[newest, list(names)].to_numpy(float), y[newest])
    found = (
        recency.predict_proba(current[since].to_numpy(float))[:, 1],
        RfmLogistic().fit(panel, y).predict(current),
        Buying.fit(BG_NBD, current, material.horizon_days).predict(current),
        Buying.fit(PARETO_NBD, current, material.horizon_days).predict(current),
        Boosted("binary", names, POOLED_TREES).fit(panel, y).predict(current),
        lightgbm.train(defaults, learned, DEFAULT_TREES).predict(current[list(names)].to_numpy(float)),
    )
    return {name: np.asarray(p, float) for name, p in zip(NAMES, found, strict=True)}


def spend_rivals(material: Material, known: pd.DataFrame) -> Mapping[str, Floats]:
    """Expected spend within the horizon of everybody in `material.current`; `known` is their `churn_truth.truth`, row by row.

    BG/NBD x Gamma-Gamma: expected purchases times the mean spend of a purchase day. last year's rate: what was spent in the last 365
    days, or since the shop's first one, carried on at the same pace.
    """
    current, days = material.current, material.current["order_day_count"].to_numpy(float)
    x, t_x, T = recency_frequency_time(current)
    mean = np.maximum(np.nan_to_num(current["value_total"].to_numpy(float)), 0.0) / np.maximum(days, 1.0)
    purchases = bg_nbd.fit(x, t_x, T).expected_purchases(x, t_x, T, material.horizon_days)
    spending = gamma_gamma.fit(days, mean).expected_spend(days, mean)
    history_days = min(float(YEAR_DAYS), float(np.ceil(current["customer_age_days"].max())))
    rate = known["yearly_spend"].to_numpy(float) / history_days
    return {"BG/NBD x Gamma-Gamma": np.asarray(purchases * spending), "last year's rate": rate * material.horizon_days}


def next_order_rivals(material: Material, known: pd.DataFrame) -> dict[str, Floats]:
    """Days until the next order, for everybody in `material.current`, given that it comes within the horizon.

    last order + mean gap: the customer's own gap, the shop's where there is none; who is overdue is due today, who is not due within the
    horizon at its end. BG/NBD's median: the day by which half of those who order within the horizon have ordered.
    """
    gap = known["gap_mean_days"].fillna(known["gap_mean_days"].mean()).fillna(material.horizon_days).to_numpy(float)
    since = (pd.Timestamp(material.as_of) - known["last_on"]).dt.days.to_numpy(float)
    x, t_x, T = recency_frequency_time(material.current)
    median = days_to_next_order(bg_nbd.fit(x, t_x, T), x, T, material.horizon_days, share=0.5)
    return {"last order + mean gap": np.clip(gap - since, 0.0, material.horizon_days), "BG/NBD's median": np.ceil(median)}
