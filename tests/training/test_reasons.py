import pytest

from features.definitions import NAMES
from training.reasons import say


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
    assert say("zone", 2.5, "en") == "zone: 2.50"
