"""Prices far outside a product's usual, and quantities far outside the shop's: medians and their deviations on a log scale.

On a log scale a factor is a distance, so that the same limits fit every currency. Lines are counted by value first; the rest is
done on that small table.
"""

from collections.abc import Iterator
from typing import Any, Final

import ibis
import numpy as np
from ibis import _

from features.checks.findings import Check, Rule, only_row
from features.contract import LINE_KIND, ORDER_ID, ORDERED_AT, ORDERS, PRODUCT_ID, QUANTITY, SALE, UNIT_PRICE

_MAD_TO_STD: Final = 1.4826
_FEWEST_LINES: Final = 20
_PRICE_FACTOR, _PRICE_SPREADS = 9.5, 6.0  # a slipped decimal point is a factor of ten
_ANY_PRICE_FACTOR: Final = 100.0
_QUANTITY_FACTOR, _QUANTITY_SPREADS = 100.0, 8.0
_SLIP: Final = "Look at the line: a slipped decimal point, or a correction booked as a sale? Mend it in the file, and ingest it again."
_PRICES: Final = Rule(
    ORDERS.name,
    "prices are near their product's usual",
    "WARN",
    "Lines whose unit price is nearly ten times (without product_id a hundred times) above or below the median of its product, and over "
    f"six robust standard deviations from it, among products with at least {_FEWEST_LINES} sales.",
    _SLIP,
)
_QUANTITIES: Final = Rule(
    ORDERS.name,
    "quantities are near the shop's usual",
    "WARN",
    "Lines with over a hundred times the shop's median quantity, and over eight robust standard deviations above it.",
    _SLIP,
)


def outlier_checks(rows: ibis.Table) -> Iterator[Check]:
    """Both checks of order lines; only sales with an amount above zero are looked at. The first offender is the worst."""
    yield _stray_prices(rows)
    yield _stray_quantities(rows)


def _stray_prices(rows: ibis.Table) -> Check:
    product = rows[PRODUCT_ID].fill_null("")
    prices = _measured(_counted(rows, rows[UNIT_PRICE], product))
    factor = (prices.of == "").ifelse(np.log(_ANY_PRICE_FACTOR), np.log(_PRICE_FACTOR))
    limit = ibis.greatest(factor, _PRICE_SPREADS * _MAD_TO_STD * prices.deviation)
    odd = prices.filter((prices.total >= _FEWEST_LINES) & (prices.distance > limit))
    lines, worst = _worst(odd)
    return _PRICES.tried(lines, _said(rows, UNIT_PRICE, worst) if worst else "")


def _stray_quantities(rows: ibis.Table) -> Check:
    pieces = _measured(_counted(rows, rows[QUANTITY], ibis.literal("")))
    limit = ibis.greatest(np.log(_QUANTITY_FACTOR), _QUANTITY_SPREADS * _MAD_TO_STD * pieces.deviation)
    odd = pieces.filter((pieces.distance > limit) & (pieces.log_value > pieces.middle))
    lines, worst = _worst(odd)
    return _QUANTITIES.tried(lines, _said(rows, QUANTITY, worst) if worst else "")


def _counted(rows: ibis.Table, value: Any, of: Any) -> ibis.Table:
    """of, value, n: how many sales have this value. A shop has few prices: thousands of rows stand for millions."""
    sales = rows.filter((rows[LINE_KIND] == SALE) & (value > 0)).select(of=of, value=value)
    return sales.group_by(["of", "value"]).aggregate(n=_.count())


def _measured(counted: ibis.Table) -> ibis.Table:
    """With log_value, the median `middle` of its group, the `distance` from it, the group's median `deviation`, and its `total`."""
    logs = counted.mutate(log_value=counted["value"].ln())
    middled = _with_median(logs, "log_value", "middle")
    distant = middled.mutate(distance=(middled.log_value - middled.middle).abs())
    return _with_median(distant, "distance", "deviation")


def _with_median(counted: ibis.Table, column: str, name: str) -> ibis.Table:
    """The median over lines, not over rows: the smallest value up to which half of the group's lines lie."""
    group = ibis.window(group_by="of")
    so_far = ibis.window(group_by="of", order_by=[column, "value"], preceding=None, following=0)
    placed = counted.mutate(total=counted.n.sum().over(group).cast("float64"), below=counted.n.sum().over(so_far).cast("float64"))
    reached = (placed.below * 2 >= placed.total).ifelse(placed[column], ibis.null("float64"))
    return placed.mutate(**{name: reached.min().over(group)}).drop("below")


def _worst(odd: ibis.Table) -> tuple[int, dict[str, Any]]:
    found = odd.select("of", "value", "n", "distance", "middle", lines=odd.n.sum().over(ibis.window()))
    rows = found.order_by([ibis.desc("distance"), "of", "value"]).limit(1).to_pyarrow().to_pylist()
    return (int(rows[0]["lines"]), rows[0]) if rows else (0, {})


def _said(rows: ibis.Table, column: str, worst: dict[str, Any]) -> str:
    """The oldest line with the worst value, in words."""
    same = rows.filter((rows[LINE_KIND] == SALE) & (rows[column] == worst["value"]))
    of_product = same.filter(same[PRODUCT_ID] == worst["of"]) if worst["of"] else same
    line = only_row(of_product.aggregate(order=_[ORDER_ID].argmin(_[ORDERED_AT]), product=_[PRODUCT_ID].argmin(_[ORDERED_AT])))
    about = f", {PRODUCT_ID} {line['product']}" if line["product"] else ""
    return f"{ORDER_ID} {line['order']}{about}: {column} {worst['value']:,.15g}, usually {float(np.exp(worst['middle'])):,.4g}"
