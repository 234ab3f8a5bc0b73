"""A shop to decide for: a catalogue of thirty actions with a hundred and eighty gates and more, and customers of whom everything is known."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import yaml

from decisions import Contact, Policy, Product, ShopHabits, Situation, default_policy
from decisions.catalogue import catalogue_of
from decisions.limits import limits_of
from decisions.reading import document_of
from features.contract import STAGES
from features.definitions import NAMES

AT: Final = datetime(2025, 3, 4, 10)
ACTIONS: Final = 30
_CHANNELS: Final[Sequence[Sequence[str]]] = (["email"], ["email", "sms"], ["app", "push"], ["web"], ["phone"], ["email", "app"])
_GROUPS: Final = ("content", "offer", "feedback", "service", "care")
_SOURCES: Final[Sequence[Any]] = (["cart", "viewed"], "affinity", ["repeat", "affinity"])
_LISTED: Final = "{% for product in products %}{{ product.name }} {% endfor %}"
_TEXTS: Final = {
    "en": {"subject": "For you, {{ customer.name }}", "body": f"Dear {{{{ customer.name }}}}, {_LISTED}See you at {{{{ shop.name }}}}."},
    "vi": {"subject": "Dành cho {{ customer.name }}", "body": f"Chào {{{{ customer.name }}}}, {_LISTED}Hẹn gặp tại {{{{ shop.name }}}}."},
}
_LIMITS: Final = """
contacts:
  every_pushed_channel: {day: 2, week: 5, month: 12}
  email: {day: 1, week: 3, month: 8}
  sms: {day: 1, week: 1, month: 3}
  push: {day: 1, week: 3}
  phone: {day: 1, week: 1, month: 2}
groups: {content: {week: 3}, offer: {week: 1, month: 3}, feedback: {month: 1}, service: {week: 2}, care: {month: 4}}
quiet_hours: {from: "21:00", until: "08:00", channels: [sms, phone, push]}
suppression: {rejected_count: 2, within_days: 60}
"""


def make_policy() -> Policy:
    """A policy over the catalogue: each action has rules of its own for who may, when it makes sense and for whom it is good, and a rest after use."""
    catalogue = catalogue_of(document_of(yaml.safe_dump(_catalogue(), allow_unicode=True), "catalogue.yaml"))
    return default_policy(catalogue, limits_of(document_of(_LIMITS, "limits.yaml"), catalogue=catalogue), seed=5)


def _catalogue() -> dict[str, Any]:
    return {"margin_share": 0.3, "currency": "EUR", "shop": {"name": "Shop"}, "actions": [_action(number) for number in range(ACTIONS)]}


def _action(number: int) -> dict[str, Any]:
    return {
        "action_id": f"action_{number:02d}",
        "channels": list(_CHANNELS[number % len(_CHANNELS)]),
        "group": _GROUPS[number % len(_GROUPS)],
        "cost": 0.01 + 0.05 * (number % 4),
        "stages": [STAGES[number % len(STAGES)], STAGES[(number + 3) % len(STAGES)]],
        "response_prior": 0.02 + 0.01 * (number % 9),
        "cooldown_days": 7 + number,
        "eligibility": f"order_count >= {number % 3 - 1} and not value_total > {5000 + number}",
        "applicability": f"days_since_touch < {60 + number} or days_since_last_order < {30 + number}",
        "suitability": f"not last_survey_score < {1 + number / ACTIONS:.2f}",
        "treatments": _TEXTS,
        **({"products": {"from": _SOURCES[number % 3], "count": 3}} if number % 2 else {}),
    }


def make_situations(policy: Policy, customers: int, *, seed: int = 3) -> list[Situation]:
    """So many customers with most features, some contacts in two months, and their products known."""
    rng = np.random.default_rng(seed)
    hours = tuple(float(1 + abs(hour - 3)) for hour in range(24))
    shop = ShopHabits({"email": (1000.0, 80.0), "sms": (200.0, 10.0), "app": (300.0, 40.0)}, hours, "Europe/Paris")
    return [_situation(number, policy, shop, rng) for number in range(customers)]


def _situation(number: int, policy: Policy, shop: ShopHabits, rng: np.random.Generator) -> Situation:
    values, known = rng.exponential(10.0, len(NAMES)).tolist(), (rng.random(len(NAMES)) < 0.85).tolist()
    features = {name: value for name, value, there in zip(NAMES, values, known, strict=True) if there}
    return Situation(
        customer_id=f"c{number:07d}",
        as_of=AT,
        stage=STAGES[int(rng.integers(len(STAGES)))],
        features={**features, "order_count": float(rng.integers(0, 9))},
        profile={"name": "Lan Nguyễn", "locale": "vi" if number % 2 else "en", "city": "Huế"},
        consent={"email": bool(rng.random() < 0.9), "sms": bool(rng.random() < 0.5), "app": True},
        contacts=[_contact(f"{number}-{which}", policy, rng) for which in range(int(rng.integers(0, 7)))],
        churn_probability=float(rng.random()),
        expected_order_value=float(rng.uniform(20, 120)),
        products={source: _PRODUCTS[int(rng.integers(0, 60)) :][:5] for source in ("cart", "viewed", "affinity", "repeat")},
        hours=tuple(map(float, rng.integers(0, 4, 24).tolist())),
        answers={"email": (6.0, 1.0), "sms": (2.0, 0.0)},
        shop=shop,
    )


def _contact(decision_id: str, policy: Policy, rng: np.random.Generator) -> Contact:
    way = policy.gates.ways[1 + int(rng.integers(len(policy.gates.ways) - 1))]
    outcomes = (("delivered",), ("delivered", "viewed"), ("delivered", "rejected"), ("delivered", "viewed", "accepted"))[
        int(rng.integers(4))
    ]
    return Contact(decision_id, way.action_id, way.channel, AT - timedelta(days=float(rng.uniform(0.5, 60))), outcomes)


_PRODUCTS: Final = [
    Product(f"p{number}", f"Product {number}", f"/products/p{number}", "goes with what you bought", 5.0 + number, "Home > Lamps")
    for number in range(80)
]
