"""What every source of recommendations is: learned from everybody's rows before a time, it scores the whole range for those asked.

A source is a module with `fit(material) -> Source | None` (None where the data have nothing for it) and `read(arrays) -> Source`, which takes
what `Source.arrays` gave. A model so keeps arrays over products, and knows no customer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from training.affinity.asked import Asked
from training.affinity.catalogue import Catalogue
from training.affinity.sources.factors import Factoriser

Floats32 = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class HalfLives:
    """Days after which a purchase counts half: for its customer's own frequency (infinite: never), and for popularity."""

    personal_days: float
    popularity_days: float


@dataclass(frozen=True)
class Material:
    """What sources learn from: everybody's rows before a day (`everybody.day`), and what the range says of its products.

    Columns stand most popular first; those that nobody bought stand last. `gap_days` is the shop's median gap between purchase days. `half_lives` are
    those that a backtest chose. `factorise` learns factors of products, None with implicit.
    """

    everybody: Asked
    catalogue: Catalogue
    gap_days: float
    half_lives: HalfLives
    place_names: tuple[str, ...] = ()
    seed: int = 0
    threads: int = 2
    factorise: Factoriser | None = None


class Source(Protocol):
    """One source, fitted."""

    name: ClassVar[str]

    def scores(self, asked: Asked) -> Floats32:
        """What it says of every product, higher is better, 0 where it has nothing to say: (customers, products), finite, not negative."""

    def arrays(self) -> Arrays:
        """All that it has learned, as arrays without objects."""
