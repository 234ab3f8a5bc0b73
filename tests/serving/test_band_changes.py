"""What a publication leaves: who came into another band, and the scores of the last generations."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from serving import publishing
from serving.publishing import publish
from serving.state import publications, scores
from serving.state.database import State, open_state
from serving.state.migrate import migrate
from serving.state.tables import BAND_CHANGES, PUBLISHED_SCORES

AS_OF = datetime(2026, 3, 1)
PROBABILITY = {"active": 0.1, "cooling": 0.4, "at risk": 0.6, "lapsed": 0.9}


def scored(bands: Mapping[str, str | None]) -> pd.DataFrame:
    rows = [
        {
            "customer_id": who,
            "churn_probability": PROBABILITY.get(band or "", 0.5),
            "band": band,
            "stage": "retention",
            "model_version": "3",
        }
        for who, band in bands.items()
    ]
    return pd.DataFrame(rows, columns=["customer_id", "churn_probability", "band", "stage", "model_version"])


def published(state: State, bands: Mapping[str, str | None], *, as_of: datetime = AS_OF) -> int:
    return publish(state, as_of=as_of, histories=[], scores=scored(bands)).generation


def changes(state: State) -> list[dict[str, Any]]:
    with state.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(select(BAND_CHANGES).order_by(BAND_CHANGES.c.change_id))]


def moves(state: State) -> list[tuple[str, str, str]]:
    return [(each["customer_id"], each["from_band"], each["to_band"]) for each in changes(state)]


def test_a_change_says_from_where_to_where_and_by_which_publication(state: State) -> None:
    published(state, {"a": "active", "b": "cooling"})
    later = AS_OF + timedelta(days=1)
    generation = published(state, {"a": "lapsed", "b": "cooling"}, as_of=later)
    (change,) = changes(state)
    assert change.pop("recorded_at") > datetime(2026, 1, 1)
    assert change == {
        "change_id": 1,
        "customer_id": "a",
        "as_of": later,
        "from_band": "active",
        "to_band": "lapsed",
        "from_probability": 0.1,
        "to_probability": 0.9,
        "stage": "retention",
        "model_version": "3",
        "generation": generation,
    }


def test_neither_first_scores_nor_lost_ones_nor_the_same_again_are_changes(state: State) -> None:
    published(state, {"a": "active", "b": "cooling", "gone": "lapsed", "none": None})
    assert changes(state) == []
    again = {"a": "active", "b": "cooling", "new": "lapsed", "none": "active"}
    published(state, again)
    published(state, again)
    assert changes(state) == []


def test_a_publication_that_fails_records_no_change_and_the_next_one_records_it_once(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    published(state, {"a": "active"})

    def broken(*_: Any) -> None:
        raise RuntimeError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(publications, "complete", broken)  # the last step, in the transaction that records changes
        with pytest.raises(RuntimeError):
            published(state, {"a": "lapsed"})
    assert changes(state) == []
    with state.reading() as connection:
        assert scores.read_many(connection, ["a"])["a"]["band"] == "active"
    published(state, {"a": "lapsed"})
    assert moves(state) == [("a", "active", "lapsed")]


def test_a_publication_that_another_one_overtook_records_nothing(state: State) -> None:
    published(state, {"a": "active"})
    with state.writing() as connection:
        slow = publications.begin(connection, as_of=AS_OF, started_at=AS_OF)
        row: dict[str, Any] = {column.name: None for column in PUBLISHED_SCORES.columns if column.name != "generation"}
        row |= {"customer_id": "a", "churn_probability": 0.6, "as_of": AS_OF, "band": "at risk", "insufficient_data": False}
        scores.add(connection, slow, [row])
    published(state, {"a": "lapsed"})
    with state.writing() as connection:
        scores.record_band_changes(connection, slow, AS_OF)
    assert moves(state) == [("a", "active", "lapsed")]


@contextmanager
def state_of_its_own() -> Iterator[State]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/state.db"
        migrate(url)
        state = open_state(url)
        yield state
        state.close()


BANDS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([*PROBABILITY, None]), min_size=4)


@given(st.lists(BANDS, min_size=3, max_size=4))
def test_changes_are_the_differences_between_one_publication_and_the_next(each: list[dict[str, str | None]]) -> None:
    told: list[tuple[str, str, str]] = []
    for before, after in pairwise(each):
        both = [(who, before[who], after[who]) for who in sorted(before.keys() & after.keys())]
        told += [(who, old, new) for who, old, new in both if old is not None and new is not None and old != new]
    with state_of_its_own() as state:
        for bands in each:
            published(state, bands)
        assert moves(state) == told


def kept(state: State) -> list[int]:
    with state.reading() as connection:
        return sorted(connection.execute(select(PUBLISHED_SCORES.c.generation).distinct()).scalars())


def test_three_generations_of_scores_stay(state: State) -> None:
    for expected in ([1], [1, 2], [1, 2, 3], [2, 3, 4]):
        published(state, {"a": "active"})
        assert kept(state) == expected
    with state.reading() as connection:
        assert publications.products(connection, 3) == []
        newest = publications.current(connection)
    assert newest is not None
    assert newest.generation == 4


def test_scores_stay_for_a_day_after_the_next_publication_began(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = {0: [1], 100: [1, 2], 101: [1, 2, 3], 125: [3, 4], 200: [4, 5]}  # the second was replaced at 101
    for at, expected in hours.items():
        monkeypatch.setattr(publishing, "wall", lambda now=AS_OF + timedelta(hours=at): now)
        published(state, {"a": "active"})
        assert kept(state) == expected, at
