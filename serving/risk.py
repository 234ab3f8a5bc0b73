"""How likely one customer is to leave, and what they are worth, as of now: from the champions, or else from the published scores."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from features.attributes import of_profile
from serving.champions import Champions
from serving.current import Current
from serving.stored_score import in_words
from training.coherence import coherent_orders
from training.sufficiency import why_too_little

REASONS: Final = 3
OUTDATED_WHY: Final = "This customer's published history was written by another version of nextbest"


@dataclass(frozen=True)
class Risk:
    """The churn answer of one customer. A number that is not known is None; `why` says why there is no churn probability, or a weak one."""

    churn_probability: float | None
    as_of: datetime | None
    horizon_days: int | None
    expected_orders: float | None = None
    expected_spend: float | None = None
    expected_next_order_on: date | None = None
    expected_next_order_from: date | None = None
    expected_next_order_until: date | None = None
    clv: float | None = None
    segment: str | None = None
    persona: str | None = None
    reasons: Sequence[str] = ()
    model_version: str | None = None
    source: str = "model"
    why: str | None = None


def churn_probability(current: Current, champions: Champions) -> float | None:
    """The probability alone, for a decision: from the model, or the published one; None where neither is."""
    if not (len(current.history.lines["at"]) or current.outdated):
        return None
    if champions.churn is not None and not current.outdated:
        return float(champions.churn.predict(_frame(current, champions))[0])
    published = _published_scores(current)
    return None if isinstance(published, str) else _number(published.values, "churn_probability")


def risk(current: Current, champions: Champions, *, locale: str = "en") -> Risk:
    """Everything that is known about this customer's risk now, with reasons in this language."""
    if not (len(current.history.lines["at"]) or current.outdated):
        return Risk(None, None, None, source="none", why="No order of this customer is known, so there is nobody to lose yet.")
    if champions.churn is None or current.outdated:
        return _published(current, locale)
    frame = _frame(current, champions)
    probability = float(champions.churn.predict(frame)[0])
    return Risk(
        churn_probability=probability,
        as_of=current.now,
        horizon_days=champions.churn.horizon_days,
        reasons=[reason.sentence(locale) for reason in champions.churn.reasons(frame, REASONS)[0]],
        model_version=champions.version("churn"),
        why=why_too_little(current.features, champions.churn.lacks),
        **_groups(current),
        **_value(current, champions, frame, probability),
    )


def _value(current: Current, champions: Champions, frame: pd.DataFrame, probability: float) -> dict[str, Any]:
    """What the value model adds; without one, the next order by the customer's own rhythm."""
    if champions.value is None:
        return {"expected_next_order_on": _by_rhythm(current)}
    valued = {str(name): value for name, value in champions.value.predict(frame, as_of=current.now).iloc[0].items()}
    valued["expected_orders"] = float(coherent_orders(valued["expected_orders"], probability))
    due = ("expected_next_order_on", "expected_next_order_from", "expected_next_order_until")
    numbers = {name: _number(valued, name) for name in ("expected_orders", "expected_spend", "clv")}
    return {**numbers, **{name: _day(valued[name]) for name in due}}


def _published(current: Current, locale: str) -> Risk:
    """The published score, as of its publication; rows posted since are not in it."""
    published = _published_scores(current)
    if isinstance(published, str):
        reason = OUTDATED_WHY if current.outdated else "No churn model is in use"
        return Risk(None, None, None, source="none", why=f"{reason}, and {published}.")
    scores = published.values
    return Risk(
        churn_probability=_number(scores, "churn_probability"),
        as_of=published.as_of,
        horizon_days=scores["horizon_days"],
        expected_orders=_number(scores, "expected_orders"),
        expected_spend=_number(scores, "expected_spend"),
        expected_next_order_on=scores["expected_next_order_on"],
        expected_next_order_from=scores["expected_next_order_from"],
        expected_next_order_until=scores["expected_next_order_until"],
        clv=_number(scores, "clv"),
        reasons=[in_words(reason, locale) for reason in scores["reasons"] or []],
        model_version=scores["model_version"],
        source="published",
        **_groups(current),
        why=f"{OUTDATED_WHY}: this is the published score." if current.outdated else why_too_little(current.features),
    )


def _groups(current: Current) -> dict[str, Any]:
    """What the newest publication says of the groups they are in, unless it is of a later time than now."""
    scores = current.stored.scores if current.stored else None
    known = scores is not None and scores["as_of"] <= current.now
    return {name: scores[name] if scores is not None and known else None for name in ("segment", "persona")}


@dataclass(frozen=True)
class _Scores:
    """One customer's published scores and the time that they are of."""

    values: Mapping[str, Any]
    as_of: datetime


def _published_scores(current: Current) -> _Scores | str:
    """The published scores, or why there are none to use: those of a later time than now have seen this clock's future."""
    values = current.stored.scores if current.stored else None
    if not values or _number(values, "churn_probability") is None:
        return "no score of this customer was published"
    as_of = values["as_of"]
    if as_of > current.now:
        return f"the published score is of a later time ({as_of:%Y-%m-%d})"
    return _Scores(values, as_of)


def _frame(current: Current, champions: Champions) -> pd.DataFrame:
    """One row: every feature, since members of a model take more than its trees do, and the customer attributes that a model asks for."""
    asked = [name for model in (champions.churn, champions.value) if model is not None for name in model.feature_names]
    row = {**current.features, **of_profile(current.profile, dict.fromkeys(asked), current.now)}
    return pd.DataFrame(np.array([list(row.values())], dtype=float), columns=_columns(tuple(row)))


@cache
def _columns(names: tuple[str, ...]) -> pd.Index:
    """The columns' index, made once: it is the same for every customer, and dearer than all their numbers."""
    return pd.Index(names, dtype=object)


def _by_rhythm(current: Current) -> date | None:
    """The last order and the customer's own mean gap after it; None where there is no rhythm."""
    due_in = current.features["gap_mean_days"] - current.features["days_since_last_order"]
    return (current.now + timedelta(days=due_in)).date() if math.isfinite(due_in) else None


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    return float(value) if value is not None and math.isfinite(value) else None


def _day(value: Any) -> date | None:
    """A day from an instant, a day, or ISO text; None for what is missing."""
    if value is None or value != value:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.date() if isinstance(value, datetime) else value
