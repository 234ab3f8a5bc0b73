"""Many customers at one time, column by column: what a batch, an audience and the simulator decide on. One customer's `decisions.moment`, many times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.arbitration import Circumstances
from decisions.channel_choice import counts, shop_counts
from decisions.contact_history import ContactRows
from decisions.contact_time import local_hours
from decisions.moment import prices_of, shown_products
from decisions.policy import Policy
from decisions.situation import VISITOR, Ask, ShopHabits, Situation, stage_place
from features.contract import STAGES
from features.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Crowd:
    """Customers as of one time. All arrays have one entry, or row, per customer.

    stages: places in `features.contract.STAGES`. columns: features, profile and consent (`consent:CHANNEL`, 1 or 0) by name, NaN or None for missing; what
    is not there is missing for everybody. order_values: money of an order. sent, answered: customers x channels of the catalogue by the alphabet.
    product_counts, prices: by action_id, of the products that the action would show; what is not there is 0, and unknown. timezones: empty for the shop's.
    `budgets_left` are what the shop's budgets leave before the first of them. `situations` are what the crowd was made of, if it was.
    """

    customer_ids: Sequence[str]
    as_of: datetime
    stages: Ints
    columns: Mapping[str, NDArray[Any]]
    order_values: Floats
    contacts: ContactRows
    sent: Floats
    answered: Floats
    shop: ShopHabits
    product_counts: Mapping[str, Floats] = field(default_factory=dict)
    prices: Mapping[str, Floats] = field(default_factory=dict)
    timezones: Sequence[str] = ()
    budgets_left: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    situations: Sequence[Situation] = ()

    def __len__(self) -> int:
        return len(self.customer_ids)

    def part(self, rows: slice) -> "Crowd":
        """These customers alone, whose budgets are those of the whole crowd."""
        first, last, _ = rows.indices(len(self))
        contacts = self.contacts
        mine = (contacts.customer >= first) & (contacts.customer < last)
        picked = ContactRows(
            contacts.customer[mine] - first,
            contacts.age_days[mine],
            contacts.kind[mine],
            contacts.kinds,
            contacts.outcome[mine],
            contacts.outcomes,
        )
        return Crowd(
            self.customer_ids[rows],
            self.as_of,
            self.stages[rows],
            {name: column[rows] for name, column in self.columns.items()},
            self.order_values[rows],
            picked,
            self.sent[rows],
            self.answered[rows],
            self.shop,
            {name: column[rows] for name, column in self.product_counts.items()},
            {name: column[rows] for name, column in self.prices.items()},
            self.timezones[rows] if self.timezones else (),
            self.budgets_left,
            self.situations[rows] if self.situations else (),
        )


def crowd_of(situations: Sequence[Situation], policy: Policy) -> Crowd:
    """The crowd of these situations, which must be of one time and one shop. Raises InputError where they are not."""
    if not situations:
        raise InputError("Nobody is asked for.", remedy="Name at least one customer.")
    first = situations[0]
    if any(each.as_of != first.as_of or each.shop is not first.shop for each in situations):
        raise InputError("The situations are of several times or shops.", remedy="Decide on customers of one time and one shop together.")
    shown = [shown_products(each, policy) for each in situations]
    prices = np.array([prices_of(each, policy) for each in shown])
    actions = policy.catalogue.actions
    sent, answered = counts([each.answers for each in situations], policy.arbiter.channels)
    return Crowd(
        customer_ids=[each.customer_id for each in situations],
        as_of=first.as_of,
        stages=np.array([stage_place(each.stage) for each in situations]),
        columns=_columns(situations, policy),
        order_values=np.array([each.expected_order_value for each in situations]),
        contacts=ContactRows.of([each.contacts for each in situations], first.as_of),
        sent=sent,
        answered=answered,
        shop=first.shop,
        product_counts={a.action_id: np.array([float(len(each[a.action_id])) for each in shown]) for a in actions if a.products.sources},
        prices={action.action_id: prices[:, number] for number, action in enumerate(actions)},
        timezones=[each.timezone for each in situations],
        budgets_left=first.budgets_left,
        situations=situations,
    )


def frame_of(crowd: Crowd, ask: Ask, policy: Policy) -> pd.DataFrame:
    """The named values that the policy's gates look at, one row per customer; without budgets, which change from one to the next."""
    stages = stages_of(crowd, ask)
    wanted = policy.gates.names
    found: dict[str, Any] = {name: column for name, column in crowd.columns.items() if name in wanted}
    if "stage" in wanted:
        found["stage"] = np.array(STAGES, dtype=object)[stages]
    found |= {name: (stages == place).astype(np.float64) for place, name in enumerate(_STAGE_NAMES) if name in wanted}
    found |= policy.gates.facts.of_many(crowd.contacts, len(crowd))
    found |= {f"products:{action_id}": count for action_id, count in crowd.product_counts.items()}
    if "expected_order_value" in wanted:
        found["expected_order_value"] = crowd.order_values
    if "local_hour" in wanted:
        zones = [zone or crowd.shop.timezone for zone in (crowd.timezones or [""] * len(crowd))]
        found["local_hour"] = local_hours([crowd.as_of] * len(crowd), zones)
    return pd.DataFrame(found, index=range(len(crowd)), copy=False)


def circumstances(crowd: Crowd, ask: Ask, policy: Policy) -> Circumstances:
    """What arbitration looks at."""
    channels = policy.arbiter.channels
    shop_sent, shop_answered = shop_counts(crowd.shop.answers, channels)
    unknown = np.full(len(crowd), np.nan)
    prices = [crowd.prices.get(action.action_id, unknown) for action in policy.catalogue.actions]
    return Circumstances(
        stages=stages_of(crowd, ask),
        order_counts=np.nan_to_num(np.asarray(crowd.columns.get("order_count", np.zeros(len(crowd))), dtype=np.float64)),
        order_values=crowd.order_values,
        sent=crowd.sent,
        answered=crowd.answered,
        shop_sent=shop_sent,
        shop_answered=shop_answered,
        prices=np.stack(prices, axis=1),
    )


def stages_of(crowd: Crowd, ask: Ask) -> Ints:
    """The stage that is decided about, per customer: their own, or the one asked for."""
    return crowd.stages if ask.stage is None else np.full(len(crowd), STAGES.index(ask.stage))


_STAGE_NAMES = tuple(f"stage:{stage}" for stage in STAGES)


def _columns(situations: Sequence[Situation], policy: Policy) -> dict[str, NDArray[Any]]:
    """The columns that the gates name, and the number of orders."""
    found: dict[str, NDArray[Any]] = {}
    for name in policy.gates.names | {"order_count"}:
        if name.startswith("consent:"):
            channel = name.partition(":")[2]
            found[name] = np.array([float(each.consent[channel]) if channel in each.consent else np.nan for each in situations])
        elif name == VISITOR:
            found[name] = np.array([float(each.visitor) for each in situations])
        elif name == "churn_probability":
            found[name] = np.array([np.nan if each.churn_probability is None else each.churn_probability for each in situations])
        elif ":" not in name and name not in ("stage", "expected_order_value", "local_hour"):
            found[name] = _column([each.features.get(name, each.profile.get(name)) for each in situations])
    return found


def _column(values: Sequence[Any]) -> NDArray[Any]:
    numbers = all(value is None or isinstance(value, float) for value in values)
    return np.array([np.nan if value is None else value for value in values]) if numbers else np.array(values, dtype=object)
