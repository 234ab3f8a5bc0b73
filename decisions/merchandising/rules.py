"""The shop's rules of merchandising: what is pinned, boosted, blocked, capped, where and when."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

PLAIN: Final = 1.0
"""The factor that changes nothing."""


@dataclass(frozen=True)
class Scope:
    """Where and when a rule holds: in these placements (empty: everywhere) and at times in [from_at, until_at), each naive UTC, None open."""

    placements: tuple[str, ...] = ()
    from_at: datetime | None = None
    until_at: datetime | None = None

    def holds(self, placement: str | None, at: datetime) -> bool:
        """Whether the rule counts for a list in this placement at this time; a list without placement follows rules for everywhere only."""
        if self.placements and placement not in self.placements:
            return False
        return (self.from_at is None or self.from_at <= at) and (self.until_at is None or at < self.until_at)


@dataclass(frozen=True)
class Selection:
    """Products by id, category (with all below it) or brand: one that is named in any of the three ways is meant."""

    product_ids: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pin:
    """This product stands at this position (1 is first). With `category`, only in lists that were asked for with this category."""

    product_id: str
    position: int
    category: str | None = None
    scope: Scope = Scope()


@dataclass(frozen=True)
class Boost:
    """The relevance of these products is multiplied: above 1 lifts them, below 1 buries them."""

    products: Selection
    factor: float
    scope: Scope = Scope()


@dataclass(frozen=True)
class Block:
    """These products are not shown."""

    products: Selection
    scope: Scope = Scope()


@dataclass(frozen=True)
class Filters:
    """What alone may be shown. Empty and None do not filter.

    A product of none of the `categories` (or below them), of none of the `brands`, or with a list price outside [minimum_price,
    maximum_price] is not shown; nor is one whose category, brand or price is not known, where that is filtered by. `in_stock` False
    shows what is sold out or not yet available, too.
    """

    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    minimum_price: float | None = None
    maximum_price: float | None = None
    in_stock: bool = True


@dataclass(frozen=True)
class Only:
    """In its scope, nothing but what passes these filters is shown."""

    filters: Filters
    scope: Scope = Scope()


@dataclass(frozen=True)
class Caps:
    """The most products of one category and of one brand in a list, None for no limit.

    Categories are told apart by the first `category_level` parts of their path, None: by the whole path.
    """

    category: int | None = None
    brand: int | None = None
    category_level: int | None = None


@dataclass(frozen=True)
class Columns:
    """Where the shop keeps what rules need beside the contract: columns of products and of customers."""

    stock: str = "stock"
    excluded_products: str = "excluded_products"
    excluded_categories: str = "excluded_categories"


@dataclass(frozen=True)
class Rules:
    """Everything that config/recommendations.yaml says. The defaults leave the model's order alone, and hide what cannot be bought.

    `minimum_stock` is in pieces, 0 for none. `diversity` is from 0 (the model's order) to 1 (as different as possible).
    `candidates` is from how many of the best products boosts, diversity and caps choose. With `fill`, places that caps leave empty are
    filled with what they left out.
    """

    minimum_stock: float = 1.0
    diversity: float = 0.0
    candidates: int = 100
    caps: Caps = Caps()
    fill: bool = False
    pins: tuple[Pin, ...] = ()
    boosts: tuple[Boost, ...] = ()
    blocks: tuple[Block, ...] = ()
    only: tuple[Only, ...] = ()
    columns: Columns = Columns()

    def in_force(self, placement: str | None, at: datetime) -> "Rules":
        """The rules that hold for lists in this placement at this time."""
        return replace(
            self,
            pins=tuple(rule for rule in self.pins if rule.scope.holds(placement, at)),
            boosts=tuple(rule for rule in self.boosts if rule.scope.holds(placement, at)),
            blocks=tuple(rule for rule in self.blocks if rule.scope.holds(placement, at)),
            only=tuple(rule for rule in self.only if rule.scope.holds(placement, at)),
        )

    def next_change(self, at: datetime) -> datetime | None:
        """The first time after `at` at which a rule begins or ends; None if none does."""
        ends = (end for scope in self._scopes() for end in (scope.from_at, scope.until_at) if end is not None and end > at)
        return min(ends, default=None)

    @property
    def digest(self) -> str:
        """Changes with any change of content."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def rearranges(self) -> bool:
        """Whether anything but pins changes the model's order."""
        capped = self.caps.category is not None or self.caps.brand is not None
        return capped or self.diversity > 0 or any(boost.factor != PLAIN for boost in self.boosts)

    def _scopes(self) -> Iterator[Scope]:
        for rules in (self.pins, self.boosts, self.blocks, self.only):
            yield from (rule.scope for rule in rules)
