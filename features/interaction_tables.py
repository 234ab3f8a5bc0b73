"""What is known of who bought and looked at what, as tables in memory: their columns and types. No engine is needed to hold them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

import pandas as pd

from features.contract import CUSTOMER_ID, EVENT_TYPE, OCCURRED_AT, ORDER_ID, ORDERED_AT, PRODUCT_ID, QUANTITY

COLUMNS = (CUSTOMER_ID, PRODUCT_ID, ORDER_ID, ORDERED_AT, QUANTITY)
VIEWED: Final = ("product_view",)
CARTED: Final = ("add_to_cart", "checkout_started")
REMOVED: Final = ("remove_from_cart",)
INTEREST: Final = (*VIEWED, *CARTED, *REMOVED)
PLACE: Final = "place"
LINE: Final = "product_line"
RANGE: Final = ("name", "category", "brand", "list_price", "available_from")
TYPES: Final[dict[str, dict[str, Any]]] = {
    "purchases": {CUSTOMER_ID: "str", PRODUCT_ID: "str", ORDER_ID: "str", ORDERED_AT: "datetime64[us]", QUANTITY: "float64"},
    "interest": {CUSTOMER_ID: "str", PRODUCT_ID: "str", EVENT_TYPE: "str", OCCURRED_AT: "datetime64[us]"},
    "products": {
        PRODUCT_ID: "str",
        **dict.fromkeys(("name", "category", "brand", LINE), "str"),
        "list_price": "float64",
        "available_from": "datetime64[us]",
    },
    "places": {CUSTOMER_ID: "str", PLACE: "str"},
}


def _nothing(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(TYPES[name])).astype(TYPES[name])


@dataclass(frozen=True)
class Interactions:
    """What is known before a time.

    purchases: as `purchases` has them. interest: customer_id, product_id, event_type (INTEREST), occurred_at, one row per event, in the
    order of time; visitors who were identified before that time stand under their customer_id, others are left out. products: product_id,
    name, category, brand, list_price, available_from, product_line (of the shop's own column of this name), the range as it stands, without
    what becomes available later; missing ones "" or NaN. places: customer_id and place (country), customers who have one.
    """

    purchases: pd.DataFrame
    interest: pd.DataFrame = field(default_factory=lambda: _nothing("interest"))
    products: pd.DataFrame = field(default_factory=lambda: _nothing("products"))
    places: pd.DataFrame = field(default_factory=lambda: _nothing("places"))

    def before(self, as_of: datetime) -> Self:
        """The same without rows at or after `as_of`, and without products that become available later."""
        later = self.products["available_from"] >= as_of
        return type(self)(
            self.purchases[self.purchases[ORDERED_AT] < as_of],
            self.interest[self.interest[OCCURRED_AT] < as_of],
            self.products[~later.to_numpy(bool)],
            self.places,
        )
