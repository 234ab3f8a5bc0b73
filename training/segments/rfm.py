"""RFM segments: the field's usual names for how recently, how often and for how much a customer buys, by rules in YAML.

Scores compare a customer with the shop's others, by edges that are taken once and travel with the publication: so one customer online is where
the table puts them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from features.definitions import NAMES
from features.errors import InputError
from features.quick_yaml import read_yaml
from features.rules import Rule, parse

DEFAULT_SEGMENTS: Final = Path(__file__).with_name("default_segments.yaml")
NO_PURCHASE: Final = "no purchase"
SCORES: Final = ("recency_score", "frequency_score", "money_score")
FIFTHS: Final = (0.2, 0.4, 0.6, 0.8)
_MEASURES: Final = {"recency": "days_since_last_order", "frequency": "order_day_count", "money": "value_total"}
EDGE_FEATURES: Final = tuple(_MEASURES.values())
"""The features that `rfm_edges` takes."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")
    segment: str
    when: str | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    segments: list[_Row]


@dataclass(frozen=True)
class SegmentRules:
    """The segments' rules in the order in which they are tried, and the segment of everybody else who bought."""

    rules: tuple[tuple[str, Rule], ...]
    otherwise: str

    @property
    def names(self) -> tuple[str, ...]:
        """Every segment, customers without a purchase last."""
        return tuple(dict.fromkeys([*(name for name, _ in self.rules), self.otherwise, NO_PURCHASE]))


@dataclass(frozen=True)
class RfmEdges:
    """What separates the fifths of the shop's customers: days since the last order, purchase days and money, rising; empty where nobody bought."""

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    money: tuple[float, ...]

    def to_json(self) -> dict[str, list[float]]:
        """Plain data that `from_json` reads."""
        return {name: list(getattr(self, name)) for name in _MEASURES}

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> Self:
        """The edges that `to_json` wrote."""
        return cls(**{name: tuple(float(edge) for edge in read[name]) for name in _MEASURES})


def load_segments(path: Path = DEFAULT_SEGMENTS) -> SegmentRules:
    """The segments that a YAML file declares, {segments: [{segment, when}, ..., {segment}]}. InputError names the file and what is wrong in it."""
    try:
        rows = _File.model_validate(read_yaml(path.read_text(encoding="utf-8"))).segments
    except (OSError, yaml.YAMLError, ValidationError) as error:
        problem = f"{path} holds no segments: {str(error).splitlines()[0]}."
        raise InputError(problem, remedy=f"Compare it with {DEFAULT_SEGMENTS}.") from error
    if not rows or rows[-1].when is not None or any(row.when is None for row in rows[:-1]):
        raise InputError(
            f"{path}: the last segment, and no other, must be without a rule.", remedy="It takes everybody whom no rule takes."
        )
    return SegmentRules(tuple(_rule(path, row) for row in rows[:-1]), rows[-1].segment)


def rfm_edges(features: pd.DataFrame) -> RfmEdges:
    """The shop's edges from features of all its customers at one time: values that a fifth, two, three and four fifths do not exceed."""
    buyers = features[features["order_day_count"] > 0]
    return RfmEdges(**{name: _edges(buyers[column].dropna().to_numpy(float)) for name, column in _MEASURES.items()})


def rfm_scores(features: pd.DataFrame, edges: RfmEdges) -> pd.DataFrame:
    """SCORES for every row, 1.0 to 5.0, in its index: 1 more for every edge that a value is beyond, and for recency 1 less."""
    days, often, money = (features[column].to_numpy(float) for column in _MEASURES.values())
    columns = [
        5.0 - np.searchsorted(edges.recency, days),
        1.0 + np.searchsorted(edges.frequency, often),
        1.0 + np.searchsorted(edges.money, money),
    ]
    return pd.DataFrame(dict(zip(SCORES, columns, strict=True)), index=features.index)


def segments_of(features: pd.DataFrame, edges: RfmEdges, rules: SegmentRules) -> pd.Series:
    """The segment of every row of a feature table, in its index; NO_PURCHASE for those who never bought."""
    known = pd.concat([features, rfm_scores(features, edges)], axis=1)
    never = ~(features["order_day_count"] > 0).to_numpy()
    masks = [never, *(rule.mask(known) for _, rule in rules.rules)]
    found = np.select(masks, [NO_PURCHASE, *(name for name, _ in rules.rules)], default=rules.otherwise)
    return pd.Series(found, index=features.index, dtype="str", name="segment")


def segment_of(values: Mapping[str, float], edges: RfmEdges, rules: SegmentRules) -> str:
    """The segment of one customer from their features."""
    if not values["order_day_count"] > 0:
        return NO_PURCHASE
    beyond = {name: float(np.searchsorted(getattr(edges, name), values[column])) for name, column in _MEASURES.items()}
    scores = (5.0 - beyond["recency"], 1.0 + beyond["frequency"], 1.0 + beyond["money"])
    known = {**values, **dict(zip(SCORES, scores, strict=True))}
    return next((name for name, rule in rules.rules if rule.holds(known)), rules.otherwise)


def _edges(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, ...]:
    if not len(values):
        return ()
    return tuple(float(edge) for edge in np.quantile(values, FIFTHS, method="inverted_cdf"))


def _rule(path: Path, row: _Row) -> tuple[str, Rule]:
    try:
        return row.segment, parse(row.when or "", {*NAMES, *SCORES})
    except InputError as error:
        raise InputError(f"{path}: segment {row.segment}: {error.problem}", remedy=error.remedy) from error
