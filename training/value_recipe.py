"""How a value model is put together: which views of orders and spend are blended, at which level, and who tells the next order's day."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

SPEND_TREES: Final = "spend trees"
ORDER_TREES: Final = "order trees"
BG_NBD: Final = "BG/NBD"
PARETO_NBD: Final = "Pareto/NBD"
RHYTHM_TREES: Final = "rhythm trees"
Weights = Mapping[str, float]


def _blend(*names: str) -> dict[str, float]:
    return dict.fromkeys(names, 1.0)


# A view of spend other than SPEND_TREES is one of orders, times Gamma-Gamma's mean spend. The first is the default.
SPEND_BLENDS: Final[Mapping[str, Weights]] = {
    "spend trees + Pareto/NBD": _blend(SPEND_TREES, PARETO_NBD),
    "spend trees + order trees + Pareto/NBD": _blend(SPEND_TREES, ORDER_TREES, PARETO_NBD),
    "spend trees + BG/NBD": _blend(SPEND_TREES, BG_NBD),
    "spend trees": _blend(SPEND_TREES),
    "Pareto/NBD": _blend(PARETO_NBD),
    "BG/NBD": _blend(BG_NBD),
}
ORDER_BLENDS: Final[Mapping[str, Weights]] = {
    "order trees + Pareto/NBD": _blend(ORDER_TREES, PARETO_NBD),
    "order trees + BG/NBD": _blend(ORDER_TREES, BG_NBD),
    "order trees": _blend(ORDER_TREES),
    "Pareto/NBD": _blend(PARETO_NBD),
    "BG/NBD": _blend(BG_NBD),
}


@dataclass(frozen=True)
class ValueRecipe:
    """Weights of the views (made to sum to 1), factors on the blends, and BG_NBD or RHYTHM_TREES for the next order's day."""

    spend: Weights = field(default_factory=lambda: next(iter(SPEND_BLENDS.values())))
    orders: Weights = field(default_factory=lambda: next(iter(ORDER_BLENDS.values())))
    next_order: str = BG_NBD
    spend_level: float = 1.0
    orders_level: float = 1.0

    @property
    def views(self) -> frozenset[str]:
        """The views that it needs."""
        return frozenset({*self.spend, *self.orders, self.next_order})

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> Self:
        """The recipe that `to_json` wrote."""
        return cls(**read)


EVERYTHING: Final = ValueRecipe(_blend(SPEND_TREES, ORDER_TREES, BG_NBD, PARETO_NBD), _blend(ORDER_TREES, BG_NBD, PARETO_NBD), RHYTHM_TREES)
