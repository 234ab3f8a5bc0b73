"""What one customer must not be shown, and how a shop writes it down."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from decisions.merchandising.product_range import ProductRange, category_path
from decisions.merchandising.rules import Columns
from features.contract import CUSTOMER_ID


@dataclass(frozen=True)
class Exclusions:
    """What is withheld from one list: products and categories (with all below them) that this customer must not see, what they bought
    already, and what stands in another list beside it."""

    product_ids: Collection[str] = frozenset()
    categories: Collection[str] = ()
    bought: Collection[str] = frozenset()
    shown: Collection[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether nothing is withheld."""
        return not (self.product_ids or self.categories or self.bought or self.shown)


NOTHING_WITHHELD: Final = Exclusions()


def exclusions_of(profile: Mapping[str, Any], columns: Columns, products: ProductRange) -> Exclusions:
    """What the customer's profile (features.profiles) says that they must not be shown.

    Each column holds a list, JSON text of one, or text with semicolons, bars or line breaks between the names; commas separate, too,
    where the whole is no name of the range. Names that the range does not know are kept: it may know them later.
    """
    product_ids = _names(profile.get(columns.excluded_products), products.knows)
    categories = _names(profile.get(columns.excluded_categories), products.knows_category)
    return Exclusions(frozenset(product_ids), tuple(category_path(name) for name in categories))


def exclusions_by_customer(customers: pd.DataFrame, columns: Columns, products: ProductRange) -> dict[str, Exclusions]:
    """What must not be shown to whom, of the customers table, by customer_id; customers without exclusions are left out."""
    kept = [column for column in (columns.excluded_products, columns.excluded_categories) if column in customers]
    told = customers.loc[customers[kept].notna().any(axis=1), [CUSTOMER_ID, *kept]] if kept else customers.iloc[:0]
    rows = ({str(name): value for name, value in row.items()} for row in told.to_dict("records"))
    found = {str(row[CUSTOMER_ID]): exclusions_of(row, columns, products) for row in rows}
    return {customer_id: each for customer_id, each in found.items() if not each.empty}


def _names(value: Any, known: Callable[[str], bool]) -> list[str]:
    if isinstance(value, str):
        listed = _listed(value)
        names = _separated(value, known) if listed is None else listed
    elif isinstance(value, Iterable):
        names = [str(name) for name in value]
    else:
        names = (
            [] if value is None or value is pd.NA or value != value else [re.sub(r"\.0$", "", str(value))]
        )  # an id in a column of numbers
    return [name.strip() for name in names if name.strip()]


def _listed(text: str) -> list[str] | None:
    """The names of a JSON list; None where the text is no such list."""
    try:
        found = json.loads(text) if text.lstrip().startswith("[") else None
    except ValueError:
        return None
    return None if found is None else [str(name) for name in found]


def _separated(text: str, known: Callable[[str], bool]) -> list[str]:
    pieces = [piece.strip() for piece in re.split(r"[;|\n]", text)]
    return [name for piece in pieces for name in ([piece] if known(piece) else piece.split(","))]
