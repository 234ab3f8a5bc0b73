"""What the range says of its products, as codes: category, brand, line, price, and since when they are on sale."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import PRODUCT_ID
from features.instants import DAY_US
from features.interaction_tables import LINE

Ints = NDArray[np.int64]
UNKNOWN: Final = -1  # as a place in a table, it is the last one
LEAST_WORDS: Final = 3  # of a name, below which its beginning is no line: "Red Mug" and "Red Hat" have nothing in common


@dataclass(frozen=True)
class Catalogue:
    """Per product: `category` (its whole path), `widest` (the path's first part), `brand` and `line` as codes, UNKNOWN where the range says
    nothing; `price` in money and `since` in days since 1970, NaN where missing; whether the range `listed` it at all.

    A line holds the variants of one thing: products of the shop's own column product_line, or else those whose names differ in the last
    word alone (REGENCY TEACUP GREEN, REGENCY TEACUP PINK). A line of one product is none.
    """

    category: Ints
    widest: Ints
    brand: Ints
    line: Ints
    price: NDArray[np.float64]
    since: NDArray[np.float64]
    listed: NDArray[np.bool_]

    def take(self, codes: Ints) -> Self:
        """The same of these products, in this order."""
        return type(self)(*(getattr(self, field.name)[codes] for field in fields(self)))

    @cached_property
    def kinds(self) -> tuple["Kinds", "Kinds"]:
        """The categories and the brands."""
        return Kinds.of(self.category), Kinds.of(self.brand)

    def __len__(self) -> int:
        return len(self.category)


@dataclass(frozen=True)
class Kinds:
    """What kind each product is of: codes from 0 up to `number`, UNKNOWN where the range says nothing."""

    codes: Ints
    number: int

    @classmethod
    def of(cls, codes: Ints) -> Self:
        """The kinds of these codes."""
        return cls(codes, int(codes.max(initial=UNKNOWN)) + 1)


def catalogue_of(products: pd.DataFrame, product_ids: Sequence[str]) -> Catalogue:
    """The catalogue of these products, from the table of features.interactions.Interactions; a product that it does not list has nothing."""
    listed = products.drop_duplicates(PRODUCT_ID).set_index(PRODUCT_ID).reindex(pd.Index(list(product_ids), dtype="str"))
    text = {name: listed[name].fillna("").str.strip() for name in ("name", "category", "brand", LINE)}
    since = listed["available_from"].to_numpy("datetime64[us]").astype(np.int64)
    return Catalogue(
        category=_codes(text["category"]),
        widest=_codes(text["category"].str.split(">").str[0].str.strip()),
        brand=_codes(text["brand"]),
        line=_shared(_codes(text[LINE].where(text[LINE] != "", text["name"].map(_beginning)))),
        price=listed["list_price"].to_numpy(float),
        since=np.where(listed["available_from"].isna(), np.nan, since / DAY_US),
        listed=np.isin(np.asarray(product_ids, dtype=str), np.asarray(products[PRODUCT_ID], dtype=str)),
    )


def _codes(text: "pd.Series[str]") -> Ints:
    codes, _ = pd.factorize(text.where(text != "", None), sort=True)
    return np.asarray(codes, np.int64)


def _beginning(name: str) -> str:
    words = name.split()
    return " ".join(words[:-1]).casefold() if len(words) >= LEAST_WORDS else ""


def _shared(codes: Ints) -> Ints:
    counts = np.bincount(codes[codes != UNKNOWN], minlength=codes.max(initial=0) + 1)
    return np.where((codes != UNKNOWN) & (counts[np.maximum(codes, 0)] > 1), codes, UNKNOWN)
