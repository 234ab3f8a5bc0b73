"""Published scores with every edge that a list can have: ties, missing values, ids that sort differently by language, texts that are formulas."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest

from features.home import open_home
from serving.state import publications, scores
from serving.state.database import State, open_state
from serving.state.migrate import migrate
from serving.state.tables import PUBLISHED_SCORES

NOW = datetime(2025, 3, 1)
IDS = ("00123", "123", "1e5", "=1+1", "+84901", "-7", "@x", "a", "B", "á", "Ω", 'q"uo,te', "semi;colon", "tab's", "Nguyễn", "z" * 200)
BANDS = ("active", "cooling", "at risk", "lapsed")
STAGES = ("purchase", "retention", "advocacy")
SEGMENTS = ("champions", "loyal", None)

Row = dict[str, Any]


class Rows(list[Row]):
    """Rows that a failing test shows by their number alone."""

    def __repr__(self) -> str:
        return f"<{len(self)} rows>"


Publish = Callable[..., int]


def make_rows(count: int = 60, seed: int = 0) -> list[Row]:
    """Rows of `published_scores` without generation: few values, so that most tie, and every kind of missing."""
    rng = np.random.default_rng(seed)
    ids = [*IDS, *(f"c{i}" for i in range(count - len(IDS)))]
    return Rows(make_row(customer_id, rng) for customer_id in ids)


def make_row(customer_id: str, rng: np.random.Generator) -> Row:
    probability = float(rng.choice([0.0, 0.1, 0.1 + 0.2, 0.5, 0.9, 1.0]))
    due = rng.choice(4)
    return {
        "customer_id": customer_id,
        "churn_probability": probability,
        "horizon_days": 30,
        "as_of": NOW,
        "band": BANDS[int(min(probability * 4, 3))],
        "percentile": float(rng.choice([0.05, 0.5, 1 / 3])),
        "percentile_in_stage": 0.5,
        "stage": STAGES[rng.choice(3)],
        "segment": SEGMENTS[rng.choice(3)],
        "persona": None,
        "expected_orders": _maybe(rng, [0.5, 2.0, 1e-7]),
        "expected_spend": _maybe(rng, [0.0, 12.5, 100.0]),
        "expected_next_order_on": None if due == 0 else date(2025, 3, 1) + timedelta(days=int(due)),
        "expected_next_order_from": None,
        "expected_next_order_until": date(2025, 4, 1),
        "average_days_between_orders": 21.5,
        "clv": _maybe(rng, [0.0, 5.0, 250000.0]),
        "historic_value": _maybe(rng, [-3.0, 0.0, 1234.56]),
        "insufficient_data": bool(rng.random() < 0.3),
        "why": "=HYPERLINK(1)" if rng.random() < 0.2 else None,
        "reasons": ["=cmd|' /C calc'!A0", "no order for 74 days."][: rng.choice(3)],
        "model_version": "7",
    }


def _maybe(rng: np.random.Generator, values: Sequence[float]) -> float | None:
    return None if rng.random() < 0.3 else float(rng.choice(values))


def publish_rows(state: State, rows: Sequence[Row], *, started_at: datetime = NOW) -> int:
    """Publishes these scores as the newest generation, as `serving.publishing` does, and gives its number."""
    with state.writing() as connection:
        generation = publications.begin(connection, as_of=NOW, started_at=started_at)
    with state.writing() as connection:
        for start in range(0, len(rows), 2000):
            scores.add(connection, generation, [{name: row[name] for name in _COLUMNS} for row in rows[start : start + 2000]])
        scores.record_band_changes(connection, generation, started_at)
        publications.complete(connection, generation, {"as_of": NOW.isoformat()})
    with state.writing() as connection:
        publications.remove_others(connection, generation, started_at)
    return generation


_COLUMNS = [column.name for column in PUBLISHED_SCORES.columns if column.name != "generation"]


@pytest.fixture
def rows() -> list[Row]:
    return make_rows()


@pytest.fixture
def more_rows() -> Callable[..., list[Row]]:
    """Makes rows: `more_rows(count, seed)`."""
    return make_rows


@pytest.fixture
def publish_scores(state: State) -> Publish:
    """Publishes rows into `state`."""
    return lambda rows, **given: publish_rows(state, rows, **given)


@pytest.fixture
def shop(state: State, empty_database: str, rows: list[Row], serve_home: Callable[..., Any], tmp_path: Path) -> Iterator[httpx.Client]:
    """`rows`, published on each database and served."""
    publish_rows(state, rows)
    with serve_home(tmp_path / "home", empty_database) as client:
        yield client


@pytest.fixture
def sqlite_state(tmp_path: Path) -> Iterator[State]:
    """A state database on SQLite, for what does not depend on the database; `home / state.db`."""
    url = f"sqlite:///{open_home(tmp_path / 'home').database}"
    migrate(url)
    opened = open_state(url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_shop(sqlite_state: State, rows: list[Row], serve_home: Callable[..., Any], tmp_path: Path) -> Iterator[httpx.Client]:
    """`rows` on SQLite, served."""
    publish_rows(sqlite_state, rows)
    with serve_home(tmp_path / "home") as client:
        yield client


@pytest.fixture
def publish_on() -> Publish:
    """Publishes rows into a state database: `publish_on(state, rows)`."""
    return publish_rows


@pytest.fixture
def postgresql_state(postgresql_server: str) -> Iterator[State]:
    """A state database on PostgreSQL, for what SQLite has no need of."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgresql_server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = f"{postgresql_server}/{name}"
    migrate(url)
    opened = open_state(url)
    yield opened
    opened.close()
