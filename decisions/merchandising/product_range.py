"""The range as arrays: what rules ask of a product, found by number."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import PRODUCT_ID

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

UNLISTED: Final = -1
"""The row of a product that the range does not know, and the code of a category or brand that a product does not have."""

ALWAYS: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class ProductRange:
    """One row per product, and a last one for all that are not listed: without category, brand, price and stock, and available.

    The first `ranked_count` rows are the model's products, in its order, so that a mask over them is what it takes as `offered`.
    `category` and `brand` are codes into `categories` and `brands`, UNLISTED where there is none; `price` (list price) and `stock`
    (pieces) are NaN where they are not known; `available_from` is in microseconds since 1970, ALWAYS where it is not given.
    """

    product_ids: tuple[str, ...]
    ranked_count: int
    categories: tuple[str, ...]
    category: Codes
    brands: tuple[str, ...]
    brand: Codes
    price: Floats
    stock: Floats
    available: Mask
    available_from: Ints

    def rows(self, product_ids: Iterable[str]) -> Ints:
        """The row of each product; UNLISTED for one that the range does not know."""
        row = self._row
        return np.fromiter((row.get(product_id, UNLISTED) for product_id in product_ids), np.int64)

    def knows(self, product_id: str) -> bool:
        """Whether the range lists this product."""
        return product_id in self._row

    def knows_category(self, category: str) -> bool:
        """Whether a product has this category, or one below it."""
        return category_path(category) in self._below

    def within(self, categories: Collection[str]) -> Mask:
        """Of each category code, whether it is one of these categories or below one (A holds A > B); last, False, that of no category."""
        inside = np.zeros(len(self.categories) + 1, bool)
        for category in categories:
            inside[self._below.get(category_path(category), [])] = True
        return inside

    def of_brands(self, brands: Collection[str]) -> Mask:
        """Of each brand code, whether it is one of these; last, False, that of no brand."""
        wanted = set(brands)
        return np.asarray([*(name in wanted for name in self.brands), False], bool)

    def category_codes(self, level: int | None) -> Codes:
        """Of each row, a code that is the same for products whose categories agree in their first `level` parts; UNLISTED without one."""
        if level is None:
            return self.category
        cut = [" > ".join(name.split(" > ")[:level]) for name in self.categories]
        code = {name: number for number, name in enumerate(dict.fromkeys(cut))}
        return np.asarray([*(code[name] for name in cut), UNLISTED], np.int32)[self.category]

    @cached_property
    def _row(self) -> dict[str, int]:
        return {product_id: row for row, product_id in enumerate(self.product_ids)}

    @cached_property
    def _below(self) -> dict[str, list[int]]:
        """The codes of each category and of those below it, by its path."""
        found: dict[str, list[int]] = {}
        for code, name in enumerate(self.categories):
            parts = name.split(" > ")
            for depth in range(1, len(parts) + 1):
                found.setdefault(" > ".join(parts[:depth]), []).append(code)
        return found


def category_path(text: str) -> str:
    """A category's path as it is compared, however the signs between its parts are spaced: A > B > C."""
    return " > ".join(part.strip() for part in text.split(">") if part.strip())


def product_range(ranked: Sequence[str] | NDArray[np.str_], products: pd.DataFrame | None, *, stock_column: str = "stock") -> ProductRange:
    """The range of the model's products (`ranked`, its product_ids) and the others that the products table lists.

    `products` has product_id, and may have category, brand, list_price, available, available_from (naive UTC) and the stock column;
    what is missing there is not known, and does not keep a product from being shown. A product_id that stands twice counts as its first
    row; a stock or price that is no number is not known.
    """
    listed = pd.DataFrame({PRODUCT_ID: []}, dtype="str") if products is None else products.drop_duplicates(PRODUCT_ID)
    own = [str(product_id) for product_id in ranked]
    known = listed.set_index(listed[PRODUCT_ID].astype("str"))
    everything = list(dict.fromkeys([*own, *known.index]))
    rows = known.reindex([*everything, ""]) if "" not in known.index else known.drop("").reindex([*everything, ""])
    category, categories = _coded(rows, "category", path=True)
    brand, brands = _coded(rows, "brand", path=False)
    return ProductRange(
        product_ids=tuple(everything),
        ranked_count=len(own),
        categories=categories,
        category=category,
        brands=brands,
        brand=brand,
        price=_numbers(rows, "list_price"),
        stock=_numbers(rows, stock_column),
        available=_flags(rows, "available"),
        available_from=_instants(rows, "available_from"),
    )


def _coded(rows: pd.DataFrame, column: str, *, path: bool) -> tuple[Codes, tuple[str, ...]]:
    if column not in rows:
        return np.full(len(rows), UNLISTED, np.int32), ()
    codes, names = pd.factorize(rows[column].astype("str"), use_na_sentinel=True)
    plain = [category_path(str(name)) if path else str(name).strip() for name in names]
    code = {name: number for number, name in enumerate(dict.fromkeys(name for name in plain if name))}
    return np.asarray([*(code.get(name, UNLISTED) for name in plain), UNLISTED], np.int32)[codes], tuple(code)


def _numbers(rows: pd.DataFrame, column: str) -> Floats:
    if column not in rows:
        return np.full(len(rows), np.nan)
    return pd.to_numeric(rows[column], errors="coerce").to_numpy(float, na_value=np.nan)


def _flags(rows: pd.DataFrame, column: str) -> Mask:
    if column not in rows:
        return np.ones(len(rows), bool)
    return ~rows[column].eq(False).fillna(False).to_numpy(bool)


def _instants(rows: pd.DataFrame, column: str) -> Ints:
    if column not in rows:
        return np.full(len(rows), ALWAYS, np.int64)
    return pd.to_datetime(rows[column]).to_numpy("datetime64[us]").astype(np.int64)
