"""Gathers the panel from a home's tables: states at cut-offs, the money between them, and who unsubscribed when."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import batch, cutoffs
from features.batch import CUT
from features.contract import AS_OF, CUSTOMER_ID
from features.definitions import FEATURES
from features.engine import Tables
from features.instants import microseconds
from features.journey import Stages, stages_of
from features.money_flow import STEP, spent_between, unsubscribed_at
from features.states import Feature
from training.journey.panel import ABSENT, Floats, Panel
from training.journey.states import silence_codes, state_codes
from training.splits import customer_parts

MONTH: Final = timedelta(days=365.25 / 12)
PARTS: Final = (1, 2, 4)  # steps are whole, half or quarter months: the longest of which LEAST_WANTED fit
WANTED_STEPS: Final = 6
MOST_MONTHS: Final = 24
MOST_CUSTOMERS: Final = 100_000  # more of them make the estimates no better, and the memory dearer


def gather_panel(tables: Tables, as_of: datetime, stages: Stages) -> Panel:
    """The panel as of a time: no row at or after `as_of` is seen, and the last step ends there.

    Steps are months, or half or quarter months where that gives WANTED_STEPS of them, MOST_MONTHS of them at most. Above MOST_CUSTOMERS a share of
    the customers is taken, the same one every time. Without events, people without an order are left out: what they do before one is not known.
    """
    cuts, parts = step_cutoffs(_first_at(tables, as_of), as_of)
    frame = _with_stages(tables, cuts, stages)
    rows, customers = pd.factorize(frame[CUSTOMER_ID])
    columns = np.searchsorted(np.array(cuts, "datetime64[us]"), frame[AS_OF].to_numpy("datetime64[us]"))
    states = np.full((len(customers), len(cuts)), ABSENT, np.int8)
    counts, silences = np.zeros(states.shape), np.zeros(states.shape, np.int8)
    states[rows, columns] = state_codes(frame["stage"].to_numpy(str), frame["order_count"].to_numpy())
    counts[rows, columns] = frame["order_count"].to_numpy()
    silences[rows, columns] = silence_codes(frame["days_since_last_order"].to_numpy() / (MONTH / parts / timedelta(days=1)))
    index = pd.Index(customers)
    spent, left = _spent(tables, cuts, index), _unsubscribed(tables, cuts, index)
    return Panel(states, counts, silences, spent, left, tuple(cuts), 1.0 / parts, _spent_a_year(tables, as_of))


def step_cutoffs(first_at: datetime | None, as_of: datetime) -> tuple[list[datetime], int]:
    """Ascending cut-offs that end with `as_of`, and how many of their steps make a month; `as_of` alone where nothing is known before."""
    if first_at is None:
        return [as_of], PARTS[0]
    fitting = [(int((as_of - first_at) / (MONTH / parts)), parts) for parts in PARTS]
    steps, parts = next((one for one in fitting if one[0] >= WANTED_STEPS), fitting[-1])
    steps = min(steps, MOST_MONTHS * parts)
    return [as_of - i * (MONTH / parts) for i in range(steps, -1, -1)], parts


def _first_at(tables: Tables, as_of: datetime) -> datetime | None:
    found = [cutoffs.first_order_at(tables), _first_event_at(tables, as_of)]
    return min((at for at in found if at is not None and at < as_of), default=None)


def _first_event_at(tables: Tables, as_of: datetime) -> datetime | None:
    value = tables.events.occurred_at.min().execute()
    return value.to_pydatetime() if value is not None and value == value and value < as_of else None


def _customer_count(tables: Tables, as_of: datetime) -> int:
    """Customers with orders or those with events, whichever are more."""
    orders, events = tables.orders, tables.events
    counts = (orders.filter(orders.ordered_at < as_of), events.filter(events.occurred_at < as_of))
    return max(int(rows[CUSTOMER_ID].nunique().execute()) for rows in counts)


def _with_stages(tables: Tables, cuts: Sequence[datetime], stages: Stages) -> pd.DataFrame:
    """customer_id, as_of, order_count, days_since_last_order, stage: everybody known at each cut-off, by the features that the rules read."""
    names = {
        "order_count",
        "days_since_last_order",
        *(level.feature for level in stages.levels),
        *(name for _, rule in stages.rules for name in rule.names),
    }
    wanted: list[Feature] = [feature for feature in FEATURES if feature.name in names]
    thin = -(-_customer_count(tables, cuts[-1]) // MOST_CUSTOMERS)
    found = [_thinned(part.to_pandas(), thin) for part in batch.parts(tables, cuts, wanted)]
    known = pd.concat(found, ignore_index=True)
    known[AS_OF] = known.pop(CUT).to_numpy("int64").astype("datetime64[us]")
    known = known.sort_values([CUSTOMER_ID, AS_OF], ignore_index=True)
    if _first_event_at(tables, cuts[-1]) is None:
        known = known[known["order_count"] > 0].reset_index(drop=True)
    columns = [CUSTOMER_ID, AS_OF, "order_count", "days_since_last_order"]
    return known[columns].assign(stage=stages_of(known, stages).astype("str"))


def _thinned(part: pd.DataFrame, parts: int) -> pd.DataFrame:
    return part if parts <= 1 else part[customer_parts(part[CUSTOMER_ID], parts) == 0]


def _spent(tables: Tables, cuts: Sequence[datetime], customers: pd.Index) -> Floats:
    spent = np.zeros((len(customers), len(cuts) - 1))
    if len(cuts) > 1:
        found = spent_between(tables, cuts)
        rows = customers.get_indexer(pd.Index(found[CUSTOMER_ID]))
        known = rows >= 0
        spent[rows[known], found[STEP].to_numpy()[known]] = found["spent"].to_numpy()[known]
    return spent


def _unsubscribed(tables: Tables, cuts: Sequence[datetime], customers: pd.Index) -> NDArray[np.int64]:
    found = unsubscribed_at(tables, cuts[-1])
    rows = customers.get_indexer(pd.Index(found[CUSTOMER_ID]))
    steps = np.searchsorted([microseconds(cut) for cut in cuts], found["unsubscribed_us"].to_numpy(), side="right") - 1
    left = np.full(len(customers), len(cuts) - 1, np.int64)
    left[rows[rows >= 0]] = steps[rows >= 0]
    return left


def _spent_a_year(tables: Tables, as_of: datetime) -> float | None:
    """Mean money of the last year of those who bought: what is believed where steps are too few."""
    wanted = [feature for feature in FEATURES if feature.name in {"order_count", "value_365d"}]
    known = batch.features(tables, [as_of], wanted)
    bought = known.loc[known["order_count"] > 0, "value_365d"]
    return float(bought.mean()) if len(bought) else None
