"""Why an answer about products is not the affinity model's for this very customer: a closed list of names, and what is shown instead."""

from typing import Final, Literal, get_args

Fallback = Literal[
    "unknown_customer",
    "no_history",
    "unknown_products",
    "new_products",
    "no_model",
    "nothing_left_after_filters",
    "empty_range",
]

MEANINGS: Final[dict[Fallback, str]] = {
    "unknown_customer": "nobody of this id was ever seen: what is popular",
    "no_history": "nothing tells what they like: what is popular",
    "unknown_products": "the model knows none of the products that they bought or looked at: what is popular",
    "new_products": "the model knows none of the products that may be shown: what is bought most, then the newest",
    "no_model": "no affinity model is in use: what they bought, then what is bought most, then the newest",
    "nothing_left_after_filters": "filters and rules leave nothing to show: an empty list",
    "empty_range": "no product is known at all: an empty list",
}

FALLBACKS: Final[tuple[Fallback, ...]] = get_args(Fallback)
