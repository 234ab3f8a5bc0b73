"""A shop with everything in it, and Spark where it is installed: on this machine, and as a small cluster of its own processes."""

import importlib.util
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.contract import EVENT_TYPES, OUTCOME_TYPES

START = datetime(2024, 1, 1)
DAYS = 500


@pytest.fixture(scope="session", autouse=True)
def small_spark() -> Iterator[None]:
    """Spark with settings for tables of a few thousand rows, the only ones that differ from those of a user: spark-defaults.conf."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(Path(__file__).parent))
        yield


@pytest.fixture(scope="session", params=["local[2]", "local-cluster[2,1,1024]"])
def spark_master(request) -> Iterator[str]:
    """An address at which Spark starts; it is stopped before the next one."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed: make test-spark has it")
    from features.spark import session  # noqa: PLC0415 - it needs pyspark

    yield request.param
    session.stop()


@pytest.fixture(scope="session")
def shop() -> dict[str, pd.DataFrame]:
    """Every table by name: ties, same-second orders, returns, fees, gifts, ids in other scripts, visitors who become customers."""
    rng = np.random.default_rng(20)
    customers = [f"khách-{i}é" if i % 3 else f"c {i}" for i in range(40)]
    orders = pd.DataFrame([line for i in range(500) for line in _order(rng, i, customers)])
    orders.loc[5::9, "ordered_at"] = orders.ordered_at.iloc[4::9].to_numpy()[: len(orders.iloc[5::9])]
    decisions = [_decision(rng, i, customers) for i in range(300)]
    return {
        "orders": orders,
        "products": pd.DataFrame([_product(i) for i in range(25)]),
        "customers": pd.DataFrame([_customer(rng, i, name) for i, name in enumerate(customers)]),
        "events": pd.DataFrame([_event(rng, i, customers) for i in range(2500)]),
        "decisions": pd.DataFrame(decisions),
        "outcomes": pd.DataFrame([_outcome(rng, i, decisions[i % 300]) for i in range(350)]),
    }


def _at(rng: np.random.Generator) -> datetime:
    exact = timedelta(microseconds=int(rng.integers(1_000_000)) if rng.random() < 0.5 else 0)
    return START + timedelta(seconds=int(rng.integers(DAYS * 86_400))) + exact


def _order(rng: np.random.Generator, i: int, customers: list[str]) -> Iterator[dict[str, object]]:
    kind, customer, at = str(rng.choice(["sale"] * 8 + ["return", "fee"])), customers[rng.integers(len(customers) - 3)], _at(rng)
    for _line in range(rng.integers(1, 4)):
        yield {
            "customer_id": customer,
            "order_id": f"đ{i // (1 + (i % 4 == 0))}",
            "product_id": None if rng.random() < 0.1 else f"P{rng.integers(30)}",
            "ordered_at": at,
            "quantity": (-1.0 if kind == "return" else 1.0) * float(rng.integers(0, 5)),
            "unit_price": None if rng.random() < 0.05 else int(rng.integers(0, 9999)) / 100,
            "discount_amount": int(rng.integers(0, 500)) / 100 if rng.random() < 0.4 else None,
            "channel": str(rng.choice(["web", "store"])),
            "store_id": None if rng.random() < 0.5 else f"s{rng.integers(3)}",
            "currency": "EUR",
            "line_kind": kind,
        }


def _product(i: int) -> dict[str, object]:
    return {
        "product_id": f"P{i}",
        "name": f"Ấm {i}",
        "category": None if i % 7 == 0 else f"Home > {'Tea' if i % 2 else 'Cà phê'} > {i % 5}",
        "brand": f"b{i % 3}",
        "list_price": 5.0 + i,
        "unit_cost": 2.0 + i / 2,
        "available": i % 6 != 0,
        "available_from": START + timedelta(days=i * 20),
    }


def _customer(rng: np.random.Generator, i: int, name: str) -> dict[str, object]:
    joined = START - timedelta(days=i) if i % 2 else None
    extra = {"age": float(20 + i % 50) if i % 4 else None, "tier": ["gold", "silver", None][i % 3], "consent_email": bool(i % 2)}
    return {"customer_id": name, "name": f"Đặng {i}", "city": str(rng.choice(["Huế", "Paris"])), "joined_at": joined, **extra}


def _event(rng: np.random.Generator, i: int, customers: list[str]) -> dict[str, object]:
    kind = str(rng.choice([*["product_view", "identify", "survey_answered"] * 3, *EVENT_TYPES]))
    named = kind == "identify" or rng.random() < 0.7
    return {
        "event_id": f"e{i}",
        "customer_id": customers[rng.integers(len(customers))] if named else None,
        "visitor_id": f"v{rng.integers(60)}" if kind == "identify" or not named else None,
        "event_type": kind,
        "occurred_at": _at(rng),
        "channel": "web",
        "product_id": f"P{rng.integers(6)}" if rng.random() < 0.8 else None,
        "value": float(rng.integers(0, 11)) if kind == "survey_answered" else None,
    }


def _decision(rng: np.random.Generator, i: int, customers: list[str]) -> dict[str, object]:
    action = str(rng.choice(["welcome_mail", "win_back_offer", "no_action"]))
    channel = {"welcome_mail": "email", "win_back_offer": "app"}.get(action)
    probability = int(rng.integers(1, 100)) / 100
    return {
        "decision_id": f"d{i}",
        "customer_id": customers[rng.integers(len(customers))],
        "decided_at": _at(rng),
        "stage": "retention",
        "channel": channel,
        "action_id": action,
        "action_probability": probability,
        "holdout": bool(i % 10 == 0),
        "candidates": '[{"action_id": "no_action", "allowed": true}]',
    }


def _outcome(rng: np.random.Generator, i: int, decision: dict[str, object]) -> dict[str, object]:
    kind, at = str(rng.choice(OUTCOME_TYPES)), decision["decided_at"]
    assert isinstance(at, datetime)
    value = int(rng.integers(1, 9999)) / 100 if kind == "converted" else None
    after = timedelta(minutes=int(rng.integers(25 * 1440)))
    return {"event_id": f"o{i}", "decision_id": decision["decision_id"], "outcome_type": kind, "occurred_at": at + after, "value": value}
