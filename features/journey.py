"""The journey stage of a customer: ordered rules over features and the shop's own levels. No model is behind it, so it can be a feature."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.contract import AS_OF, STAGES
from features.definitions import NAMES
from features.errors import InputError
from features.nearest import nearest
from features.quick_yaml import read_yaml
from features.rules import Rule, parse

DEFAULT_STAGES: Final = Path(__file__).with_name("default_stages.yaml")
FALLBACK: Final = "awareness"

Levels = Mapping[str, float]


class _Level(BaseModel):
    model_config = ConfigDict(extra="forbid")
    feature: str
    quantile: float = Field(gt=0, lt=1)
    at_least: float = 0.0


class _StageRule(BaseModel):
    model_config = ConfigDict(extra="forbid")
    stage: str
    when: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    levels: dict[str, _Level] = {}
    stages: list[_StageRule]


@dataclass(frozen=True)
class Level:
    """A threshold that adapts to the shop: a quantile of one feature over customers with an order, and a floor under it."""

    name: str
    feature: str
    quantile: float
    at_least: float


@dataclass(frozen=True)
class Stages:
    """The shop's levels and its stages' rules, in the order in which they are tried."""

    levels: tuple[Level, ...]
    rules: tuple[tuple[str, Rule], ...]


def load_stages(path: Path = DEFAULT_STAGES) -> Stages:
    """The stages that a YAML file declares. InputError names the file and what is wrong in it."""
    try:
        read = _File.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InputError(f"{path}: {_first_line(error)}.", remedy=f"Compare it with {DEFAULT_STAGES}.") from error
    levels = tuple(Level(name, **level.model_dump()) for name, level in read.levels.items())
    for level in levels:
        _known(level.feature, NAMES, f"{path}: level {level.name}: feature")
    return Stages(levels, tuple(_rule(path, rule, {*NAMES, *read.levels}) for rule in read.stages))


def levels(frame: pd.DataFrame, stages: Stages) -> dict[str, float]:
    """The shop's levels, from features of all its customers at one time. Without a customer who ordered, a level is infinite: nobody reaches it."""
    buyers = frame[frame.order_count > 0]
    return {
        level.name: max(float(buyers[level.feature].quantile(level.quantile)), level.at_least) if len(buyers) else np.inf
        for level in stages.levels
    }


def level_features(stages: Stages) -> tuple[str, ...]:
    """The features that `levels` takes."""
    return ("order_count", *(level.feature for level in stages.levels))


def stage_of(values: Mapping[str, object], shop: Levels, stages: Stages) -> str:
    """The stage of one customer from their features and the shop's levels."""
    known = {**values, **shop}
    return next((stage for stage, rule in stages.rules if rule.holds(known)), FALLBACK)


def stages_of(frame: pd.DataFrame, stages: Stages) -> pd.Series:
    """The stage of every row of a feature table (customer x as_of), in its index; levels are taken at each as_of by itself."""
    parts = [stages_at(part, levels(part, stages), stages) for _, part in frame.groupby(AS_OF, sort=False)]
    joined = pd.concat(parts) if parts else pd.Series(dtype="str")
    return joined.reindex(frame.index).rename("stage")


def stages_at(frame: pd.DataFrame, shop: Levels, stages: Stages) -> pd.Series:
    """The stage of every row of a feature table, in its index, by levels that are known already."""
    known = frame.assign(**shop)
    found = np.select([rule.mask(known) for _, rule in stages.rules], [stage for stage, _ in stages.rules], default=FALLBACK)
    return pd.Series(found, index=frame.index, dtype="str")


def _rule(path: Path, rule: _StageRule, names: set[str]) -> tuple[str, Rule]:
    _known(rule.stage, STAGES, f"{path}: stage")
    try:
        return rule.stage, parse(rule.when, names)
    except InputError as error:
        raise InputError(f"{path}: stage {rule.stage}: {error.problem}", remedy=error.remedy) from error


def _known(name: str, names: tuple[str, ...], where: str) -> None:
    if name not in names:
        raise InputError(f"{where} {name!r} is unknown.", remedy=f"The nearest known name is {nearest(name, names)!r}.")


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0]
