"""Risk bands: names for ranges of the churn probability, from YAML."""

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml
from numpy.typing import ArrayLike

from features.errors import InputError
from features.quick_yaml import read_yaml

DEFAULT_BANDS: Final = Path(__file__).with_name("bands.yaml")


@dataclass(frozen=True)
class Bands:
    """Band names in rising order of risk, and the probabilities between them: one fewer."""

    names: tuple[str, ...]
    limits: tuple[float, ...]

    def band(self, probability: float) -> str:
        """The band of one churn probability; a limit belongs to the band above it."""
        return self.names[int(np.searchsorted(self.limits, probability, side="right"))]

    def bands(self, probabilities: ArrayLike) -> pd.Series:
        """The band of every probability, in order."""
        return pd.Series(np.asarray(self.names, dtype=object)[np.searchsorted(self.limits, probabilities, side="right")], dtype="str")


def load_bands(path: Path | None = None) -> Bands:
    """The bands of a YAML file, {bands: [{band, below}, ..., {band}]}; the default ones without a path.

    Raises InputError where the file cannot be read, or limits do not rise between 0 and 1.
    """
    path = path or DEFAULT_BANDS
    try:
        rows = read_yaml(path.read_text(encoding="utf-8"))["bands"]
        names = tuple(_name(row["band"]) for row in rows)
        if rows and "below" in rows[-1]:
            raise ValueError("the last band takes everybody else")
        limits = tuple(_limit(row["below"]) for row in rows[:-1])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} holds no bands.", remedy="Write bands: a list of {band: name, below: probability}, the last without below."
        ) from error
    edges = (0.0, *limits, 1.0)
    if not names or any(a >= b for a, b in pairwise(edges)) or len(set(names)) < len(names):
        raise InputError(
            f"{path}: the limits {', '.join(map(str, limits))} do not rise between 0 and 1, or a band has no name of its own.",
            remedy="Order the bands by risk.",
        )
    return Bands(names, limits)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a band has a name")
    return value


def _limit(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a limit is a finite number")
    return float(value)
