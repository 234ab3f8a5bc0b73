"""Questions to a model as arrays: tables of many customers, or the signals of one."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from features.instants import DAY_US, microseconds
from features.interaction_tables import CARTED, INTEREST, REMOVED, Interactions
from training.affinity.asked import Asked, Seen
from training.affinity.catalogue import UNKNOWN
from training.affinity.history import CART, LOOKED, TAKEN_OUT, encode_any
from training.affinity.recall import Range, asked_of, columns_of, distinct
from training.affinity.signals import Signals

KINDS = {name: CART if name in CARTED else TAKEN_OUT if name in REMOVED else LOOKED for name in INTEREST}


def of_tables(known: Interactions, customers: NDArray[np.str_], day: int, shop: Range) -> Asked:
    """These customers (sorted ids) as of a day; strangers have no rows. Places are those that the shop's model knows."""
    history = encode_any(known)
    place = np.asarray([shop.place(name) for name in history.place_names] + [UNKNOWN], np.int64)[history.place]
    at = np.searchsorted(history.customer_ids, customers)
    found = np.append(history.customer_ids, "")[np.minimum(at, len(history.customer_ids))] == customers
    codes = np.where(found, at, UNKNOWN).astype(np.int64)
    asked = asked_of(history, day, columns_of(shop, history), codes, products=len(shop.product_ids))
    return Asked(day, asked.customers, asked.products, asked.bought, asked.seen, np.append(place, UNKNOWN)[codes])


def of_signals(signals: Signals, as_of: datetime, shop: Range) -> Asked:
    """One customer or visitor as of a time; rows at or after it are not seen, and pieces that came back are no purchase."""
    now = microseconds(as_of)
    bought = [(product_id, at) for product_id, at, quantity in signals.purchases if at < now and not quantity <= 0]
    column = shop.columns([product_id for product_id, _ in bought])
    day = np.asarray([at for _, at in bought], np.int64) // DAY_US
    place = np.asarray([shop.place(signals.place)], np.int64)
    products = len(shop.product_ids)
    return Asked(now // DAY_US, 1, products, distinct(np.zeros_like(column), column, day), _seen(signals.interest, now, shop), place)


def _seen(interest: Sequence[tuple[str, int, str]], now: int, shop: Range) -> Seen:
    rows = sorted((at, product_id, KINDS[kind]) for product_id, at, kind in interest if at < now and kind in KINDS)
    column = shop.columns([product_id for _, product_id, _ in rows])
    known = column != UNKNOWN
    at, kind = (np.asarray([row[i] for row in rows], np.int64)[known] for i in (0, 2))
    return Seen(np.zeros(int(known.sum()), np.int64), column[known], at, kind)
