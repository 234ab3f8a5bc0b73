"""Why a product is not shown: a closed vocabulary, so that what is left out can be counted."""

from collections import Counter
from typing import Final, Literal, TypeAlias, get_args

Reason = Literal[
    "sold_out",
    "not_yet_available",
    "low_stock",
    "blocked",
    "other_category",
    "other_brand",
    "price",
    "excluded_for_customer",
    "already_bought",
    "duplicate",
    "category_cap",
    "brand_cap",
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
"""In the order in which they are tried: a product with several reasons counts once, by the first."""

CODES: Final = {reason: code for code, reason in enumerate(REASONS, start=1)}
"""Reasons as small numbers; 0 is a product that may be shown."""

MAY_BE_SHOWN: Final = 0

MEANINGS: Final[dict[Reason, str]] = {
    "sold_out": "sold out",
    "not_yet_available": "not yet available",
    "low_stock": "below the minimum stock",
    "blocked": "blocked by a rule",
    "other_category": "of another category than asked for",
    "other_brand": "of another brand than asked for",
    "price": "outside the price limits",
    "excluded_for_customer": "excluded for the customer",
    "already_bought": "already bought",
    "duplicate": "shown already",
    "category_cap": "over the cap of a category",
    "brand_cap": "over the cap of a brand",
}

Removed: TypeAlias = Counter[Reason]
"""How many products were left out, by reason. A reason that removed none is not in it."""
