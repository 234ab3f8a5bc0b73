"""Scores of all customers: churn, value, band, segment and persona, one row each."""

from dataclasses import dataclass, field
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
from training.reasons import Reason, check_locale
from training.segments.personas import PersonaModel
from training.segments.rfm import SegmentRules, load_segments, rfm_edges, segments_of
from training.sufficiency import too_little, whys
from training.value import COLUMNS, ValueModel

REASON_COUNT: Final = 3
_BATCH: Final = 50_000  # customers explained at a time: contributions of all at once would fill the memory


@dataclass(frozen=True)
class Groups:
    """How customers are put into groups: by the rules of RFM segments, and by a persona model where there is one."""

    segments: SegmentRules = field(default_factory=load_segments)
    personas: PersonaModel | None = None


def churn_scores(
    tables: Tables,
    churn: ChurnModel,
    value: ValueModel | None,
    as_of: datetime,
    bands: Bands,
    stages: Stages,
    *,
    groups: Groups | None = None,
) -> pd.DataFrame:
    """Everybody with an order line before `as_of`, sorted by customer_id, with empty `reasons`.

    customer_id, churn_probability (within churn.horizon_days), band, percentile (share of customers with a lower probability, ties
    counted half; 0 to 1), percentile_in_stage, stage, segment (RFM), persona (missing without a persona model), expected_spend,
    expected_orders, expected_next_order_on, _from, _until, clv, average_days_between_orders (missing without a value model), historic_value
    (spent so far), insufficient_data, why (the sentence for that, else missing), reasons, as_of, horizon_days, model_version. insufficient_data
    flags customers with no purchase, or with one purchase day in the last 30 days alone, and everybody where the shop's data lack
    something: they are scored, on little. Raises InputError where nobody has an order line.
    """
    groups = groups or Groups()
    return _scores(_known(tables, churn, value, as_of), churn, value, bands, stages, groups)


def churn_scores_with_reasons(
    tables: Tables,
    churn: ChurnModel,
    value: ValueModel | None,
    as_of: datetime,
    bands: Bands,
    stages: Stages,
    *,
    groups: Groups | None = None,
) -> pd.DataFrame:
    """The same with `reasons`: up to three of every customer (training.reasons.Reason), which costs many times the scores themselves."""
    groups = groups or Groups()
    known = _known(tables, churn, value, as_of)
    scores = _scores(known, churn, value, bands, stages, groups)
    parts = (churn.reasons(known.iloc[i : i + _BATCH], REASON_COUNT) for i in range(0, len(known), _BATCH))
    scores["reasons"] = pd.Series([row for part in parts for row in part], index=scores.index, dtype=object)
    return scores


def in_sentences(scores: pd.DataFrame, locale: str = "en", *, currency: str = "") -> pd.DataFrame:
    """The scores with `reasons` in words, as files hold them. Raises InputError for a locale without sentences."""
    check_locale(locale)
    said = [[reason.sentence(locale, currency=currency) for reason in row] for row in scores["reasons"]]
    return scores.assign(reasons=pd.Series(said, index=scores.index, dtype=object))


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


def _scores(known: pd.DataFrame, churn: ChurnModel, value: ValueModel | None, bands: Bands, stages: Stages, groups: Groups) -> pd.DataFrame:
    probability = churn.predict(known)
    stage = stages_of(known, stages)
    chance = pd.Series(probability, index=known.index)
    scores = pd.DataFrame({CUSTOMER_ID: known[CUSTOMER_ID], "churn_probability": probability, "band": bands.bands(probability)})
    scores["percentile"] = percentiles(chance)
    scores["stage"] = stage
    scores["percentile_in_stage"] = chance.groupby(stage).transform(percentiles)
    scores["segment"] = segments_of(known, rfm_edges(known), groups.segments)
    scores["persona"] = pd.Series(None, index=known.index, dtype="str") if groups.personas is None else groups.personas.predict(known)
    expected = (
        value.predict(known, as_of=known[AS_OF].iloc[0]) if value is not None else pd.DataFrame(index=known.index, columns=list(COLUMNS))
    )
    scores[list(COLUMNS)] = expected
    scores["expected_orders"] = coherent_orders(scores["expected_orders"], probability)
    scores["historic_value"] = known["value_total"].fillna(0.0)
    scores["insufficient_data"] = too_little(known) | bool(churn.lacks)
    scores["why"] = whys(known, churn.lacks)
    scores["reasons"] = pd.Series([list[Reason]() for _ in range(len(scores))], index=known.index, dtype=object)
    return scores.assign(as_of=known[AS_OF], horizon_days=churn.horizon_days, model_version=churn.version or "unregistered")


def percentiles(probability: pd.Series) -> pd.Series:
    """The share of rows with a lower value, ties counted half; 0 to 1, and a half for one row alone."""
    return (probability.rank(method="average") - 0.5) / len(probability)
