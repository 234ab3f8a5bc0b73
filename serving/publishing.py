"""Brings histories, profiles, products and scores to where serving reads them: a new generation, visible whole or not at all.

Batches are committed one by one beside the old generation; the last, short transaction makes the new one visible. A crash
leaves the old one in place, and the next publication clears what was left half-written.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, repeat
from typing import Any, Final, TypeVar

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from features.contract import CUSTOMERS
from features.crowds import Crowd
from features.histories import Histories
from features.history import FORMAT, CustomerHistory
from features.own_rows import ShopFacts
from serving.clock import wall
from serving.held import Held
from serving.plain import plain
from serving.score_rows import score_rows
from serving.shop import EVERYBODY
from serving.shop_totals import ShopTotals
from serving.state import publications
from serving.state import scores as stored_scores
from serving.state.database import State
from serving.state.publications import CustomerRow
from training.segments.rfm import RfmEdges

CONTENTS: Final = 7
"""What a publication holds; another number says that publishing the same again would bring more."""

BATCH: Final = 2_000
MOST_POPULAR: Final = 200
MOST_STEPS: Final = 1_000

T = TypeVar("T")

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Published:
    """What a publication holds."""

    generation: int
    as_of: datetime
    customer_count: int
    product_count: int
    scored_count: int


@dataclass(frozen=True)
class _Known:
    """What is known about customers beside their histories, by customer_id."""

    profiles: Mapping[str, Mapping[str, Any]]
    consents: Mapping[str, Mapping[str, bool]]
    contacts: Mapping[str, list[dict[str, Any]]]
    stages: Mapping[str, str]


def publish(
    state: State,
    *,
    as_of: datetime,
    known_until: datetime | None = None,
    histories: Iterable[tuple[str, CustomerHistory]],
    profiles: Mapping[str, Mapping[str, Any]] | None = None,
    consents: Mapping[str, Mapping[str, bool]] | None = None,
    contacts: pd.DataFrame | None = None,
    visitors: pd.DataFrame | None = None,
    products: pd.DataFrame | None = None,
    shop: ShopFacts | None = None,
    scores: pd.DataFrame | None = None,
    levels: Mapping[str, float] | None = None,
    rfm: RfmEdges | None = None,
    currency: str = "",
    conversion_value: float = 0.0,
    made_of: Mapping[str, Any] | None = None,
    held: Held | None = None,
    progress: Progress = lambda _: None,
) -> Published:
    """Publishes histories, and what is said about the shop and its customers as of `as_of`; says what.

    Histories and contacts reach to `known_until` (`as_of` where left out), since a server cuts them by its own clock; scores, levels and
    everything summed up over the shop see nothing at or after `as_of`. `made_of` is kept with the publication, to tell whether another one
    would be the same. `histories` gives (customer_id, history) once per customer. `profiles` and `consents` are those of `features.profiles` (customers
    without a history are published too), `contacts` are those of `features.contacts`, `visitors` those of `features.visitors`. `products` is the
    contract's table; `shop` is what
    features know of it (`features.products.known_products`, and the tables' time zone); `scores` has
    one row per customer, as `training.score.churn_scores` makes it; `levels` are the shop's (`features.journey`), `rfm` is what separates the
    fifths of its customers (`training.segments.rfm`), and sentences tell money in `currency`; `conversion_value` stands for an order's where no
    orders are known. `held` says which posted rows these histories hold: they leave in the moment in which the publication becomes visible.
    `progress` is called with the number of customers written so far.
    """
    facts_of_shop = shop or ShopFacts()
    totals = ShopTotals(as_of, facts_of_shop.timezone)
    known = _Known(profiles or {}, consents or {}, _contacts(contacts), _stages(scores))
    with state.writing() as connection:
        generation = publications.begin(connection, as_of=known_until or as_of, started_at=wall())
    listed = _product_rows(products, facts_of_shop)
    for batch in _batches(listed):
        with state.writing() as connection:
            publications.add_products(connection, generation, batch)
    for crowd, without_history in _everybody(histories, known):
        written = totals.customer_count
        for rows in _batches(_customer_rows(crowd, without_history, known, totals)):
            with state.writing() as connection:
                publications.add_customers(connection, generation, rows)
            written += len(rows)
            progress(written)
    for batch in _batches(_visitor_rows(visitors)):
        with state.writing() as connection:
            publications.add_visitors(connection, generation, batch)
    scored_count = _add_scores(state, generation, scores, as_of, currency)
    if held is not None:
        held.mark_known(state)
    with state.writing() as connection:
        stored_scores.record_band_changes(connection, generation, wall())
        facts = _facts(totals, known, scores, levels or {}, conversion_value)
        fifths = {} if rfm is None else {"rfm": rfm.to_json()}
        form = {"history_format": FORMAT, "timezone": facts_of_shop.timezone, "made_of": dict(made_of or {})}
        publications.complete(connection, generation, {**facts, **fifths, **form})
        if held is not None:
            held.remove(connection, generation)
    with state.writing() as connection:
        publications.remove_others(connection, generation, wall())
    return Published(generation, as_of, totals.customer_count, len(listed), scored_count)


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        yield batch


def _everybody(histories: Iterable[tuple[str, CustomerHistory]], known: _Known) -> Iterator[tuple[Crowd, bool]]:
    """Everybody with a history, then everybody with a profile alone, in crowds; and whether these are the latter."""
    unseen = set(known.profiles)
    for crowd in histories.crowds() if isinstance(histories, Histories) else _crowds(histories):
        unseen.difference_update(crowd.customer_ids)
        yield crowd, False
    for batch in _batches(sorted(unseen)):
        yield Crowd.of(batch, [CustomerHistory.empty()] * len(batch)), True


def _crowds(histories: Iterable[tuple[str, CustomerHistory]]) -> Iterator[Crowd]:
    for batch in _batches(histories):
        customer_ids, own = zip(*batch, strict=True)
        yield Crowd.of(customer_ids, own)


def _customer_rows(crowd: Crowd, without_history: bool, known: _Known, totals: ShopTotals) -> list[CustomerRow]:
    """A row of the table for each of them."""
    profiles = [known.profiles.get(customer_id, {}) for customer_id in crowd.customer_ids]
    contacts = [known.contacts.get(customer_id, ()) for customer_id in crowd.customer_ids]
    totals.add(crowd, profiles, contacts)
    histories = repeat(None) if without_history else crowd.encoded()
    return [
        CustomerRow(who, _json(profile), _json(known.consents.get(who, {})), _json(told), history, known.stages.get(who))
        for who, profile, told, history in zip(crowd.customer_ids, profiles, contacts, histories, strict=False)
    ]


def _json(value: Any) -> bytes:
    """As JSON text, of what `plain` makes of it."""
    return orjson.dumps(value, default=plain)


def _contacts(frame: pd.DataFrame | None) -> dict[str, list[dict[str, Any]]]:
    """What the home knows of earlier contacts, by customer, oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in [] if frame is None else frame.to_dict("records"):
        fields = {name: plain(row[name]) for name in ("decision_id", "action_id", "channel", "decided_at", "outcomes", "outcomes_at")}
        found.setdefault(str(row["customer_id"]), []).append(fields)
    return found


def _visitor_rows(frame: pd.DataFrame | None) -> Iterator[dict[str, Any]]:
    """A row of the table for every visitor of the home's history who was identified."""
    if frame is not None:
        for visitor_id, customer_id, at in zip(frame["visitor_id"], frame["customer_id"], frame["identified_at"], strict=True):
            yield {"visitor_id": str(visitor_id), "customer_id": str(customer_id), "identified_at": at.to_pydatetime()}


def _stages(scores: pd.DataFrame | None) -> dict[str, str]:
    return {} if scores is None or "stage" not in scores else dict(zip(scores["customer_id"].astype("str"), scores["stage"], strict=True))


def _add_scores(state: State, generation: int, scores: pd.DataFrame | None, as_of: datetime, currency: str) -> int:
    """Writes everybody's scores; how many there are."""
    count = 0
    for batch in score_rows(scores, as_of, BATCH, currency) if scores is not None else ():
        with state.writing() as connection:
            stored_scores.add(connection, generation, batch)
        count += len(batch)
    return count


def _product_rows(frame: pd.DataFrame | None, shop: ShopFacts) -> list[dict[str, Any]]:
    if frame is None:
        return []
    return [_product_row({str(name): plain(value) for name, value in row.items()}, shop) for row in frame.to_dict("records")]


def _product_row(row: Mapping[str, Any], shop: ShopFacts) -> dict[str, Any]:
    named = ("product_id", "name", "category", "list_price", "image_url")
    others = {name: value for name, value in row.items() if name not in (*named, "available", "available_from") and value is not None}
    available_from = row.get("available_from")
    widest_category, price_level = shop.products.get(str(row["product_id"]), (None, math.nan))
    return {
        **{name: row.get(name) for name in named},
        "product_id": str(row["product_id"]),
        "available": row.get("available") is not False,
        "available_from": None if available_from is None else datetime.fromisoformat(str(available_from)),
        "attributes": others,
        "widest_category": widest_category,
        "price_level": plain(price_level),
    }


def _facts(
    totals: ShopTotals, known: _Known, scores: pd.DataFrame | None, levels: Mapping[str, float], conversion_value: float
) -> dict[str, Any]:
    most = sorted(totals.buyers, key=lambda product_id: (-totals.buyers[product_id], product_id))[:MOST_POPULAR]
    return {
        "as_of": totals.as_of.isoformat(),
        "levels": {name: float(value) for name, value in levels.items() if np.isfinite(value)},
        "mean_order_value": totals.value / totals.order_count if totals.order_count else conversion_value,
        "customer_count": totals.customer_count,
        "attributes": sorted({name for profile in known.profiles.values() for name in profile} - set(CUSTOMERS.names)),
        "popular": [[product_id, totals.buyers[product_id]] for product_id in most],
        "churn_quantiles": _churn_quantiles(scores),
        "habits": totals.habits.to_plain(),
        "consent_channels": sorted({channel for given in known.consents.values() for channel in given}),
    }


def _churn_quantiles(scores: pd.DataFrame | None) -> dict[str, list[float]]:
    """Churn probabilities at equal steps through the customers, overall and per stage: everybody's, or MOST_STEPS of many."""
    if scores is None or scores.empty:
        return {}
    groups = {EVERYBODY: scores, **{str(stage): part for stage, part in scores.groupby("stage")}}
    found = {name: np.sort(part["churn_probability"].dropna().to_numpy(float)) for name, part in groups.items()}
    return {name: _steps(values).tolist() for name, values in found.items() if len(values)}


def _steps(rising: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(rising) <= MOST_STEPS:
        return rising
    middles = (np.arange(MOST_STEPS) + 0.5) * len(rising) / MOST_STEPS
    return np.take(rising, middles.astype(int))
