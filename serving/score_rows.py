"""A table of scores as rows of the state database."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from serving.state.tables import PUBLISHED_SCORES
from serving.stored_score import SAID
from training.reason_sentences import LOCALES
from training.reasons import Reason

_OURS: Final = ("generation", "reasons", "as_of", "insufficient_data")


def score_rows(scores: pd.DataFrame, as_of: datetime, most: int, currency: str = "") -> Iterator[list[dict[str, Any]]]:
    """Everybody with a churn probability, `most` at a time: rows of `published_scores` without their generation.

    `scores` is what `training.score.churn_scores` makes. Of its columns, as_of may be missing (then `as_of` holds), and every one that may
    be null; without a column `reasons` none were computed. Sentences tell money in `currency`.
    """
    known = scores[scores["churn_probability"].notna()]
    for start in range(0, len(known), most):
        part = known.iloc[start : start + most]
        columns = {name: _column(part, name, kind) for name, kind in _KINDS.items()}
        columns["as_of"] = [at or as_of for at in _column(part, "as_of", datetime)]
        columns["insufficient_data"] = [bool(said) for said in _column(part, "insufficient_data", bool)]
        columns["reasons"] = [_reasons(row, currency) for row in part["reasons"]] if "reasons" in part else [None] * len(part)
        yield [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _column(part: pd.DataFrame, name: str, kind: type) -> list[Any]:
    """A column's values as the database takes them; None for what is missing, not finite, or not in the table at all."""
    return _CASTS[kind](part[name]) if name in part else [None] * len(part)


def _floats(column: pd.Series) -> list[float | None]:
    values = pd.to_numeric(column).to_numpy(float, na_value=np.nan)
    return [value if known else None for value, known in zip(values.tolist(), np.isfinite(values).tolist(), strict=True)]


def _instants(column: pd.Series) -> list[datetime | None]:
    return [None if missing else at.to_pydatetime() for at, missing in _with_missing(pd.to_datetime(column))]


def _days(column: pd.Series) -> list[date | None]:
    return [None if at is None else at.date() for at in _instants(column)]


def _others(cast: Callable[[Any], Any]) -> Callable[[pd.Series], list[Any]]:
    return lambda column: [None if missing else cast(value) for value, missing in _with_missing(column)]


def _with_missing(column: pd.Series) -> Iterator[tuple[Any, bool]]:
    return zip(column, column.isna(), strict=True)


def _reasons(row: Any, currency: str) -> list[Any]:
    return [reason if isinstance(reason, str) else _reason(reason, currency) for reason in row]


def _reason(reason: Reason, currency: str) -> dict[str, Any]:
    """The reason with its sentences: putting them into words takes longer than all the rest of an answer."""
    return {**reason.to_json(), SAID: {locale: reason.sentence(locale, currency=currency) for locale in LOCALES}}


_CASTS: Final[Mapping[type, Callable[[pd.Series], list[Any]]]] = {
    float: _floats,
    datetime: _instants,
    date: _days,
    int: _others(int),
    str: _others(str),
    bool: _others(bool),
}
_KINDS: Final[Mapping[str, type]] = {
    column.name: column.type.python_type for column in PUBLISHED_SCORES.columns if column.name not in _OURS
}
