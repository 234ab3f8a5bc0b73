"""The simulated shop's tables, with the columns of the data contract, as its owner would hand them over."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from decisions.simulator.baskets import KINDS, SHIPPING_FREE_FROM, SHIPPING_PRICE, values
from decisions.simulator.behaviour import RESPONSE_DAYS, Floats, Ints, Records
from decisions.simulator.columns import frame, ids, instants, joined, numbers, words
from decisions.simulator.population import CONSENT_CHANNELS, LOCALES, ORDER_CHANNELS, PERSONAS
from decisions.simulator.rounds import Journal
from decisions.simulator.touchpoints import CHANNELS, OTHER_VISITORS_SHARE
from decisions.simulator.world import World
from features.contract import EVENT_TYPES, STAGES

FEE_CODE: Final = "SHIPPING"
CANCELLED: Final = "C"
CURRENCY: Final = "EUR"
STORES: Final = ("S1", "S2", "S3")
_FIRST_ORDER = 100_001
_PEOPLE = Path(__file__).with_name("people.yaml")


def orders_table(world: World, orders: Records, lines: Records, returned: Records) -> pd.DataFrame:
    """Order lines by time: sales (a few without customer), what came back (its order_id starts with C), and shipping fees."""
    fees = np.flatnonzero((values(orders, lines) < SHIPPING_FREE_FROM) & (orders["channel"] != ORDER_CHANNELS.index("store")))
    back, order = returned["line"], lines["order"]
    rows = {
        "kind": np.repeat([0, 1, 2], [order.size, back.size, fees.size]),
        "order": np.concatenate([order, order[back], fees]),
        "product": np.concatenate([lines["product"], lines["product"][back], np.full(fees.size, world.assortment.size)]),
        "quantity": np.concatenate([lines["quantity"], -lines["quantity"][back], np.ones(fees.size)]),
        "unit_price": np.concatenate([lines["unit_price"], _price_paid(lines)[back], np.full(fees.size, SHIPPING_PRICE)]),
        "discount_amount": np.concatenate([lines["discount_amount"], np.zeros(back.size + fees.size)]),
        "at": np.concatenate([orders["at"][order], returned["at"], orders["at"][fees]]),
    }
    sequence = np.lexsort((rows["product"], rows["order"], rows["at"]))
    return _order_rows(world, orders, {name: column[sequence] for name, column in rows.items()})


def _price_paid(lines: Records) -> Floats:
    return np.asarray(np.round(lines["unit_price"] - lines["discount_amount"] / lines["quantity"], 2), dtype=np.float64)


def _order_rows(world: World, orders: Records, rows: Records) -> pd.DataFrame:
    number, channel = orders["number"][rows["order"]], orders["channel"][rows["order"]]
    store = np.where(channel == ORDER_CHANNELS.index("store"), number % len(STORES), -1)
    is_return = rows["kind"] == 1
    mark = words(("", CANCELLED), is_return.astype(np.int64))
    return frame(
        {
            "customer_id": customer_ids(orders["customer"][rows["order"]]),
            "order_id": joined([mark, order_ids(number)]),
            "product_id": words([*product_codes(world), FEE_CODE], rows["product"]),
            "ordered_at": instants(world.period.start, rows["at"]),
            "quantity": numbers(rows["quantity"]),
            "unit_price": numbers(rows["unit_price"]),
            "discount_amount": numbers(rows["discount_amount"]),
            "channel": words(ORDER_CHANNELS, channel),
            "store_id": words(STORES, store),
            "currency": words([CURRENCY], np.zeros(number.size, dtype=np.int64)),
            "line_kind": words(KINDS, rows["kind"]),
            "returned_order_id": order_ids(np.where(is_return, number, -1)),
            "returned_order_derived": np.zeros(number.size, dtype=bool),
            "posted_line": np.full(number.size, np.nan),
        }
    )


def products_table(world: World) -> pd.DataFrame:
    """The range, by product_id."""
    goods = world.assortment
    codes = product_codes(world)
    return frame(
        {
            "product_id": codes,
            "name": list(goods.names),
            "category": words(goods.paths, goods.category),
            "brand": words(goods.brands, np.arange(goods.size) % len(goods.brands)),
            "list_price": numbers(goods.list_price),
            "unit_cost": numbers(goods.unit_cost),
            "available": goods.available,
            "available_from": instants(world.period.start, np.floor(goods.launched_at)),
            "image_url": [f"https://shop.example/images/{code}.jpg" for code in codes],
            "attributes": words(['{"refill": true}', '{"refill": false}'], np.isnan(goods.cycle_days[goods.category]).astype(np.int64)),
        }
    )


def customers_table(world: World, journal: Journal, rng: np.random.Generator) -> pd.DataFrame:
    """The customers, by customer_id, with consent at the period's end and a persona that the shop knows of."""
    people = world.population
    consent = {f"consent_{channel}": journal.consent[:, number] for number, channel in enumerate(CONSENT_CHANNELS)}
    columns = {"customer_id": customer_ids(np.arange(people.size)), **_profiles(people.locale, rng)}
    columns |= {"joined_at": instants(world.period.start, people.joined_at), **consent, "persona": words(PERSONAS, people.persona)}
    return frame(columns)


def _profiles(locale: Ints, rng: np.random.Generator) -> dict[str, Any]:
    read = yaml.safe_load(_PEOPLE.read_text(encoding="utf-8"))
    by_locale = [_locale_profiles(read[name]) for name in LOCALES]
    choice = [rng.integers(0, len(by_locale[0][what]), locale.size) for what in ("name", "place")]
    base = np.array([0, len(by_locale[0]["name"])]), np.array([0, len(by_locale[0]["place"])])
    name, place = choice[0] + base[0][locale], choice[1] + base[1][locale]
    places = [p for one in by_locale for p in one["place"]]
    number = np.arange(locale.size)
    return {
        "name": words([n for one in by_locale for n in one["name"]], name),
        "email": joined([ids("customer", number + 1), words(["@mail.example"], np.zeros_like(number))]),
        "phone": joined([words(["+84 900 ", "+44 7700 "], locale), ids("", rng.integers(0, 1_000_000, number.size), digits=6)]),
        "locale": words(LOCALES, locale),
        "city": words([city for city, _, _ in places], place),
        "region": words([region for _, region, _ in places], place),
        "country": words([country for _, _, country in places], place),
    }


def _locale_profiles(read: dict[str, Any]) -> dict[str, list[Any]]:
    pairs = [(family, given) for family in read["family"] for given in read["given"]]
    names = [f"{family} {given}" if read["family_first"] else f"{given} {family}" for family, given in pairs]
    return {"name": names, "place": [(city, region, read["country"]) for city, region in read["places"]]}


def events_table(world: World, events: Records) -> pd.DataFrame:
    """All touchpoints by time; purchases carry their order's id as a property."""
    size = events["at"].size
    visitors = world.population.size + round(OTHER_VISITORS_SHARE * world.population.size)
    shuffled = np.append(world.stream("visitor_ids").permutation(visitors) + 1, -1)
    order = joined(
        [
            words(['{"order_id": "'], np.zeros(size, dtype=np.int64)),
            order_ids(events["order"]),
            words(['"}'], np.zeros(size, dtype=np.int64)),
        ]
    )
    return frame(
        {
            "event_id": ids("e", np.arange(size), digits=8),
            "customer_id": customer_ids(events["customer"]),
            "visitor_id": ids("v", shuffled[events["visitor"]]),
            "event_type": words(EVENT_TYPES, events["type"]),
            "occurred_at": instants(world.period.start, events["at"]),
            "channel": words(CHANNELS, events["channel"]),
            "product_id": words(product_codes(world), events["product"]),
            "value": numbers(events["value"]),
            "decision_id": decision_ids(events["decision"]),
            "properties": order,
        }
    )


def decisions_table(world: World, journal: Journal) -> pd.DataFrame:
    """The logged decisions: what was chosen among what, with which probability, and a little of what was seen."""
    made, truth = journal.decisions, world.responses
    return frame(
        {
            "decision_id": decision_ids(np.arange(made["at"].size)),
            "customer_id": customer_ids(made["customer"]),
            "decided_at": instants(world.period.start, made["at"]),
            "stage": words(STAGES, made["stage"]),
            "channel": words(truth.way_channels, np.where(made["action"] == truth.no_action, -1, made["way"])),
            "action_id": words(truth.action_ids, made["action"]),
            "action_probability": numbers(made["probability"]),
            "policy_version": words([world.policy.version], np.zeros_like(made["stage"])),
            "holdout": made["holdout"],
            "candidates": words(journal.menus, made["menu"]),
            "features": _seen(made),
        }
    )


def _seen(decisions: Records) -> Any:
    zero = np.zeros_like(decisions["order_count"])
    count = ids("", decisions["order_count"], digits=1)
    days = ids("", np.floor(decisions["silent_days"]).astype(np.int64), digits=1)
    return joined([words(['{"order_count": '], zero), count, words([', "days_since_touch": '], zero), days, words(["}"], zero)])


def outcomes_table(world: World, journal: Journal, orders: Records, lines: Records) -> pd.DataFrame:
    """What followed each decision, by time. Converted: the customer's first order within a week, whatever brought it; value is its money."""
    made = journal.decisions
    converted_at, value = _conversions(made, orders, values(orders, lines))
    times = {name: made[f"{name}_at"] for name in ("delivered", "viewed", "accepted", "rejected", "unsubscribed")} | {
        "converted": converted_at
    }
    decision = np.concatenate([np.flatnonzero(~np.isnan(at)) for at in times.values()])
    at = np.concatenate([at[~np.isnan(at)] for at in times.values()])
    kind = np.repeat(np.arange(len(times)), [int((~np.isnan(at)).sum()) for at in times.values()])
    money = np.where(kind == len(times) - 1, value[decision], np.nan)
    sequence = np.lexsort((decision, at))
    return frame(
        {
            "event_id": ids("o", np.arange(at.size), digits=8),
            "decision_id": decision_ids(decision[sequence]),
            "outcome_type": words(list(times), kind[sequence]),
            "occurred_at": instants(world.period.start, at[sequence]),
            "value": numbers(money[sequence]),
        }
    )


def _conversions(decisions: Records, orders: Records, money: Floats) -> tuple[Floats, Floats]:
    """Time and value of the first order in the week after each decision; NaN where there is none. Orders lie by customer and time."""
    known = np.flatnonzero(orders["customer"] >= 0)
    stride = 1e6
    keys = orders["customer"][known] * stride + orders["at"][known]
    place = np.searchsorted(keys, decisions["customer"] * stride + decisions["at"], side="right")
    found = known[np.minimum(place, known.size - 1)] if known.size else np.zeros(place.size, dtype=np.int64)
    if not known.size:
        return np.full(place.size, np.nan), np.full(place.size, np.nan)
    after = orders["at"][found] - decisions["at"]
    follows = (place < known.size) & (orders["customer"][found] == decisions["customer"]) & (after < RESPONSE_DAYS)
    return np.where(follows, orders["at"][found], np.nan), np.where(follows, money[found], np.nan)


def customer_ids(customers: Ints) -> Any:
    """c0000001 and on; null for -1."""
    return ids("c", np.where(customers >= 0, customers + 1, -1))


def decision_ids(decisions: Ints) -> Any:
    """d00000001 and on; null for -1."""
    return ids("d", np.where(decisions >= 0, decisions + 1, -1), digits=8)


def order_ids(orders: Ints) -> Any:
    """100001 and on, by time; null for -1."""
    return ids("", np.where(orders >= 0, orders + _FIRST_ORDER, -1), digits=6)


def product_codes(world: World) -> Sequence[str]:
    """P0001 and on."""
    return [f"P{number + 1:04d}" for number in range(world.assortment.size)]
