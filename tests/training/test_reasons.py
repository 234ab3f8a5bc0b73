import pandas as pd
import pytest

from features.definitions import NAMES
from training.reasons import say, top_reasons


@pytest.mark.parametrize("name", NAMES)
def test_every_feature_has_a_sentence_in_every_language(name: str) -> None:
    for locale in ("en", "vi"):
        said = say(name, 3.0, locale)
        assert not said.startswith(f"{name}:"), "write one in reasons.yaml"
        assert "[" not in said
        assert "{" not in said


def test_one_is_singular_and_large_numbers_are_grouped() -> None:
    assert say("days_since_last_order", 1.2, "en") == "The last order was 1 day ago"
    assert say("days_since_last_order", 1234.0, "en") == "The last order was 1,234 days ago"
    assert say("order_count", 1.0, "vi") == "Đã có 1 đơn hàng"
    assert say("attribute:zone", 2.5, "en") == "zone: 2.50"


def test_a_negative_number_is_said_without_its_sign() -> None:
    assert say("days_until_due", 3.0, "en").startswith("The next order is due in 3 days")
    assert say("days_until_due", -1.0, "en").startswith("The next order is 1 day overdue")
    assert say("days_until_due", -12.0, "vi").endswith("đã trễ 12 ngày")


def test_attributes_are_said_by_their_column() -> None:
    assert say("attribute:number_of_children", 2.0, "en") == "number of children: 2"
    assert say("attribute:city=Huế", 1.0, "en") == "city is Huế"
    assert say("attribute:city=Huế", 0.0, "vi") == "city không phải là Huế"
    assert say("attribute:segment=[a|b] {v}", 1.0, "vi") == "segment là [a|b] {v}"


def test_of_one_column_there_is_one_reason() -> None:
    moves = pd.DataFrame({"attribute:city=Huế": [0.5], "attribute:city=Hà Nội": [0.3], "attribute:age": [-0.4]})
    found = top_reasons(pd.DataFrame({name: [1.0] for name in moves}), moves, 3, locale="en")[0]
    assert [one.sentence for one in found] == ["city is Huế, which raises the risk.", "age: 1, which lowers the risk."]
