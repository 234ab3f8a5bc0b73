"""The sources of the feature states in NumPy: the rows of `features.sources`, of one customer's history, as columns sorted by `at`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.contract import RETURN, SALE
from features.definitions import (
    BUDGET_LEVEL,
    CART_LEFT_AFTER_DAYS,
    CONTACT_KINDS,
    EVENT_GROUPS,
    FAVOURITE_LINES,
    PREMIUM_LEVEL,
    REPEAT_VIEW_DAYS,
)
from features.history import KINDS, Arrays, CustomerHistory
from features.instants import DAY_US
from features.local_time import zone
from features.vocabulary import YEAR_US

Columns = dict[str, NDArray[Any]]
_SALE, _RETURN = KINDS.index(SALE), KINDS.index(RETURN)


@dataclass(frozen=True)
class ShopFacts:
    """What features know of the shop: category and price level by product_id (`features.products.product_facts`), and its time zone."""

    products: Mapping[str, tuple[str | None, float]] = field(default_factory=dict)
    timezone: str = "UTC"


@dataclass(frozen=True)
class Known:
    """A history before `cut` (microseconds), and its sale lines by themselves, in the order of time and, at one instant, of order_id."""

    history: CustomerHistory
    sold: Arrays
    shop: ShopFacts
    cut: int

    @classmethod
    def of(cls, history: CustomerHistory, shop: ShopFacts, cut: int) -> "Known":
        """What is known of a history that was cut already."""
        lines = history.lines
        sale = lines["kind"] == _SALE
        sold = lines if sale.all() else {name: column[sale] for name, column in lines.items()}
        return cls(history, _by_order(sold, history.names.orders), shop, cut)


def orders(known: Known) -> Columns:
    """One row per order; see `features.sources.orders`."""
    lines = known.sold
    at, starts = lines["at"], _starts(lines["at"], lines["order"])
    of_lines = _line_sums(known)
    sums = np.add.reduceat(of_lines, starts, axis=1)
    placed = at[starts]
    day = zone(known.shop.timezone).local(placed) // DAY_US
    new_day = np.concatenate(([True], day[1:] != day[:-1]))
    gap = np.concatenate(([0.0], np.diff(day).astype(float)))
    previous = np.concatenate(([np.nan], day[:-1].astype(float)))
    paused = new_day.copy()
    paused[0] = False
    value, discounted_lines = sums[0], sums[5]
    return {
        "at": placed,
        **dict(zip(_LINE_SUMS, sums, strict=True)),
        "discounted": (discounted_lines > 0).astype(float),
        "order": np.ones(len(starts)),
        "value_squared": value * value,
        "line_value_max": np.maximum.reduceat(of_lines[0], starts),
        "new_day": new_day.astype(float),
        "gap_days": gap,
        "gap_squared": gap * gap,
        "pause_days": np.where(paused, gap, np.nan),
        "day": day.astype(float),
        "previous_day": np.where(paused, previous, np.nan),
        **_calendar(placed, day, known.shop.timezone),
        **_channels(known, starts),
    }


_LINE_SUMS: Final = (
    "value",
    "gross",
    "discount",
    "quantity",
    "lines",
    "discounted_lines",
)


def _filled(column: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(column), 0.0, column)


def _line_values(lines: Arrays) -> tuple[NDArray[np.float64], ...]:
    """value, gross, discount, quantity of every line; a missing price counts as 0, a missing quantity as 1."""
    quantity = np.where(np.isnan(lines["quantity"]), 1.0, lines["quantity"])
    gross = quantity * _filled(lines["unit_price"])
    discount = _filled(lines["discount"])
    return gross - discount, gross, discount, quantity


def _line_sums(known: Known) -> NDArray[np.float64]:
    value, gross, discount, quantity = _line_values(known.sold)
    table = np.zeros((len(_LINE_SUMS), len(value)))
    table[0], table[1], table[2], table[3], table[4], table[5] = value, gross, discount, quantity, 1.0, discount > 0
    return table


def _calendar(placed: NDArray[np.int64], day: NDArray[np.int64], timezone: str) -> Columns:
    in_day = zone(timezone).local(placed) - day * DAY_US
    hour_angle, season = in_day * (2.0 * np.pi / DAY_US), placed * (2.0 * np.pi / YEAR_US)
    return {
        "weekend": ((day + 3) % 7 >= 5).astype(float),
        "morning": ((in_day >= 5 * DAY_US // 24) & (in_day < 12 * DAY_US // 24)).astype(float),
        "evening": (in_day >= 18 * DAY_US // 24).astype(float),
        "hour_cos": np.cos(hour_angle),
        "hour_sin": np.sin(hour_angle),
        "year_cos": np.cos(season),
        "year_sin": np.sin(season),
    }


def _channels(known: Known, starts: NDArray[np.intp]) -> Columns:
    names = known.history.names
    channel = _greatest(known.sold["channel"], names.channels, starts)
    if names.stores:
        store = _greatest(known.sold["store"], names.stores, starts)
        channel = ["store" if given is None and at is not None else given for given, at in zip(channel, store, strict=True)]
    words = ["" if given is None else given.lower() for given in channel]
    flags = {name: np.array([word == name for word in words], dtype=float) for name in ("web", "app", "store")}
    return {**flags, "channel_known": np.array([word != "" for word in words], dtype=float)}


def _greatest(codes: NDArray[Any], names: tuple[str, ...], starts: NDArray[np.intp]) -> list[str | None]:
    """The greatest name among the lines of each order; None where none has one."""
    if not names:
        return [None] * len(starts)
    ranked = sorted(names)
    ranks = np.array([*(ranked.index(name) for name in names), -1])
    known = [*ranked, None]
    return [known[rank] for rank in np.maximum.reduceat(ranks[codes], starts).tolist()]


def firsts(known: Known) -> Columns:
    """One row per product, channel and store at its first order; see `features.sources.firsts`."""
    at, columns = known.sold["at"], []
    for place, name in enumerate(("product", "channel", "store")):
        first = at[_first(known.sold[name])]
        flags = np.zeros((3, len(first)))
        flags[place] = 1.0
        columns.append((first, flags))
    instants, flags = np.concatenate([first for first, _ in columns]), np.concatenate([flags for _, flags in columns], axis=1)
    order = np.argsort(instants, kind="stable")
    product, channel, store = flags[:, order]
    return {"at": instants[order], "product": product, "channel": channel, "store": store}


def categories(known: Known) -> Columns:
    """One row per category bought, and one of listed products without a category; see `features.batch`."""
    facts, names = known.shop.products, known.history.names.products
    listed = [facts.get(name) for name in names]
    coded: dict[str | None, int] = {None: 0}
    codes_of = [-1 if fact is None else coded.setdefault(fact[0], len(coded)) for fact in listed]
    product = known.sold["product"]
    of_line = np.array([*codes_of, -1])[product]
    bought = of_line >= 0
    codes, at = of_line[bought], known.sold["at"][bought]
    level = np.array([*(np.nan if fact is None else fact[1] for fact in listed), np.nan])[product][bought]
    lines, last = np.bincount(codes, minlength=len(coded)).astype(float), np.zeros(len(coded), dtype=np.int64)
    last[codes] = at
    prices: Columns = {
        "priced_lines": ~np.isnan(level),
        "price_level": _filled(level),
        "premium_lines": level >= PREMIUM_LEVEL,
        "budget_lines": level < BUDGET_LEVEL,
    }
    found: Columns = {name: np.bincount(codes, weights=column, minlength=len(coded)) for name, column in prices.items()}
    category = np.ones(len(coded))
    category[0] = 0.0
    favourite = np.where(category > 0, lines * FAVOURITE_LINES + last // 1_000_000, np.nan)
    found |= {"at": last, "category": category, "lines": lines * category, "favourite": favourite}
    found["lines_log_lines"] = found["lines"] * np.log(np.maximum(lines, 1.0))
    return {name: column[lines > 0] for name, column in found.items()}


def returns(known: Known) -> Columns:
    """One row per returned line; see `features.sources.returns`."""
    lines = known.history.lines
    back = lines["kind"] == _RETURN
    rows = {name: column[back] for name, column in lines.items()}
    return {"at": rows["at"], "value": np.abs(_line_values(rows)[1]), "lines": np.ones(len(rows["at"]))}


def events(known: Known) -> Columns:
    """One row per event; see `features.sources.events`."""
    rows = known.history.events
    order = np.lexsort((rows["value"], rows["at"]))
    rows = {name: column[order] for name, column in rows.items()}
    types = known.history.names.event_types
    columns = _counted(rows["at"], rows["type"], types, EVENT_GROUPS)
    again = _viewed_again(rows, types)
    columns["repeat_view"], columns["at_repeat_view"] = again.astype(float), np.where(again, rows["at"], np.nan)
    columns["survey_score"] = np.where(columns["survey"] > 0, rows["value"], np.nan)
    return columns


def carts(known: Known) -> Columns:
    """One row per cart that was left; see `features.sources.carts`."""
    rows, types = known.history.events, known.history.names.event_types
    put = rows["type"] == (types.index("add_to_cart") if "add_to_cart" in types else -2)
    at, sold, day = rows["at"][put], known.sold["at"], CART_LEFT_AFTER_DAYS * DAY_US
    following = np.append(sold, np.iinfo(np.int64).max)[np.searchsorted(sold, at)]
    left = (following >= at + day) & (np.maximum(rows["known_at"][put], at + day) < known.cut)
    return {"at": at[left], "abandoned": np.ones(int(left.sum()))}


def contacts(known: Known) -> Columns:
    """One row per contact, and per answer to one; see `features.sources.contacts`."""
    rows = known.history.contacts
    return _counted(rows["at"], rows["type"], known.history.names.contact_types, CONTACT_KINDS)


def _counted(at: NDArray[np.int64], codes: NDArray[Any], names: tuple[str, ...], groups: Mapping[str, tuple[str, ...]]) -> Columns:
    """at, and a count column and an instant column for every group of types."""
    members = np.array([[name in types for name in names] for types in groups.values()], dtype=bool)[:, codes]
    instants = np.where(members, at, np.nan)
    counts = members.astype(float)
    found = {"at": at}
    for place, group in enumerate(groups):
        found[group], found[f"at_{group}"] = counts[place], instants[place]
    return found


def _viewed_again(rows: Arrays, types: tuple[str, ...]) -> NDArray[np.bool_]:
    again = np.zeros(len(rows["at"]), dtype=bool)
    if "product_view" not in types:
        return again
    views = np.flatnonzero((rows["type"] == types.index("product_view")) & (rows["product"] >= 0))
    together = np.where(rows["known_at"] > rows["at"], rows["known_at"], 0)
    views = views[np.lexsort((rows["at"][views], together[views], rows["product"][views]))]
    product, moment, at = rows["product"][views], together[views], rows["at"][views]
    same = (product[1:] == product[:-1]) & (moment[1:] == moment[:-1])
    again[views[1:]] = same & (np.diff(at) <= REPEAT_VIEW_DAYS * DAY_US)
    return again


def _by_order(lines: Arrays, order_ids: tuple[str, ...]) -> Arrays:
    """The lines with those of one order together, where orders share an instant."""
    at, order = lines["at"], lines["order"]
    if not ((at[1:] == at[:-1]) & (order[1:] != order[:-1])).any():
        return lines
    rank = np.empty(len(order_ids), dtype=np.int64)
    rank[sorted(range(len(order_ids)), key=order_ids.__getitem__)] = np.arange(len(order_ids))
    sequence = np.lexsort((rank[order], at))
    return {name: column[sequence] for name, column in lines.items()}


def _starts(at: NDArray[np.int64], order: NDArray[Any]) -> NDArray[np.intp]:
    """Where the lines of each order begin."""
    return np.flatnonzero(np.concatenate(([True], (at[1:] != at[:-1]) | (order[1:] != order[:-1]))))


def _first(codes: NDArray[Any]) -> NDArray[np.int64]:
    """The place of each code's first row; -1 is no code."""
    place = np.full(int(codes.max(initial=-1)) + 2, -1)
    place[codes[::-1]] = np.arange(len(codes))[::-1]
    found: NDArray[np.int64] = place[:-1]
    return found[found >= 0]


SOURCES: Final[Mapping[str, Callable[[Known], Columns]]] = {
    "orders": orders,
    "firsts": firsts,
    "categories": categories,
    "returns": returns,
    "events": events,
    "carts": carts,
    "contacts": contacts,
}
