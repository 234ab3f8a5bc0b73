"""The same features in pandas, as somebody who knows it well would write them for one cut-off: ids as codes, few and wide group-bys.

An order has one channel here, as it has in the generated shop.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.compared_features import NAMES
from features.instants import DAY_US, microseconds
from features.vocabulary import YEAR_US

_TEXTS: Final = ["customer_id", "order_id", "product_id", "channel", "store_id", "line_kind"]
_COLUMNS: Final = [*_TEXTS, "ordered_at", "quantity", "unit_price", "discount_amount"]
_WINDOWS: Final = (7, 30, 90, 180, 365)


def features(orders: Path, products: Path, as_of: datetime) -> pd.DataFrame:
    """One row per customer with an order line before `as_of`: customer_id, cut_us, and every name of `compared_features`."""
    return of_lines(pd.read_parquet(orders, columns=_COLUMNS), product_facts(pd.read_parquet(products)), as_of)


def of_lines(rows: pd.DataFrame, facts: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The same of order lines in memory, and of what `product_facts` gives."""
    cut = microseconds(as_of)
    lines, ids = _lines(rows, cut)
    sold = lines[lines["line_kind"] == "sale"]
    placed = _placed(sold)
    tables = (_bought(placed, cut), _liked(sold, facts, cut), _channels(placed), _returned(lines[lines["line_kind"] == "return"], cut))
    known = pd.concat([table.reindex(range(len(ids))) for table in tables], axis=1)
    counted = ["orders", "days", "lines", "value", "products", "categories", "channels", "returned", "returned_365", "returned_value"]
    windows = [f"{name}_{days}" for name in ("orders", "value") for days in _WINDOWS]
    known[counted + windows] = known[counted + windows].fillna(0.0)
    found = _finished(known, cut)
    return pd.concat([pd.DataFrame({"customer_id": ids, "cut_us": cut}), found[list(NAMES)]], axis=1)


def product_facts(products: pd.DataFrame) -> pd.DataFrame:
    """category and level by product_id, from a products table."""
    category = products["category"].str.split(">").str[0].str.strip()
    prices = products["list_price"].groupby(category)
    count = prices.transform("count")
    level = (prices.rank(method="min") - 1) / (count - 1).where(count > 1)
    return pd.DataFrame({"category": category.to_numpy(), "level": level.to_numpy()}, index=products["product_id"])


def _lines(rows: pd.DataFrame, cut: int) -> tuple[pd.DataFrame, pd.Index]:
    """Lines before the cut with ids as codes, and the customers' ids."""
    at = rows["ordered_at"].to_numpy("datetime64[us]").astype(np.int64)
    quantity = rows["quantity"].fillna(1.0)
    columns = {
        "at": at,
        "quantity": quantity,
        "gross": quantity * rows["unit_price"].fillna(0.0),
        "discount": rows["discount_amount"].fillna(0.0),
        **{name: rows[name] for name in _TEXTS},
    }
    lines = pd.DataFrame(columns)[at < cut]
    customer, ids = pd.factorize(lines["customer_id"])
    return lines.assign(customer=customer).drop(columns="customer_id"), pd.Index(ids)


def _placed(sold: pd.DataFrame) -> pd.DataFrame:
    """One row per order, in the order of customer, time and id."""
    value = sold["gross"] - sold["discount"]
    order, order_ids = pd.factorize(sold["order_id"])
    channel, names = pd.factorize(sold["channel"].str.lower())
    columns = sold[["customer", "at", "gross", "discount", "quantity"]].assign(
        order=order,
        value=value,
        lines=1.0,
        discounted=sold["discount"] > 0,
        line_value_max=value,
        channel=channel,
        store=sold["store_id"].notna(),
    )
    how = dict.fromkeys(["gross", "discount", "quantity", "value", "lines"], "sum")
    placed = columns.groupby(["customer", "at", "order"], sort=False).agg(
        how | dict.fromkeys(["discounted", "line_value_max", "channel", "store"], "max")
    )
    placed = placed.reset_index()
    named = np.array([*names, None], dtype=object)[placed["channel"]]
    placed["known_channel"] = placed["channel"]
    placed["channel"] = np.where(pd.isna(named) & placed["store"], "store", named)
    placed["order_id"] = np.asarray(order_ids)[placed["order"]]
    return placed.sort_values(["customer", "at", "order_id"], ignore_index=True)


def _bought(placed: pd.DataFrame, cut: int) -> pd.DataFrame:
    customer, at, day = placed["customer"], placed["at"], placed["at"] // DAY_US
    before = day.shift().where(customer == customer.shift())
    gap, new_day = (day - before).fillna(0.0), before.isna() | (before != day)
    hour_angle, season = (at - day * DAY_US) * (2 * np.pi / DAY_US), at * (2 * np.pi / YEAR_US)
    quarter = at >= cut - 90 * DAY_US
    sums = placed[["value", "gross", "discount", "quantity", "lines"]].assign(
        orders=1.0,
        days=new_day,
        gap_squared=gap * gap,
        value_squared=placed["value"] ** 2,
        discounted=placed["discounted"],
        gross_90=placed["gross"].where(quarter, 0.0),
        discount_90=placed["discount"].where(quarter, 0.0),
        lines_90=placed["lines"].where(quarter, 0.0),
        weekend=(day + 3) % 7 >= 5,
        evening=at - day * DAY_US >= 18 * DAY_US // 24,
        hour_cos=np.cos(hour_angle),
        year_cos=np.cos(season),
        year_sin=np.sin(season),
        **{name: placed["channel"] == name for name in ("web", "app", "store")},
        channel_known=placed["channel"].notna(),
        **{f"orders_{days}": at >= cut - days * DAY_US for days in _WINDOWS},
        **{f"value_{days}": placed["value"].where(at >= cut - days * DAY_US, 0.0) for days in _WINDOWS},
    )
    paused = new_day & before.notna()
    greatest = pd.DataFrame(
        {
            "value_max": placed["value"],
            "line_value_max": placed["line_value_max"],
            "last_at": at,
            "last_day": day,
            "gap_max": gap.where(paused),
            "previous_day": before.where(paused),
        }
    )
    last = placed.drop_duplicates("customer", keep="last").set_index("customer")[["value", "lines"]].add_prefix("last_")
    first_at = placed.drop_duplicates("customer").set_index("customer")["at"].rename("first_at")
    return pd.concat([sums.astype(float).groupby(customer).sum(), greatest.groupby(customer).max(), last, first_at], axis=1)


def _liked(sold: pd.DataFrame, facts: pd.DataFrame, cut: int) -> pd.DataFrame:
    """Products, categories and price levels, from (customer, product) pairs."""
    product, ids = pd.factorize(sold["product_id"])
    named = pd.DataFrame({"customer": sold["customer"], "product": product, "at": sold["at"]})[product >= 0]
    pairs = named.groupby(["customer", "product"], sort=False)["at"].agg(["count", "min", "max"]).reset_index()
    own = facts.reindex(ids)
    category = pd.factorize(own["category"])[0][pairs["product"]]
    level, n = own["level"].to_numpy()[pairs["product"]], pairs["count"].astype(float)
    sums = pd.DataFrame(
        {
            "products": 1.0,
            "new_90": (pairs["min"] >= cut - 90 * DAY_US).astype(float),
            "level": n * np.nan_to_num(level),
            "priced": n * ~np.isnan(level),
            "premium": n * (level >= 2 / 3),
        }
    )
    cells = pairs.assign(category=category)[category >= 0].groupby(["customer", "category"], sort=False).agg({"count": "sum", "max": "max"})
    lines = cells["count"].astype(float)
    by_category = pd.DataFrame(
        {
            "categories": 1.0,
            "category_lines": lines,
            "n_log_n": lines * np.log(lines),
            "favourite": lines * 2.0**32 + cells["max"] // 1_000_000,
        }
    ).groupby(level="customer")
    return pd.concat(
        [
            sums.groupby(pairs["customer"]).sum(),
            by_category[["categories", "category_lines", "n_log_n"]].sum(),
            by_category["favourite"].max(),
            lines.groupby(level="customer").max().rename("favourite_lines"),
        ],
        axis=1,
    )


def _channels(placed: pd.DataFrame) -> pd.DataFrame:
    known = placed.loc[placed["known_channel"] >= 0, ["customer", "known_channel"]].drop_duplicates()
    return known.groupby("customer").size().to_frame("channels").astype(float)


def _returned(back: pd.DataFrame, cut: int) -> pd.DataFrame:
    columns = {"returned": 1.0, "returned_365": (back["at"] >= cut - 365 * DAY_US).astype(float), "returned_value": back["gross"].abs()}
    rows = pd.DataFrame(columns, index=back.index).groupby(back["customer"])
    return rows.sum().assign(returned_at=back.groupby("customer")["at"].max())


def _root(variance: pd.Series) -> pd.Series:
    return variance.clip(lower=0.0) ** 0.5


def _finished(k: pd.DataFrame, cut: int) -> pd.DataFrame:
    k = k.copy()
    columns = {name: k[name] for name in k.columns}
    orders, days, lines, value = (k[name].where(k[name] != 0) for name in ("orders", "days", "lines", "value"))
    gaps = (days - 1).where(days > 1)
    idle, age = (cut - k["last_at"]) / DAY_US, (cut - k["first_at"]) / DAY_US
    gap_mean = (k["last_day"] - k["first_at"] // DAY_US) / gaps
    gap_std, gap_last = _root(k["gap_squared"] / gaps - gap_mean * gap_mean), k["last_day"] - k["previous_day"]
    category_lines, priced = k["category_lines"].where(k["category_lines"] != 0), k["priced"].where(k["priced"] != 0)
    channel_known, season = k["channel_known"].where(k["channel_known"] != 0), cut * 2 * np.pi / YEAR_US
    products = k["products"].where(k["products"] != 0)
    length = (k["year_cos"] ** 2 + k["year_sin"] ** 2) ** 0.5
    columns |= {f"order_count_{d}d": k[f"orders_{d}"] for d in _WINDOWS} | {f"value_{d}d": k[f"value_{d}"] for d in _WINDOWS}
    columns |= {f"{name}_order_share": k[name] / channel_known for name in ("web", "app", "store")}
    columns |= {
        "days_since_last_order": idle,
        "customer_age_days": age,
        "recency_days": k["last_day"] - k["first_at"] // DAY_US,
        "gap_mean_days": gap_mean,
        "gap_std_days": gap_std,
        "gap_last_days": gap_last,
        "gap_max_days": k["gap_max"],
        "gap_trend": gap_last / gap_mean,
        "overdue_ratio": idle / gap_mean,
        "rhythm_position": (idle - gap_mean) / gap_std.where(gap_std != 0),
        "days_until_due": gap_mean - idle,
        "order_count": k["orders"],
        "order_day_count": k["days"],
        "orders_per_30_days": 30 * k["orders"] / age.where(age != 0),
        "order_count_90d_share": k["orders_90"] / orders,
        "value_90d_share": k["value_90"] / value,
        "order_count_90_in_180d_share": k["orders_90"] / k["orders_180"].where(k["orders_180"] != 0),
        "value_total": k["value"],
        "value_per_order_mean": k["value"] / orders,
        "value_per_order_std": _root(k["value_squared"] / orders - (k["value"] / orders) ** 2),
        "order_value_max": k["value_max"],
        "last_order_value": k["last_value"],
        "product_count": k["products"],
        "new_product_share": k["products"] / lines,
        "new_product_90d_share": k["new_90"] / k["lines_90"].where(k["lines_90"] != 0),
        "lines_per_product_mean": k["lines"] / products,
        "lines_per_order_mean": k["lines"] / orders,
        "last_order_lines": k["last_lines"],
        "quantity_per_line_mean": k["quantity"] / lines,
        "category_count": k["categories"],
        "category_entropy": np.log(category_lines) - k["n_log_n"] / category_lines,
        "favourite_category_share": k["favourite_lines"] / category_lines,
        "days_since_favourite_category": (cut * 1e-6 - (k["favourite"] - k["favourite_lines"] * 2.0**32)) / 86400,
        "price_paid_mean": k["value"] / k["quantity"].where(k["quantity"] != 0),
        "price_level_mean": k["level"] / priced,
        "premium_share": k["premium"] / priced,
        "discount_share": k["discount"] / k["gross"].where(k["gross"] != 0),
        "discount_90d_share": k["discount_90"] / k["gross_90"].where(k["gross_90"] != 0),
        "discounted_order_share": k["discounted"] / orders,
        "return_count": k["returned"],
        "return_count_365d": k["returned_365"],
        "return_value_share": k["returned_value"] / value,
        "days_since_return": (cut - k["returned_at"]) / DAY_US,
        "weekend_share": k["weekend"] / orders,
        "evening_share": k["evening"] / orders,
        "hour_cos_mean": k["hour_cos"] / orders,
        "season_distance": 1 - (k["year_cos"] * np.cos(season) + k["year_sin"] * np.sin(season)) / length.where(length != 0),
        "channel_count": k["channels"],
    }
    return pd.DataFrame(columns)
