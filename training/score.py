"""Scores of all customers: churn, value and band, one row each."""

from datetime import datetime
from typing import Final

import pandas as pd

from features import attributes, batch
from features.contract import AS_OF, CUSTOMER_ID
from features.engine import Tables
from features.errors import InputError
from features.journey import Stages, stages_of
from training.bands import Bands
from training.churn import ChurnModel
from training.coherence import coherent_orders
from training.sufficiency import too_little
from training.value import COLUMNS, ValueModel

REASON_COUNT: Final = 3
_BATCH: Final = 50_000  # customers explained at a time: contributions of all at once would fill the memory


def churn_scores(
    tables: Tables, churn: ChurnModel, value: ValueModel | None, as_of: datetime, bands: Bands, stages: Stages
) -> pd.DataFrame:
    """Everybody with an order line before `as_of`, sorted by customer_id, with empty `reasons`.

    customer_id, churn_probability (within churn.horizon_days), band, percentile (share of customers with a lower probability, ties
    counted half; 0 to 1), percentile_in_stage, stage, expected_spend, expected_orders, expected_next_order_on, _from, _until, clv,
    average_days_between_orders (missing without a value model), historic_value (spent so far), insufficient_data, reasons, as_of,
    horizon_days, model_version. insufficient_data flags customers with no purchase, or with one purchase day in the last 30 days alone:
    they are scored, on little. Raises InputError where nobody has an order line.
    """
    return _scores(_known(tables, churn, value, as_of), churn, value, bands, stages)


def churn_scores_with_reasons(
    tables: Tables, churn: ChurnModel, value: ValueModel | None, as_of: datetime, bands: Bands, stages: Stages, *, locale: str = "en"
) -> pd.DataFrame:
    """The same with `reasons`: up to three sentences for every customer, which costs many times the scores themselves."""
    known = _known(tables, churn, value, as_of)
    scores = _scores(known, churn, value, bands, stages)
    parts = (churn.reasons(known.iloc[i : i + _BATCH], REASON_COUNT) for i in range(0, len(known), _BATCH))
    scores["reasons"] = [[reason.sentence(locale) for reason in row] for part in parts for row in part]
    return scores


def _known(tables: Tables, churn: ChurnModel, value: ValueModel | None, as_of: datetime) -> pd.DataFrame:
    """Features of everybody with an order line of any kind before `as_of`, and the attributes that the models name.

    A customer of returns alone has most of them missing.
    """
    orders = tables.orders
    buyers = orders.filter(orders.ordered_at < as_of).select(CUSTOMER_ID).distinct().to_pandas()
    if buyers.empty:
        raise InputError(f"Nobody has an order line before {as_of:%Y-%m-%d %H:%M}.", remedy="Bring in orders, or choose a later --as-of.")
    everybody = batch.features(tables, [as_of])
    known = everybody[everybody[CUSTOMER_ID].isin(buyers[CUSTOMER_ID])].sort_values(CUSTOMER_ID, ignore_index=True)
    return attributes.beside(known, tables, {*churn.feature_names, *(value.feature_names if value is not None else ())})


def _scores(known: pd.DataFrame, churn: ChurnModel, value: ValueModel | None, bands: Bands, stages: Stages) -> pd.DataFrame:
    probability = churn.predict(known)
    scores = pd.DataFrame({CUSTOMER_ID: known[CUSTOMER_ID], "churn_probability": probability, "band": bands.bands(probability)})
    scores["percentile"] = _percentile(scores["churn_probability"])
    scores["stage"] = stages_of(known, stages)
    scores["percentile_in_stage"] = scores.groupby("stage")["churn_probability"].transform(_percentile)
    expected = (
        value.predict(known, as_of=known[AS_OF].iloc[0]) if value is not None else pd.DataFrame(index=known.index, columns=list(COLUMNS))
    )
    scores[list(COLUMNS)] = expected
    scores["expected_orders"] = coherent_orders(scores["expected_orders"], probability)
    scores["historic_value"] = known["value_total"].fillna(0.0)
    scores["insufficient_data"] = too_little(known)
    scores["reasons"] = [[] for _ in range(len(scores))]
    return scores.assign(as_of=known[AS_OF], horizon_days=churn.horizon_days, model_version=churn.version or "unregistered")


def _percentile(probability: pd.Series) -> pd.Series:
    return (probability.rank(method="average") - 0.5) / len(probability)
