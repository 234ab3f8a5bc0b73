"""What a stage is worth: truth by construction, the rules of a gain, and the model as data."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contract import STAGES
from features.errors import InputError
from training.journey.panel import ABSENT, Panel
from training.journey.states import BUCKETS, STATES, bucket_of, moves_forward, silence_codes, state_codes
from training.journey_value import CAUSAL_SHARE, GAIN_STRENGTH, JourneyValues, Worth

AT = datetime(2025, 1, 1)
COUNT = {"0": 0, "1": 1, "2-3": 3, "4+": 9}


def panel_of(states: list[list[tuple[str, str] | None]], spent: list[list[float]], *, times: int = 1, counts: object = None) -> Panel:
    """Each row of states and money, `times` over."""
    codes = np.array([[ABSENT if one is None else STATES.index(one) for one in row] for row in states], np.int8).repeat(times, axis=0)
    known = (
        np.array([[0 if one is None else COUNT[one[1]] for one in row] for row in states], float)
        if counts is None
        else np.array(counts, float)
    )
    never = np.full(len(codes), codes.shape[1] - 1)
    return Panel(
        codes,
        known.repeat(times, axis=0),
        np.zeros_like(codes),
        np.array(spent, float).repeat(times, axis=0),
        never,
        (AT,) * codes.shape[1],
        1.0,
    )


def model_of(worths: dict[tuple[str, str], float], *, n: float = 1000.0) -> JourneyValues:
    model = JourneyValues()
    model.as_of = AT
    model.values = {state: Worth(money, 12, n, is_prior=False) for state, money in worths.items()}
    return model


def test_buckets_and_codes_agree() -> None:
    counts = [0, 1, 2, 3, 4, 5, 400, np.nan]
    assert [bucket_of(count) for count in counts] == ["0", "1", "2-3", "2-3", "4+", "4+", "4+", "0"]
    pairs = [(stage, count) for stage in STAGES for count in counts]
    codes = state_codes(np.array([stage for stage, _ in pairs]), np.array([count for _, count in pairs], float))
    assert [STATES[code] for code in codes] == [(stage, bucket_of(count)) for stage, count in pairs]
    assert silence_codes(np.array([0.0, 0.99, 1.0, 5.9, 6.0, 99.0, np.nan])).tolist() == [0, 0, 1, 4, 5, 6, 0]


def test_a_known_chain_gives_its_worths(made) -> None:
    """Against the matrix powers of the chain that the customers walked."""
    model = JourneyValues().fit(made.panel(30_000, 24, seed=2), as_of=AT)
    truth = made.worth(12)
    for state, worth in zip(made.states, truth, strict=True):
        assert model.worth(state[0], 0) == pytest.approx(worth, rel=0.02)
        assert not model.values[state].is_prior
    assert model.difference("awareness", 0, "decision") == pytest.approx(truth[1] - truth[2], rel=0.06)
    shrunk = CAUSAL_SHARE * 30_000 / (30_000 + GAIN_STRENGTH) * (truth[1] - truth[2])
    assert model.gain("awareness", 0, "decision") == (pytest.approx(shrunk, rel=0.06), False)


def test_who_stays_is_worth_twelve_steps_of_money() -> None:
    rows = [[("retention", "1")] * 13, [("retention", "4+")] * 13]
    model = JourneyValues().fit(panel_of(rows, [[5.0] * 12, [20.0] * 12], times=400), as_of=AT)
    assert model.worth("retention", 1) == pytest.approx(60.0, rel=0.1)
    assert model.worth("retention", 9) == pytest.approx(240.0, rel=0.1)
    assert model.values["retention", "1"].n == 400
    assert model.worth("awareness", 0) is None
    assert model.gain("retention", 1, "advocacy") is None, "nobody was an advocate"


def test_purchase_is_reached_by_an_order() -> None:
    model = model_of({("decision", "0"): 100.0, ("purchase", "1"): 180.0, ("decision", "1"): 250.0, ("retention", "1"): 60.0})
    model.after_order = {"2-3": Worth(400.0, 12, 1000.0, is_prior=False)}
    assert model.difference("decision", 0, "purchase") == 80.0, "the first order: the place is purchase with one order"
    assert model.difference("decision", float("nan"), "purchase") == 80.0
    assert model.difference("decision", 1, "purchase") == 150.0, "a second order: where those stand who have just ordered"
    assert model.difference("retention", 1, "purchase") == 340.0
    assert model.difference("purchase", 1, "purchase") == 0.0
    assert model.difference("purchase", 1, "retention") == -120.0
    assert model.gain("decision", 9, "purchase") is None


def test_where_customers_stand_after_an_order_is_seen_in_the_panel() -> None:
    rows = [[("retention", "1")] * 4 + [("advocacy", "2-3")] * 3, [("retention", "2-3")] * 7]
    model = JourneyValues().fit(panel_of(rows, [[0.0] * 4 + [30.0] * 2, [1.0] * 6], times=300), as_of=AT)
    assert set(model.after_order) == {"2-3"}
    assert model.after_order["2-3"].n == 300
    assert model.after_order["2-3"].money == pytest.approx(model.values["advocacy", "2-3"].money, rel=0.05)


def test_forward_is_never_a_loss_and_back_is() -> None:
    model = model_of({("consideration", "0"): 300.0, ("decision", "0"): 100.0, ("retention", "4+"): 10.0, ("advocacy", "4+"): 90.0})
    assert model.difference("consideration", 0, "decision") == -200.0
    assert model.gain("consideration", 0, "decision") == (0.0, False)
    back = model.gain("decision", 0, "consideration")
    assert back is not None
    assert back[0] > 0.0
    assert model.gain("advocacy", 9, "retention") == (pytest.approx(-CAUSAL_SHARE * 1000 / (1000 + GAIN_STRENGTH) * 80.0), False)
    assert {pair for pair in ((a, b) for a in STAGES for b in STAGES) if moves_forward(*pair)} == {
        (STAGES[i], STAGES[j]) for i in range(4) for j in range(i + 1, 4)
    }


def test_a_gain_that_rests_on_few_is_small_and_called_a_prior() -> None:
    model = model_of({("awareness", "0"): 10.0, ("decision", "0"): 110.0})
    model.values["decision", "0"] = Worth(110.0, 12, 10.0, is_prior=True)
    assert model.gain("awareness", 0, "decision") == (pytest.approx(100 * CAUSAL_SHARE * 10 / (10 + GAIN_STRENGTH)), True)


moneys = st.floats(-1e6, 1e6)


@given(
    st.lists(moneys, min_size=len(STATES), max_size=len(STATES)), st.sampled_from(STAGES), st.sampled_from(STAGES), st.sampled_from(BUCKETS)
)
def test_differences_are_antisymmetric_where_the_order_count_stays(money, stage, to, bucket) -> None:
    model = model_of(dict(zip(STATES, money, strict=True)))
    if "purchase" in (stage, to) and stage != to:
        return
    there, back = model.difference(stage, COUNT[bucket], to), model.difference(to, COUNT[bucket], stage)
    assert there is not None
    assert there == -back
    gained = model.gain(stage, COUNT[bucket], to)
    assert gained is not None
    assert abs(gained[0]) <= CAUSAL_SHARE * abs(there)


@given(
    st.dictionaries(st.sampled_from(STATES), st.tuples(moneys, st.sampled_from([12, 1.5]), st.floats(0, 1e6), st.booleans()), min_size=1),
    st.dictionaries(st.sampled_from(BUCKETS), st.tuples(moneys, st.just(12), st.floats(0, 1e6), st.booleans())),
    st.floats(0, 1),
)
def test_the_model_as_data_comes_back_exactly(values, after, share) -> None:
    model = JourneyValues()
    model.as_of = AT
    model.values = {state: Worth(*rest) for state, rest in values.items()}
    model.after_order = {bucket: Worth(*rest) for bucket, rest in after.items()}
    model.leaving_share, model.version, model.metrics = share, "7", {"bias": 1.1}
    plain = json.loads(json.dumps(model.to_plain(), allow_nan=False))
    assert vars(JourneyValues.from_plain(plain)) == vars(model)
    assert JourneyValues.from_plain(plain).to_plain() == model.to_plain()


def test_saved_and_loaded_is_the_same(made, tmp_path: Path) -> None:
    model = JourneyValues().fit(made.panel(300, 12), as_of=AT)
    model.data_hash = "abc"
    model.save(tmp_path)
    assert vars(JourneyValues.load(tmp_path)) == vars(model)
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(InputError, match="not what was trained"):
        JourneyValues.load(tmp_path)


@pytest.mark.parametrize(("customers", "steps"), [(30, 12), (300, 2)], ids=["few customers", "few steps"])
def test_too_little_gives_priors_alone(made, customers: int, steps: int) -> None:
    panel = replace(made.panel(customers, steps), spent_a_year=77.0)
    model = JourneyValues().fit(panel, as_of=AT)
    assert {worth.money for worth in model.values.values()} == {77.0}
    assert all(worth.is_prior for worth in model.values.values())
    assert model.gain("awareness", 0, "decision") == (0.0, True)
    assert model.leaving_share == 0.3


def test_a_short_history_is_called_a_prior(made) -> None:
    short = JourneyValues().fit(made.panel(300, 4), as_of=AT)
    assert all(worth.is_prior for worth in short.values.values())
    assert len({worth.money for worth in short.values.values()}) == 3


def test_nothing_known_is_worth_nothing_known() -> None:
    empty = Panel(
        *(np.zeros((0, 1), np.int8), np.zeros((0, 1)), np.zeros((0, 1), np.int8), np.zeros((0, 0)), np.zeros(0, np.int64)), (AT,), 1.0
    )
    model = JourneyValues().fit(empty, as_of=AT)
    assert model.values == {}
    assert model.worth("retention", 3) is None
    assert model.gain("decision", 0, "purchase") is None
    assert (model.leaving_share, model.leaving_customers) == (0.3, 0.0)


def test_one_state_alone_has_a_worth_and_no_gain() -> None:
    model = JourneyValues().fit(panel_of([[("retention", "4+")] * 13], [[3.0] * 12], times=80), as_of=AT)
    assert model.worth("retention", 4) == pytest.approx(36.0)
    assert model.gain("retention", 4, "retention") == (0.0, False)
    assert model.gain("retention", 4, "advocacy") is None
