import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.definitions import NAMES
from features.errors import InputError
from training.reason_sentences import LOCALES, families, family_of, money, number, sentences
from training.reasons import LEAST, Reason, top_reasons

ALL = [(family, one) for family, own in sentences().items() for one in own]


def reasons(values: dict[str, float], moves: dict[str, float], k: int = 3) -> list[Reason]:
    """The reasons of one customer."""
    return top_reasons(pd.DataFrame([values]), pd.DataFrame([moves]), k)[0]


def said(values: dict[str, float], moves: dict[str, float], locale: str = "en") -> str:
    """The only reason's sentence, without what it does to the risk."""
    (one,) = reasons(values, moves)
    return one.sentence(locale).rpartition(", ")[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_feature_has_a_family_and_can_speak_alone(name: str) -> None:
    """Alone, with nothing else known, where its own numbers do not forbid it one way or the other."""
    assert name in families(), "give it a sentence in reasons.yaml"
    value = {"hour_cos_mean": 0.5, "hour_sin_mean": 0.5, "days_since_last_order": 30.0, "recency_share": 0.7}.get(name, 3.0)
    companions = {"hour_cos_mean": 0.5, "hour_sin_mean": 0.5, "gap_mean_days": 21.0, "gap_std_days": 4.0} if "hour" in name else {}
    found = [reasons({**companions, name: value}, {name: move}) for move in (0.5, -0.5)]
    assert any(found)
    for one in (one for row in found for one in row):
        assert one.family == family_of(name)
        for locale in LOCALES:
            assert not re.search(r"[\[\]{}|@]|:(?!00)", one.sentence(locale))


@pytest.mark.parametrize(("family", "one"), ALL, ids=lambda x: x if isinstance(x, str) else x.texts["en"])
def test_sentences_name_features_that_exist_and_the_same_in_every_language(family: str, one) -> None:
    for name in (*one.says, *one.facts):
        assert name in NAMES or name == "attribute:joined_at"
        assert family_of(name) == family or name not in one.says
    told = [sorted(re.findall(r"\{.*?\}", one.texts[locale])) for locale in LOCALES]
    assert told[0] == told[1]
    assert not re.search(r"\[", one.texts["vi"]), "Vietnamese knows no plural"


def test_silence_is_said_beside_the_usual_gap() -> None:
    late = {"days_since_last_order": 74.2, "gap_mean_days": 21.0}
    moves = {"days_since_last_order": 1.0, "gap_mean_days": -0.3}
    assert said(late, moves) == "No order for 74 days, usually every 21"
    assert said(late, moves, "vi") == "Đã 74 ngày chưa đặt hàng, thường cứ 21 ngày một lần"
    soon = {"days_since_last_order": 1.2, "gap_mean_days": 21.0}
    assert said(soon, {"days_since_last_order": -1.0}) == "The last order was 1 day ago, usually every 21"


def test_what_numbers_say_never_contradicts_the_direction() -> None:
    """A long silence is no good sign, and lateness none either, even where the model takes the risk down for it: nothing is said."""
    late = {"days_since_last_order": 74.2, "gap_mean_days": 21.0, "recency_share": 0.8}
    assert reasons(late, {"days_since_last_order": -1.0}) == []
    assert said(late, {"days_since_last_order": 1.0}) == "No order for 74 days, usually every 21"
    assert reasons({**late, "recency_share": 0.1}, {"recency_share": -1.0}) == []
    assert said({"days_since_last_order": 225.0, "recency_share": 1.0}, {"recency_share": 1.0}) == "The last order was 225 days ago"
    early = {"days_since_last_order": 5.0, "gap_mean_days": 21.0}
    assert said(early, {"days_since_last_order": 1.0}) == "The next order is not due yet: the last was 5 days ago, usually every 21"
    assert reasons({"days_since_last_order": 2.0}, {"days_since_last_order": 1.0}) == [], "a fresh order alone worries nobody"
    assert reasons({"order_count_30d": 0.0}, {"order_count_30d": -1.0}) == []


def test_orders_are_compared_with_the_days_before() -> None:
    fewer = {"order_count_90d": 3.0, "order_count_180d": 11.0}
    assert said(fewer, {"order_count_90d": 0.5}) == "3 orders in the last 90 days, 8 in the 90 before"
    assert said(fewer, {"order_count_90d": 0.5}, "vi") == "3 đơn hàng trong 90 ngày qua, so với 8 trong 90 ngày trước đó"
    assert (
        said({"order_count_90d": 1.0, "order_count_180d": 1.0}, {"order_count_90d": -0.5})
        == "1 order in the last 90 days, 0 in the 90 before"
    )
    assert said({"order_count_30d": 0.0}, {"order_count_30d": 0.5}) == "No order in the last 30 days"
    assert said({"order_day_count": 1.0}, {"order_day_count": 0.5}, "vi") == "Đến nay chỉ mua hàng trong một ngày"
    none = {"order_count_90d": 0.0, "order_count_180d": 8.0}
    assert said(none, {"order_count_90d": 0.5}) == "No order in the last 90 days, 8 in the 90 before"
    assert said({"value_90d": 0.0, "value_180d": 150.0}, {"value_90d": 0.5}) == "Spent nothing in the last 90 days, 150 in the 90 before"


def test_encoded_features_are_read_as_what_they_mean() -> None:
    evening = {"hour_cos_mean": np.cos(np.pi * 19 / 12), "hour_sin_mean": np.sin(np.pi * 19 / 12)}
    assert said(evening, {"hour_sin_mean": 0.5}) == "Usually orders at about 19:00"
    assert said({"season_distance": 2.0}, {"season_distance": 0.5}) == "It is 6 months away from the usual time of the year to order"
    assert said({"category_entropy": np.log(3.0)}, {"category_entropy": 0.5}) == "Spreads the purchases as if over 3 equal categories"
    assert said({"days_until_due": -1.2}, {"days_until_due": 0.5}) == "The next order is 1 day overdue, by the customer's own rhythm"


def test_numbers_and_money_are_written_as_the_language_does() -> None:
    assert (number(1234.56, "en"), number(1234.56, "vi")) == ("1,234.6", "1.234,6")
    assert (number(0.043, "en"), number(2.04, "en"), number(-0.001, "en"), number(1.0, "en")) == ("0.04", "2", "0", "1")
    assert (money(1234.5, "en", "EUR"), money(1234.5, "vi", "VND")) == ("1,234.50 EUR", "1.234 VND")
    assert (money(1234.5, "en", ""), money(12.5, "en", ""), money(12.0, "en", "")) == ("1,234", "12.50", "12")


def test_families_sum_and_the_sum_decides() -> None:
    """Three weak features of one family outweigh a stronger one of another; a family that cancels out is no reason."""
    values = {
        "order_count": 4.0,
        "order_count_30d": 1.0,
        "order_count_60d": 1.0,
        "value_total": 90.0,
        "return_count": 1.0,
        "return_value_share": 0.1,
    }
    moves = {
        "order_count": 0.2,
        "order_count_30d": 0.2,
        "order_count_60d": 0.21,
        "value_total": 0.5,
        "return_count": 0.9,
        "return_value_share": -0.9,
    }
    found = reasons(values, moves)
    assert [(one.family, round(one.effect, 2)) for one in found] == [("frequency", 0.61), ("value", 0.5)]
    assert found[0].facts == {"order_count_60d": 1.0}, "its strongest feature is told"


def test_what_is_unknown_is_no_reason() -> None:
    assert reasons({"value_total": np.nan}, {"value_total": 3.0}) == []
    assert reasons({"value_total": np.nan, "order_value_max": 5.0}, {"value_total": 3.0, "order_value_max": 0.1})[0].facts == {
        "order_value_max": 5.0
    }
    assert top_reasons(pd.DataFrame({"value_total": []}), pd.DataFrame({"value_total": []}), 3) == []
    assert top_reasons(pd.DataFrame({"value_total": [1.0]}), pd.DataFrame(index=[0]), 3) == [[]]


def test_attributes_are_said_by_their_column() -> None:
    assert said({"attribute:number_of_children": 2.0}, {"attribute:number_of_children": 1.0}) == "number of children: 2"
    assert said({"attribute:zone": 2.5}, {"attribute:zone": 1.0}) == "zone: 2.5"
    assert said({"attribute:city=Huế": 1.0}, {"attribute:city=Huế": 1.0}) == "city is Huế"
    assert said({"attribute:city=Huế": 0.0}, {"attribute:city=Huế": 1.0}, "vi") == "city không phải là Huế"
    assert said({"attribute:segment=[a|b] {v}": 1.0}, {"attribute:segment=[a|b] {v}": 1.0}, "vi") == "segment là [a|b] {v}"
    assert said({"attribute:joined_at": 1.0}, {"attribute:joined_at": 1.0}) == "Joined 1 day ago"


def test_of_one_column_there_is_one_reason() -> None:
    moves = {"attribute:city=Huế": 0.5, "attribute:city=Hà Nội": 0.3, "attribute:age": -0.4}
    found = reasons(dict.fromkeys(moves, 1.0), moves)
    assert [one.sentence() for one in found] == ["city is Huế, which raises the risk.", "age: 1, which lowers the risk."]


def test_reasons_survive_json_and_a_sentence_that_is_no_more() -> None:
    one = Reason("rhythm", "raises", 0.7, {"days_since_last_order": 74.0, "gap_mean_days": 21.0})
    again = Reason.from_json(json.loads(json.dumps(one.to_json())))
    assert again == one
    assert again.sentence("vi") == one.sentence("vi")
    older = Reason("rhythm", "lowers", -0.7, {"moon_phase": 2.0})
    assert older.sentence() == "moon phase: 2, which lowers the risk."


def test_a_language_without_sentences_is_refused() -> None:
    with pytest.raises(InputError, match="no reasons in fr"):
        Reason("rhythm", "raises", 1.0, {}).sentence("fr")


SOME = tuple(dict.fromkeys(("days_since_last_order", "gap_mean_days", "order_count_90d", "order_count_180d", *NAMES[::4])))
CELL = st.tuples(st.sampled_from([0.0, 0.4, 1.0, 3.0, 74.2, np.nan]), st.sampled_from([-1.3, -0.3, -0.011, 0.0, 0.011, 0.3, 1.3]))


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d)", "", text)))


def own_numbers(one: Reason) -> set[str]:
    """What may stand in the reason's sentence: its facts, whole or shown as they are or as a share, their differences, and windows' lengths."""
    facts = list(one.facts.values())
    read = [*facts, *(abs(a - b) for a in facts for b in facts), np.exp(one.facts.get("category_entropy", 0.0))]
    shown = {number(abs(x), "en", places) for value in read for x in (value, 100 * value) for places in (None, 0, 2)}
    encoded = {str(i) for i in range(25)} if {"season_distance", "hour_cos_mean"} & one.facts.keys() else set()
    return {text.replace(",", "") for text in shown} | encoded | {"7", "14", "30", "60", "90", "180", "365", "10"}


@settings(max_examples=60)
@given(st.lists(st.lists(CELL, min_size=len(SOME), max_size=len(SOME)), min_size=1, max_size=4), st.integers(1, 5))
def test_laws(rows: list[list[tuple[float, float]]], k: int) -> None:
    """At most k, families distinct, strongest first, own known numbers only, a feature that pulls the family's way, one row as in many."""
    values = pd.DataFrame([[value for value, _ in row] for row in rows], columns=list(SOME))
    moves = pd.DataFrame([[move for _, move in row] for row in rows], columns=list(SOME))
    found = top_reasons(values, moves, k)
    for i, own in enumerate(found):
        assert len(own) <= k
        assert len({one.family for one in own}) == len(own)
        sizes = [abs(one.effect) for one in own]
        assert sizes == sorted(sizes, reverse=True)
        assert all(size >= LEAST for size in sizes)
        for one in own:
            members = [name for name in SOME if family_of(name) == one.family]
            assert one.effect == pytest.approx(moves.loc[i, members].sum())
            assert (one.direction == "raises") == (one.effect > 0)
            assert all(values.loc[i, name] == told for name, told in one.facts.items())
            assert any(moves.loc[i, name] * one.effect > 0 and np.isfinite(values.loc[i, name]) for name in members)
            assert numbers(one.sentence()) <= own_numbers(one)
        assert top_reasons(values.iloc[[i]], moves.iloc[[i]], k)[0] == own


def test_many_customers_get_the_reasons_that_each_gets_alone() -> None:
    """Rules are asked of a table for many, of the numbers for one."""
    rng = np.random.default_rng(5)
    values = pd.DataFrame(rng.choice([0.0, 0.4, 1.0, 3.0, 74.2, np.nan], (60, len(NAMES))), columns=list(NAMES))
    moves = pd.DataFrame(rng.normal(0, 0.3, values.shape), columns=list(NAMES))
    found = top_reasons(values, moves, 5)
    assert found == [top_reasons(values.iloc[[i]], moves.iloc[[i]], 5)[0] for i in range(60)]
    assert {one.family for row in found for one in row} == set(families().values())
