"""Why a customer's risk is high or low, in plain sentences with the customer's own numbers, in English and Vietnamese.

The sentences are data: reasons.yaml, beside this file. A customer attribute is said by its column and what stands there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from features.attributes import PREFIX
from features.errors import InputError

Floats = NDArray[np.float64]
Direction = Literal["raises", "lowers"]
LOCALES: Final = ("en", "vi")
LEAST: Final = 0.02  # log odds below which a feature is no reason

_EFFECT: Final[Mapping[str, Mapping[Direction, str]]] = {
    "en": {"raises": "which raises the risk", "lowers": "which lowers the risk"},
    "vi": {"raises": "làm tăng rủi ro", "lowers": "làm giảm rủi ro"},
}
_IS: Final = {"en": ("is not", "is"), "vi": ("không phải là", "là")}


@dataclass(frozen=True)
class Reason:
    """One reason: the feature, the customer's own value of it, what it does to the risk, and the sentence that says so."""

    feature: str
    value: float
    direction: Direction
    sentence: str


def top_reasons(features: pd.DataFrame, contributions: pd.DataFrame, k: int, *, locale: str) -> list[list[Reason]]:
    """The k topics that move the log odds most, for every row, each by its strongest feature with a known value that pulls the same way.

    `contributions` has the rows of `features` and a column per feature. Raises InputError for a locale without sentences.
    """
    if locale not in LOCALES:
        raise InputError(f"There are no reasons in {locale}.", remedy=f"Ask for one of {', '.join(LOCALES)}.")
    names = list(contributions.columns)
    topics = _members([_topic(name) for name in names])
    values, moves = features[names].to_numpy(float), contributions.to_numpy(float)
    totals = np.column_stack([moves[:, columns].sum(axis=1) for columns in topics]) if topics else np.zeros((len(features), 0))
    order = np.argsort(-np.abs(totals), axis=1, kind="stable")
    return [_row(names, values[i], moves[i], [(topics[j], totals[i, j]) for j in order[i]], k, locale) for i in range(len(features))]


def say(name: str, value: float, locale: str) -> str:
    """What a feature's value means, as a sentence without its full stop; name and value where no sentence is written."""
    known = _sentences().get(name)
    if known is None:
        return _said_of_attribute(*_attribute(name), value, locale)
    if value < 0 and "below_zero" in known:
        known, value = known["below_zero"], -value
    text = known[locale].format(v=value)
    return re.sub(r"\[(.*?)\|(.*?)\]", r"\1" if round(value) == 1 else r"\2", text)


def _said_of_attribute(column: str, level: str | None, value: float, locale: str) -> str:
    """A number beside its column's name; of a level, whether it is the customer's."""
    if level is None:
        return f"{column}: {value:,.0f}" if value == round(value) else f"{column}: {value:,.2f}"
    return f"{column} {_IS[locale][value > 0]} {level}"


def _attribute(name: str) -> tuple[str, str | None]:
    """The column as people read it, and the level."""
    column, equals, level = name.removeprefix(PREFIX).partition("=")
    return column.replace("_", " "), level if equals else None


def _topic(name: str) -> str:
    """One topic per column of attributes: that the city is none of eleven others says nothing more."""
    return str(_sentences().get(name, {}).get("topic", name.partition("=")[0]))


def _row(names: list[str], values: Floats, moves: Floats, topics: list[tuple[list[int], float]], k: int, locale: str) -> list[Reason]:
    found: list[Reason] = []
    for columns, total in topics:
        if len(found) == k or abs(total) < LEAST:
            break
        known = [j for j in columns if np.isfinite(values[j]) and moves[j] * total > 0]
        if known:
            j = max(known, key=lambda j: abs(moves[j]))
            found.append(_reason(names[j], float(values[j]), total, locale))
    return found


def _members(topics: list[str]) -> list[list[int]]:
    """The columns of every topic."""
    columns: dict[str, list[int]] = {}
    for j, topic in enumerate(topics):
        columns.setdefault(topic, []).append(j)
    return list(columns.values())


def _reason(name: str, value: float, move: float, locale: str) -> Reason:
    direction: Direction = "raises" if move > 0 else "lowers"
    return Reason(name, value, direction, f"{say(name, value, locale)}, {_EFFECT[locale][direction]}.")


@cache
def _sentences() -> Mapping[str, Mapping[str, Any]]:
    read: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return read
