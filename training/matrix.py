"""Features as plain numbers: the one way in which models read them, of a table or of a customer or two, for whom pandas alone costs more than a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ORDERS_KEPT: Final = 256  # of names; an application asks for a few dozen


@dataclass(frozen=True)
class Matrix:
    """A number for every row and name (row x name); NaN is unknown."""

    names: tuple[str, ...]
    values: Floats

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, float]]) -> Self:
        """Rows that all have the names of the first, in its order."""
        return cls(tuple(rows[0]), np.array([list(row.values()) for row in rows], dtype=float))

    def __len__(self) -> int:
        return len(self.values)

    def __contains__(self, name: object) -> bool:
        return name in self.names


Features = pd.DataFrame | Matrix


def column(features: Features, name: str) -> Floats:
    """The feature of every row. Raises KeyError where there is none of this name."""
    if isinstance(features, Matrix):
        return np.asarray(features.values[:, places(features.names, (name,))[0]])
    return features[name].to_numpy(float)


def columns(features: Features, names: tuple[str, ...]) -> Floats:
    """The features of every row (row x name). Raises KeyError where one is missing."""
    if isinstance(features, Matrix):
        return features.values.take(places(features.names, names), axis=1)
    return features[list(names)].to_numpy(float)


def names_of(features: Features) -> tuple[str, ...]:
    """The names of all columns, in order."""
    return features.names if isinstance(features, Matrix) else tuple(str(name) for name in features.columns)


@lru_cache(maxsize=_ORDERS_KEPT)
def places(names: tuple[str, ...], wanted: tuple[str, ...]) -> NDArray[np.intp]:
    """Where each wanted name stands among the names: found once, for it is the same for every customer."""
    at = {name: place for place, name in enumerate(names)}
    return np.array([at[name] for name in wanted], dtype=np.intp)
