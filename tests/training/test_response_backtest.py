"""The response model's gate: no later version becomes champion that answers the newest decisions worse than the present one does."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.engine import Tables, tables_from_frames
from features.home import open_home
from training.recipes import train_response
from training.registry import Registry
from training.response_backtest import backtest_response, backtest_since

START = datetime(2024, 1, 1)
PRIORS = {"mail": 0.05}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(open_home(tmp_path / "home"))


def decided(days: float, shares: dict[float, float]) -> pd.DataFrame:
    """Forty decisions a day, of which the given share (by first day) is answered, and whether each was."""
    at = np.arange(0, days, 1 / 40)
    rng = np.random.default_rng(3)
    share = np.select([at >= since for since in reversed(shares)], list(reversed(shares.values())))
    return pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(len(at))],
            "customer_id": [f"c{i}" for i in range(len(at))],
            "decided_at": pd.Series([START + timedelta(days=float(day)) for day in at], dtype="datetime64[us]"),
            "stage": "retention",
            "channel": "email",
            "action_id": "mail",
            "action_probability": 1.0,
            "answered": (rng.random(len(at)) < share).astype(float),
            "unsubscribed": 0.0,
        }
    )


def shop(rows: pd.DataFrame) -> Tables:
    """The decisions and their outcomes, an hour later."""
    said = rows[rows["answered"] == 1.0]
    outcomes = pd.DataFrame(
        {
            "event_id": "e" + said["decision_id"],
            "decision_id": said["decision_id"],
            "outcome_type": "accepted",
            "occurred_at": said["decided_at"] + timedelta(hours=1),
        }
    )
    return tables_from_frames({"decisions": rows.drop(columns=["answered", "unsubscribed"]), "outcomes": outcomes})


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def test_the_newest_fifth_is_tested_on_what_was_over_before_it() -> None:
    rows = decided(100, {0.0: 0.3})
    tested = backtest_response(rows, PRIORS)
    assert tested.rows["decided_at"].min() == day(80)
    older = rows[rows["decided_at"] < day(66)]
    rate = (older["answered"].sum() + 20 * 0.05) / (len(older) + 20)
    rate = (older["answered"].sum() + 20 * rate) / (len(older) + 20)  # the stage's, drawn towards the action's
    assert tested.losses == pytest.approx((rate - tested.rows["answered"].to_numpy()) ** 2)
    assert tested.naive == pytest.approx((0.05 - tested.rows["answered"].to_numpy()) ** 2)
    changed = rows.assign(answered=rows["answered"].mask(rows["decided_at"] >= day(66), 1.0))
    assert np.sqrt(backtest_response(changed, PRIORS).losses) == pytest.approx(1.0 - rate)


def test_decisions_since_a_time_are_answered_by_what_was_known_then() -> None:
    rows = decided(100, {0.0: 0.3})
    known = rows[rows["decided_at"] < day(95)]
    tested = backtest_since(rows, known, PRIORS)
    assert tested.rows["decision_id"].tolist() == rows["decision_id"].tolist()[3800:]
    assert backtest_since(rows, rows, PRIORS).rows.empty


def test_no_decisions_or_none_old_enough_give_no_evidence() -> None:
    for rows in (decided(100, {0.0: 0.3}).head(0), decided(10, {0.0: 0.3})):
        tested = backtest_response(rows, PRIORS)
        assert tested.rows.empty
        assert len(tested.losses) == len(tested.naive) == 0


def test_a_version_worse_than_the_champion_on_what_it_has_not_seen_is_not_promoted(registry: Registry) -> None:
    """Most of the older answers were lost since, so that the later version believes in a third of what comes true."""
    rows = decided(100, {0.0: 0.3})
    first = train_response(shop(rows), registry, day(60), PRIORS)
    assert first.promoted
    misread = rows.assign(answered=rows["answered"].mask(rows["decided_at"] < day(75), (rows.index % 10 == 0).astype(float)))
    worse = train_response(shop(misread), registry, day(100), PRIORS)
    assert worse.metrics["backtest_loss"] < worse.metrics["backtest_loss_naive"], "as a first version it would pass"
    assert not worse.promoted
    assert worse.why.startswith("Not promoted: it is worse than the present champion, Brier score")
    champion = registry.champion("response")
    assert champion is not None
    assert champion.version == first.version


def test_a_version_as_good_on_the_champions_unseen_decisions_is_promoted(registry: Registry) -> None:
    rows = decided(100, {0.0: 0.3})
    train_response(shop(rows), registry, day(60), PRIORS)
    assert "not worse than the present champion" in train_response(shop(rows), registry, day(95), PRIORS).why
    soon = train_response(shop(rows), registry, day(97), PRIORS)
    assert "not worse than the present champion, Brier score +0.0000 (standard error 0.0000, 80 rows)" in soon.why


def test_a_champion_that_has_seen_the_newest_decisions_is_compared_by_its_record(registry: Registry) -> None:
    rows = decided(100, {0.0: 0.3})
    train_response(shop(rows), registry, day(100), PRIORS)
    assert "recorded" in train_response(shop(rows), registry, day(100), PRIORS).why
    turned = shop(decided(101, {0.0: 0.3, 70.0: 0.2}))
    worse = train_response(turned, registry, day(101), PRIORS)
    assert not worse.promoted
    assert "went worse" in worse.why
    other = train_response(turned, registry, day(101), {"mail": 0.04})
    assert other.why.startswith("Promoted: it beats the catalogue's priors"), "of other priors a record says nothing"
