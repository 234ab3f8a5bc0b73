"""What the simulated shop knows of its customers, as features: names and meanings are those of `features.definitions`."""

import numpy as np

from decisions.actions import Action
from decisions.offers import CART_DAYS, DUE_FROM, DUE_UNTIL, VIEWED_ONCE_DAYS
from decisions.simulator.behaviour import Floats, Ints, State


def known_features(state: State, at: float, customers: Ints) -> dict[str, Floats]:
    """The features of these customers at a time, as far as the weeks know them; NaN for what has not been yet.

    What is bought, looked at and ordered by is drawn after the weeks: features of products, money and order channels are left out, so they are
    missing to the rules. A visit is a touch, interest and a look at products in one; purchase days are counted as orders.
    """

    def since(times: Floats) -> Floats:
        passed = at - times[customers]
        return np.where(np.isfinite(passed) & (passed > 0), passed, np.nan)

    count = state.order_count[customers]
    last, first = since(state.last_order_at), since(state.first_order_at)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.where(count > 1, (first - last) / (count - 1), np.nan)
        overdue = np.where(gap > 0, last / gap, np.nan)
    interest, cart = since(state.last_interest_at), since(state.last_cart_at)
    return {
        "order_count": count.astype(np.float64),
        "days_since_last_order": last,
        "customer_age_days": first,
        "gap_mean_days": gap,
        "overdue_ratio": overdue,
        "days_since_touch": np.fmin(interest, since(state.last_touch_at)),
        "days_since_interest": interest,
        "days_since_product_view": interest,
        "days_since_cart": cart,
        "days_since_intent": cart,
        "referral_count": state.referral_count[customers].astype(np.float64),
        "last_survey_score": state.last_score[customers],
        "days_since_survey": since(state.last_survey_at),
        "days_since_unsubscribe": since(state.last_unsubscribed_at),
    }


def product_counts(action: Action, known: dict[str, Floats]) -> Floats:
    """How many products the action would show each of these customers: the sources are those of `decisions.offers`, of which the weeks know
    that there is something (one product), but not what. What the customer will like, there is always."""
    left = ~(known["days_since_last_order"] <= known["days_since_cart"])
    overdue = known["overdue_ratio"]
    there = {
        "affinity": np.ones(overdue.size, dtype=bool),
        "cart": (known["days_since_cart"] <= CART_DAYS) & left,
        "viewed": known["days_since_product_view"] <= VIEWED_ONCE_DAYS,
        "repeat": (overdue >= DUE_FROM) & (overdue <= DUE_UNTIL),
    }
    found = np.any([there[source] for source in action.products.sources], axis=0)
    return np.where(found, action.products.count if "affinity" in action.products.sources else 1.0, 0.0)
