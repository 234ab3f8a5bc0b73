"""The ways to put candidates in order, from plain to learned: personal frequency, a blend, a ranker. A backtest chooses one for each mode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.pair_features import names
from training.affinity.ranker import Ranker
from training.affinity.sheets import ALL, NEW, Sheet
from training.affinity.sources.source import Floats32

PLAIN: Final = "personal_frequency"
BLEND: Final = "blend"
RANKER: Final = "ranker"
WEIGHTS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
POPULAR: Final = 1e-3  # what popularity counts beside the others: it breaks ties


@dataclass(frozen=True)
class Order:
    """One way; `weight` of the fused ranks against personal frequency for a blend, the `ranker` where that is the way."""

    way: str = PLAIN
    weight: float = 0.0
    ranker: Ranker | None = None

    def scores(self, features: Floats32, sources: Sequence[str]) -> NDArray[np.float64]:
        """Higher is better, comparable within one customer: one per candidate, of training.affinity.pair_features over these sources."""
        if self.ranker is not None:
            return self.ranker.scores(features)
        frequency, popular, fused = (features[:, at].astype(float) for at in _places(tuple(sources)))
        return frequency + self.weight * fused + POPULAR * popular

    def of(self, sheet: Sheet) -> NDArray[np.float64]:
        """The scores of a sheet's candidates."""
        return self.scores(sheet.features, sheet.sources)


@dataclass(frozen=True)
class Orders:
    """The way of each mode: `all` ranks repeats and new products together, `new` those that a customer never bought."""

    modes: Mapping[str, Order] = field(default_factory=lambda: {ALL: Order(), NEW: Order()})

    def mode(self, *, exclude_purchased: bool) -> Order:
        """The way of one mode."""
        return self.modes[NEW if exclude_purchased else ALL]

    @property
    def ways(self) -> dict[str, str]:
        """What was chosen, by mode."""
        return {mode: order.way for mode, order in self.modes.items()}


def best_blend(sheets: Sequence[Sheet], mode: str) -> Order:
    """The blend with the best NDCG@10 on these sheets; of new products personal frequency says nothing, and ranks are all."""
    weights = WEIGHTS if mode == ALL else (1.0,)
    tried = {weight: float(np.concatenate([s.ndcg(Order(BLEND, weight).of(s)) for s in sheets]).mean()) for weight in weights}
    return Order(BLEND, max(tried, key=lambda weight: (tried[weight], -weight)))


def _places(sources: tuple[str, ...]) -> tuple[int, int, int]:
    named = names(sources)
    return named.index("score:personal_frequency"), named.index("score:popularity"), named.index("fused")
