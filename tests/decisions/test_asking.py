"""What is asked of a decision: what cannot be used is refused in words, before anything is decided."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from decisions import Ask, Situation, decide, default_policy
from decisions.catalogue import catalogue_of
from decisions.reading import document_of
from features.errors import InputError

POLICY = default_policy(
    catalogue_of(document_of("{margin_share: 0.3, actions: [{action_id: letter, channel: email, group: care}]}", "c.yaml"))
)
SITUATION = Situation("c", datetime(2024, 3, 5, 9), "retention")
WORDY: Any = {"letter": "much"}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (Ask(stage="retension"), "'retension' is not known.*'retention'"),
        (Ask(context={"leter": 1}), "'leter'.*'letter'"),
        (Ask(context={"no_action": 1}), "'no_action'"),
        (Ask(context={"letter": 5.1}), "from 0 to 5"),
        (Ask(context={"letter": -1}), "from 0 to 5"),
        (Ask(context={"letter": float("nan")}), "from 0 to 5"),
        (Ask(context=WORDY), "from 0 to 5"),
        (Ask(context={"letter": True}), "from 0 to 5"),
        (Ask(k=0), "1 to 50"),
        (Ask(k=51), "1 to 50"),
        (Ask(k=True), "1 to 50"),
        (Ask(placements=("home",) * 51), "50 at most"),
    ],
)
def test_an_ask_that_cannot_be_used_is_refused(ask: Ask, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decide(SITUATION, ask, POLICY)


def test_a_situation_in_an_unknown_stage_is_refused() -> None:
    with pytest.raises(InputError, match="'retension' is not known"):
        decide(replace(SITUATION, stage="retension"), Ask(), POLICY)


def test_an_ask_at_its_borders_is_answered() -> None:
    for ask in (Ask(k=50), Ask(context={"letter": 0, "care": 5}), Ask(placements=("home",) * 50), Ask(channels=frozenset())):
        assert decide(SITUATION, ask, POLICY).actions
