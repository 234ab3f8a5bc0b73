"""The moment of one decision: a situation and an ask, as the named values that gates look at and the arrays that arbitration looks at."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisions.arbitration import Circumstances
from decisions.channel_choice import counts, shop_counts
from decisions.contact_time import local_hour
from decisions.policy import Policy
from decisions.product_scope import priced, scoped
from decisions.situation import VISITOR, Ask, Product, Situation, stage_place

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Moment:
    """One customer now. `values` are named; `shown` holds the products that each action would speak of."""

    situation: Situation
    stage: str
    values: dict[str, object]
    shown: Mapping[str, tuple[Product, ...]]
    known: Circumstances


def moment_of(situation: Situation, ask: Ask, policy: Policy) -> Moment:
    """The moment in which this ask is decided."""
    stage = situation.stage if ask.stage is None else ask.stage
    shown = shown_products(situation, policy)
    values: dict[str, object] = {
        **situation.profile,
        **situation.features,
        "stage": stage,
        f"stage:{stage}": 1.0,
        "churn_probability": situation.churn_probability,
        "expected_order_value": situation.expected_order_value,
        **policy.gates.facts.of(situation.contacts, situation.as_of),
        **{f"consent:{channel}": float(given) for channel, given in situation.consent.items()},
        **{f"products:{action_id}": float(len(found)) for action_id, found in shown.items()},
        **budget_values(situation.budgets_left),
    }
    if situation.visitor:
        values[VISITOR] = 1.0
    if "local_hour" in policy.gates.names:
        values["local_hour"] = local_hour(situation.as_of, situation.timezone or situation.shop.timezone)
    return Moment(situation, stage, values, shown, _circumstances(situation, stage, shown, policy))


def failures(moment: Moment, ask: Ask, policy: Policy) -> Flags:
    """(1, U): which gates forbid now. Quiet hours forbid no contact that is made later."""
    failed = np.array([not holds(moment.values) for holds in policy.gates.tests], dtype=bool)
    return np.asarray(failed & ~policy.gates.quiet if ask.deferred else failed)[None, :]


def shown_products(situation: Situation, policy: Policy) -> dict[str, tuple[Product, ...]]:
    """The products that each action of the catalogue would speak of, by action_id; of actions that speak of none nothing."""
    return {a.action_id: scoped(a.products, situation.products) for a in policy.catalogue.actions if a.products.sources}


def budget_values(left: Mapping[str, tuple[float | None, float | None]]) -> dict[str, object]:
    """What is left of budgets, by the names that gates use."""
    found: dict[str, object] = {}
    for action_id, (contacts, money) in left.items():
        found[f"budget_contacts:{action_id}"] = contacts
        found[f"budget_money:{action_id}"] = money
    return found


def prices_of(shown: Mapping[str, tuple[Product, ...]], policy: Policy) -> list[float]:
    """Per action of the catalogue: what the products that it shows cost together; NaN where that is not known, or does not matter."""
    found = []
    for action in policy.catalogue.actions:
        price = priced(shown.get(action.action_id, ())) if action.offer is not None and action.offer.on_products else None
        found.append(np.nan if price is None else price)
    return found


def _circumstances(situation: Situation, stage: str, shown: Mapping[str, tuple[Product, ...]], policy: Policy) -> Circumstances:
    channels = policy.arbiter.channels
    sent, answered = counts([situation.answers], channels)
    shop_sent, shop_answered = shop_counts(situation.shop.answers, channels)
    return Circumstances(
        stages=np.array([stage_place(stage)]),
        order_counts=np.array([situation.features.get("order_count", 0.0)]),
        order_values=np.array([situation.expected_order_value]),
        sent=sent,
        answered=answered,
        shop_sent=shop_sent,
        shop_answered=shop_answered,
        prices=np.array([prices_of(shown, policy)]),
    )
