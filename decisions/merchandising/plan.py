"""What may be shown in one placement, with one set of filters, from one time on: prepared once, used for every list until something changes."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.merchandising.exclusions import Exclusions
from decisions.merchandising.product_range import Codes, Mask, ProductRange, category_path
from decisions.merchandising.reasons import CODES, MAY_BE_SHOWN, REASONS, Reason, Removed
from decisions.merchandising.rules import PLAIN, Filters, Rules, Selection
from features.instants import EPOCH, microseconds

EVERYTHING: Final = Filters()
DEEPER: Final = 3
"""Boosts, diversity and caps choose from at least so many times the list's length."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The range under the rules that hold. Keep it as long as range, rules, placement and filters are the same, and until `until`.

    `rules` are those in force. `reasons` says of every row of `products` why it may not be shown (reasons.CODES), 0 where it may.
    `factors` are the products' boosts, None where there are none. `pins` are those that may be shown, as position -> row, no two alike.
    Answers are the same at all times in [at, until); `until` None is for ever.
    """

    products: ProductRange
    rules: Rules
    reasons: NDArray[np.uint8]
    factors: NDArray[np.float64] | None
    pins: dict[int, int]
    category_caps: Codes
    at: datetime
    until: datetime | None

    @cached_property
    def may_be_shown(self) -> Mask:
        """Of every row of `products`, whether it may be shown; the last one is that of the products which are not listed."""
        shown: Mask = self.reasons == MAY_BE_SHOWN
        return shown

    @cached_property
    def offered(self) -> Mask | None:
        """The mask that the model takes as `offered`; None where all its products may be shown."""
        mask: Mask = self.may_be_shown[: self.products.ranked_count]
        return None if mask.all() else mask

    def offered_to(self, exclusions: Exclusions) -> Mask | None:
        """The same without what is excluded for one customer. It copies the mask, so give the model `offered` where nothing is excluded."""
        if not (exclusions.product_ids or exclusions.categories or exclusions.shown):
            return self.offered
        mask = self.may_be_shown[: self.products.ranked_count].copy()
        if exclusions.categories:
            mask &= ~self.products.within(exclusions.categories)[self.products.category[: len(mask)]]
        rows = self.products.rows((*exclusions.product_ids, *exclusions.shown))
        mask[rows[(rows >= 0) & (rows < len(mask))]] = False
        return mask

    @cached_property
    def removed(self) -> Removed:
        """How many products of the range may not be shown, by reason."""
        counts = np.bincount(self.reasons[:-1], minlength=len(REASONS) + 1)
        return Counter({reason: int(counts[code]) for reason, code in CODES.items() if counts[code]})

    @cached_property
    def idle(self) -> bool:
        """Whether lists of offered products stay as the model ranks them: no pins, boosts, diversity or caps."""
        return not self.pins and not self.rules.rearranges

    def depth(self, n: int) -> int:
        """How many of the best products to ask the model for, so that `n` can be arranged well of them."""
        return max(self.rules.candidates, DEEPER * n) if self.rules.rearranges else n


def prepare(products: ProductRange, rules: Rules, filters: Filters = EVERYTHING, *, placement: str | None = None, at: datetime) -> Plan:
    """What may be shown of this range in lists of this placement with these filters, at this time (naive UTC).

    A product is left out for the first reason that holds, in the order of reasons.REASONS. Costs a few milliseconds per million products.
    """
    held = rules.in_force(placement, at)
    reasons = _reasons(products, held, filters, at)
    pins = _pins(products, held, filters, reasons)
    caps = products.category_codes(held.caps.category_level)
    return Plan(products, held, reasons, _factors(products, held), pins, caps, at, _until(products, rules, at))


def _reasons(products: ProductRange, rules: Rules, filters: Filters, at: datetime) -> NDArray[np.uint8]:
    reasons = np.zeros(len(products.available), np.uint8)
    if filters.in_stock:
        _leave_out(reasons, ~products.available, "sold_out")
        _leave_out(reasons, products.available_from > microseconds(at), "not_yet_available")
        _leave_out(reasons, products.stock < rules.minimum_stock, "low_stock")
    for block in rules.blocks:
        _leave_out(reasons, selected(products, block.products), "blocked")
    for asked in (filters, *(only.filters for only in rules.only)):
        _filter(reasons, products, asked)
    return reasons


def _filter(reasons: NDArray[np.uint8], products: ProductRange, filters: Filters) -> None:
    if filters.categories:
        _leave_out(reasons, ~products.within(filters.categories)[products.category], "other_category")
    if filters.brands:
        _leave_out(reasons, ~products.of_brands(filters.brands)[products.brand], "other_brand")
    if filters.minimum_price is not None:
        _leave_out(reasons, ~(products.price >= filters.minimum_price), "price")
    if filters.maximum_price is not None:
        _leave_out(reasons, ~(products.price <= filters.maximum_price), "price")


def _leave_out(reasons: NDArray[np.uint8], where: Mask, reason: Reason) -> None:
    reasons[where & (reasons == MAY_BE_SHOWN)] = CODES[reason]


def selected(products: ProductRange, selection: Selection) -> Mask:
    """Of every row of the range, whether the selection means it."""
    found = np.zeros(len(products.available), bool)
    if selection.categories:
        found |= products.within(selection.categories)[products.category]
    if selection.brands:
        found |= products.of_brands(selection.brands)[products.brand]
    rows = products.rows(selection.product_ids)
    found[rows[rows >= 0]] = True
    return found


def _factors(products: ProductRange, rules: Rules) -> NDArray[np.float64] | None:
    """The product of all boosts of every row."""
    boosts = [boost for boost in rules.boosts if boost.factor != PLAIN]
    if not boosts:
        return None
    factors = np.ones(len(products.available))
    for boost in boosts:
        factors[selected(products, boost.products)] *= boost.factor
    return factors


def _pins(products: ProductRange, rules: Rules, filters: Filters, reasons: NDArray[np.uint8]) -> dict[int, int]:
    """position -> row. Of two pins of one product the first counts; of two for one position, the later one takes the next free position."""
    taken: dict[int, int] = {}
    for pin in sorted(rules.pins, key=lambda pin: pin.position):
        row = int(products.rows([pin.product_id])[0])
        if row < 0 or reasons[row] != MAY_BE_SHOWN or row in taken.values() or not _asked(pin.category, filters):
            continue
        position = pin.position
        while position in taken:
            position += 1
        taken[position] = row
    return dict(sorted(taken.items()))


def _asked(category: str | None, filters: Filters) -> bool:
    return category is None or category_path(category) in map(category_path, filters.categories)


def _until(products: ProductRange, rules: Rules, at: datetime) -> datetime | None:
    """The next time at which a rule begins or ends, or a product comes into the range."""
    coming = products.available_from[products.available_from > microseconds(at)]
    arrival = None if len(coming) == 0 else EPOCH + timedelta(microseconds=int(coming.min()))
    return min((end for end in (arrival, rules.next_change(at)) if end is not None), default=None)
