"""Amounts that change their unit between months: cents for one, units for the other, or thousands left out."""

from typing import Final

import ibis
import numpy as np
import pandas as pd
from ibis import _

from features.checks.findings import Check, Rule
from features.contract import LINE_KIND, ORDERED_AT, ORDERS, PRODUCT_ID, SALE, UNIT_PRICE

_FACTOR: Final = 30.0
_FEWEST_PRODUCTS: Final = 3
_FEWEST_LINES: Final = 20
_LONGEST_PAUSE_DAYS: Final = 100
_RULE: Final = Rule(
    ORDERS.name,
    "prices keep their unit",
    "WARN",
    f"Months in which the products' usual prices are over {_FACTOR:.0f} times, or under a {_FACTOR:.0f}th of, what they were one or two "
    "months of sales before: cents and units, or thousands left out.",
    "Bring all amounts to one unit in the files, and ingest them again.",
)


def price_level_check(rows: ibis.Table) -> Check:
    """Per product the mean log price of a month against the months before; a month's step is the median of its products'.

    Without product_id all lines are one product. Two months back are looked at, too, since the unit may change within a month.
    """
    steps = _steps(_levels(rows)).order_by("month").to_pandas()
    odd = steps[_is_odd(steps, "one") | _is_odd(steps, "two")]
    # a unit that changes within a month is seen against that month, and again two months back: one change, counted once
    apart = odd.month.diff() > pd.Timedelta(days=_LONGEST_PAUSE_DAYS - 30)
    changes = odd[apart | (np.arange(len(odd)) == 0)]
    return _RULE.tried(len(changes), _said(changes.iloc[0]) if len(changes) else "")


def _levels(rows: ibis.Table) -> ibis.Table:
    """of (a product), month, level (the mean log price), n (sales)."""
    price = rows[UNIT_PRICE]
    sales = rows.filter((rows[LINE_KIND] == SALE) & (price > 0) & rows[ORDERED_AT].notnull())
    priced = sales.select(of=sales[PRODUCT_ID].fill_null(""), month=sales[ORDERED_AT].truncate("M"), log_price=sales[UNIT_PRICE].ln())
    return priced.group_by(["of", "month"]).aggregate(level=_.log_price.mean(), n=_.count())


def _steps(levels: ibis.Table) -> ibis.Table:
    """month, and for the month of sales before it and the one before that: the median step of a product, and of how many."""
    earlier = ibis.window(group_by="of", order_by="month")
    lagged = levels.mutate(
        **{f"{name}_{what}": levels[what].lag(by).over(earlier) for name, by in (("one", 1), ("two", 2)) for what in ("level", "month")}
    )
    recent = lagged.mutate(
        **{
            name: (lagged[f"{name}_month"] > lagged.month - ibis.interval(days=_LONGEST_PAUSE_DAYS)).ifelse(
                lagged.level - lagged[f"{name}_level"], ibis.null("float64")
            )
            for name in ("one", "two")
        }
    )
    return recent.group_by("month").aggregate(
        one=_.one.median(),
        one_products=_.one.count(),
        two=_.two.median(),
        two_products=_.two.count(),
        without_product=(_.of == "").any(),
        n=_.n.sum(),
    )


def _is_odd(steps: pd.DataFrame, name: str) -> pd.Series:
    enough: pd.Series = (steps[f"{name}_products"] >= _FEWEST_PRODUCTS) | steps.without_product
    odd: pd.Series = enough & (steps.n >= _FEWEST_LINES) & (steps[name].abs() > np.log(_FACTOR))
    return odd


def _said(step: pd.Series) -> str:
    factor = float(np.exp(max(step[["one", "two"]].dropna(), key=abs)))
    times = f"{factor:,.0f} times" if factor > 1 else f"1/{1 / factor:,.0f} of"
    return f"{step.month:%Y-%m}: {times} the prices before"
