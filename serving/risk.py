"""How likely one customer is to leave, and what they are worth, as of now: from the champions, or else from the published scores."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.attributes import of_profile
from serving.champions import Champions
from serving.current import Current
from serving.stored_score import in_words
from training.coherence import coherent_orders
from training.matrix import Matrix
from training.sufficiency import why_too_little

Floats = NDArray[np.float64]
REASONS: Final = 3
_DUE: Final = ("expected_next_order_on", "expected_next_order_from", "expected_next_order_until")
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
    if not _is_anybody(current):
        return None
    if champions.churn is not None and not current.outdated:
        return float(champions.churn.predict(_matrix([current], champions))[0])
    published = _published_scores(current)
    return None if isinstance(published, str) else _number(published.values, "churn_probability")


def risk(current: Current, champions: Champions, *, locale: str = "en", currency: str = "") -> Risk:
    """Everything that is known about this customer's risk now, with reasons in this language and money in this currency."""
    return risks([current], champions, locale=locale, currency=currency)[0]


def risks(currents: Sequence[Current], champions: Champions, *, locale: str = "en", currency: str = "") -> list[Risk]:
    """The same for several customers as of one time, in their order: the models are asked once for all of them."""
    live = [current for current in currents if champions.churn is not None and _is_anybody(current) and not current.outdated]
    modelled = dict(zip(map(id, live), _modelled(live, champions, locale, currency), strict=True))
    return [modelled.get(id(current)) or _otherwise(current, locale, currency) for current in currents]


def _is_anybody(current: Current) -> bool:
    return bool(len(current.history.lines["at"])) or current.outdated


def _otherwise(current: Current, locale: str, currency: str) -> Risk:
    if not _is_anybody(current):
        return Risk(None, None, None, source="none", why="No order of this customer is known, so there is nobody to lose yet.")
    return _published(current, locale, currency)


def _modelled(currents: Sequence[Current], champions: Champions, locale: str, currency: str) -> Iterator[Risk]:
    """What the models say of these customers together."""
    if champions.churn is None or not currents:
        return
    matrix = _matrix(currents, champions)
    probabilities = champions.churn.predict(matrix)
    told = zip(
        currents,
        probabilities.tolist(),
        champions.churn.reasons(matrix, REASONS),
        _personas(currents, champions, matrix),
        _values(currents, champions, matrix, probabilities),
        strict=True,
    )
    for current, probability, reasons, persona, value in told:
        yield Risk(
            churn_probability=probability,
            as_of=current.now,
            horizon_days=champions.churn.horizon_days,
            segment=_segment(current),
            persona=persona,
            reasons=[reason.sentence(locale, currency=currency) for reason in reasons],
            model_version=champions.version("churn"),
            why=why_too_little(current.features, champions.churn.lacks),
            **value,
        )


def _values(currents: Sequence[Current], champions: Champions, matrix: Matrix, probabilities: Floats) -> list[dict[str, Any]]:
    """What the value model adds; without one, the next order by the customer's own rhythm."""
    if champions.value is None:
        return [{"expected_next_order_on": _by_rhythm(current)} for current in currents]
    found: dict[str, Any] = champions.value.expected(matrix, as_of=currents[0].now)
    found["expected_orders"] = coherent_orders(found["expected_orders"], probabilities)
    numbers = {name: [_finite(value) for value in found[name].tolist()] for name in ("expected_orders", "expected_spend", "clv")}
    days = {name: found[name].astype("datetime64[D]").tolist() for name in _DUE}
    columns = numbers | days
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _segment(current: Current) -> str | None:
    """Where the shop's rules put them now; what was published, where the publication does not tell how its customers compare."""
    found: str | None = _told(current, "segment") if current.segment is None else current.segment
    return found


def _personas(currents: Sequence[Current], champions: Champions, matrix: Matrix) -> list[str | None]:
    """The group of like customers they are in now; the published one without a model of these groups."""
    return champions.personas.labels(matrix) if champions.personas is not None else [_told(current, "persona") for current in currents]


def _told(current: Current, name: str) -> Any:
    """What the newest publication says of them, unless it is of a later time than now."""
    scores = current.stored.scores if current.stored else None
    return scores[name] if scores is not None and scores["as_of"] <= current.now else None


def _published(current: Current, locale: str, currency: str) -> Risk:
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
        reasons=[in_words(reason, locale, currency) for reason in scores["reasons"] or []],
        model_version=scores["model_version"],
        source="published",
        segment=_segment(current),
        persona=_told(current, "persona"),
        why=f"{OUTDATED_WHY}: this is the published score." if current.outdated else scores["why"],
    )


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


def _matrix(currents: Sequence[Current], champions: Champions) -> Matrix:
    """A row each: every feature, since members of a model take more than its trees do, and the customer attributes that a model asks for."""
    models = (champions.churn, champions.value)
    asked = tuple(dict.fromkeys(name for model in models if model is not None for name in model.feature_names))
    return Matrix.of([{**current.features, **of_profile(current.profile, asked, current.now)} for current in currents])


def _by_rhythm(current: Current) -> date | None:
    """The last order and the customer's own mean gap after it; None where there is no rhythm."""
    due_in = current.features["gap_mean_days"] - current.features["days_since_last_order"]
    return (current.now + timedelta(days=due_in)).date() if math.isfinite(due_in) else None


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    return None if value is None else _finite(float(value))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
