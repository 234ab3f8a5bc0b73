"""Who is ready to be decided about again: for a minute of the clock, by what it rests on, and with the same decisions as anew."""

from dataclasses import replace
from datetime import datetime, timedelta

import orjson
from hypothesis import given
from hypothesis import strategies as st

from decisions import Ask, Situation, decide, default_policy, load_catalogue, load_limits
from decisions.records import to_json
from features.contract import STAGES
from serving.api.answers import answer_json
from serving.ready import About, Ready, ReadyOnes

AT = datetime(2025, 3, 1, 9, 30, 20)
CATALOGUE = load_catalogue()
POLICY = default_policy(CATALOGUE, load_limits(catalogue=CATALOGUE))


def somebody(name: str = "an", at: datetime = AT) -> Ready:
    return Ready(About(name, True, False, (name,), 0, "UTC"), Situation(name, at, "retention", features={"order_count": 2.0}))


def test_somebody_is_ready_until_the_minute_ends_and_not_before_they_were_read() -> None:
    ones, an = ReadyOnes(), somebody()
    ones.put("key", an)
    assert ones.get("key", AT) is ones.get("key", AT + timedelta(seconds=39)) is an
    assert ones.get("other", AT) is None
    assert ones.get("key", AT - timedelta(seconds=1)) is None
    assert ones.get("key", AT + timedelta(seconds=40)) is None
    assert ones.get("key", AT) is None, "what another minute forgot stays forgotten"


def test_those_not_asked_about_longest_make_room() -> None:
    ones = ReadyOnes(most=2)
    for name in ("a", "b"):
        ones.put(name, somebody(name))
    assert ones.get("a", AT) is not None
    ones.put("c", somebody("c"))
    assert [name for name in "abc" if ones.get(name, AT)] == ["a", "c"]


ASKS = st.builds(
    Ask,
    decision_id=st.uuids().map(str),
    stage=st.none() | st.sampled_from(STAGES),
    channels=st.none() | st.sets(st.sampled_from(["email", "web", "app", "sms"]), min_size=1).map(frozenset),
    context=st.dictionaries(st.sampled_from(["offer", "content"]), st.floats(0, 5), max_size=2),
    k=st.integers(1, 3),
    deferred=st.booleans(),
)


@given(asks=st.lists(ASKS, min_size=2, max_size=12))
def test_whoever_is_ready_is_decided_about_as_anew_and_answered_so(asks: list[Ask]) -> None:
    an = somebody()
    for ask in asks + [replace(each, decision_id=f"{each.decision_id}-again") for each in asks]:
        made, anew = an.decide(ask, POLICY), decide(an.situation, ask, POLICY)
        assert made.decision == anew
        assert made.record == to_json(anew)
        for explain in (False, True):
            told = answer_json(made.decision, known=True, explain=explain, kept=made.answers)
            assert orjson.loads(told) == orjson.loads(answer_json(anew, known=True, explain=explain))
