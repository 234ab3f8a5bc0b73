"""Why a customer's risk is high or low, in plain sentences with the customer's own numbers, in English and Vietnamese.

The sentences are data: reasons.yaml, beside this file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from features.errors import InputError

Direction = Literal["raises", "lowers"]
LOCALES: Final = ("en", "vi")
LEAST: Final = 0.02  # log odds below which a feature is no reason

_EFFECT: Final[Mapping[str, Mapping[Direction, str]]] = {
    "en": {"raises": "which raises the risk", "lowers": "which lowers the risk"},
    "vi": {"raises": "làm tăng rủi ro", "lowers": "làm giảm rủi ro"},
}


@dataclass(frozen=True)
class Reason:
    """One reason: the feature, the customer's own value of it, what it does to the risk, and the sentence that says so."""

    feature: str
    value: float
    direction: Direction
    sentence: str


def top_reasons(features: pd.DataFrame, contributions: pd.DataFrame, k: int, *, locale: str) -> list[list[Reason]]:
    """The k features that move the log odds most, one per topic and with a known value, for every row.

    `contributions` has the rows of `features` and a column per feature. Raises InputError for a locale without sentences.
    """
    if locale not in LOCALES:
        raise InputError(f"There are no reasons in {locale}.", remedy=f"Ask for one of {', '.join(LOCALES)}.")
    names = list(contributions.columns)
    values, moves = features[names].to_numpy(float), contributions.to_numpy(float)
    order = np.argsort(-np.abs(moves), axis=1, kind="stable")
    return [_row(names, values[i], moves[i], order[i], k, locale) for i in range(len(features))]


def say(name: str, value: float, locale: str) -> str:
    """What a feature's value means, as a sentence without its full stop; name and value where no sentence is written."""
    known = _sentences().get(name)
    if known is None:
        return f"{name}: {value:,.2f}"
    text = known[locale].format(v=value)
    return re.sub(r"\[(.*?)\|(.*?)\]", r"\1" if round(value) == 1 else r"\2", text)


def _row(
    names: list[str], values: NDArray[np.float64], moves: NDArray[np.float64], order: NDArray[np.intp], k: int, locale: str
) -> list[Reason]:
    found: dict[str, Reason] = {}
    for j in order:
        if len(found) == k or abs(moves[j]) < LEAST:
            break
        topic = _sentences().get(names[j], {}).get("topic", names[j])
        if topic not in found and np.isfinite(values[j]):
            found[topic] = _reason(names[j], float(values[j]), float(moves[j]), locale)
    return list(found.values())


def _reason(name: str, value: float, move: float, locale: str) -> Reason:
    direction: Direction = "raises" if move > 0 else "lowers"
    return Reason(name, value, direction, f"{say(name, value, locale)}, {_EFFECT[locale][direction]}.")


@cache
def _sentences() -> Mapping[str, Mapping[str, str]]:
    read: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return read
