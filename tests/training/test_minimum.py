import pandas as pd
import pytest

from training.minimum import shop_lacks


def current(customers: int, repeating: int, days: float) -> pd.DataFrame:
    counts = [2.0] * repeating + [1.0] * (customers - repeating)
    return pd.DataFrame({"order_day_count": counts, "customer_age_days": [days] * customers})


def panel(left: int, stayed: int) -> pd.DataFrame:
    return pd.DataFrame({"churned": [1.0] * left + [0.0] * stayed})


def test_a_shop_on_every_threshold_lacks_nothing() -> None:
    assert shop_lacks(panel(50, 50), current(100, 50, 90.0), 30) == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((panel(50, 50), current(99, 50, 90.0)), "99 customers have bought; 100 are needed"),
        ((panel(50, 50), current(100, 49, 90.0)), "49 customers have ordered on two days or more; 50 are needed"),
        ((panel(50, 50), current(100, 50, 89.9)), "The history is 89 days long; 90 are needed to look 30 days ahead"),
        (
            (panel(49, 51), current(100, 50, 90.0)),
            "49 of the 100 outcomes to learn from are of the rarer kind (bought nothing); 50 are needed",
        ),
        ((panel(60, 1), current(100, 50, 90.0)), "1 of the 61 outcomes to learn from is of the rarer kind (bought again); 50 are needed"),
    ],
)
def test_one_less_is_said_with_what_is_needed(given: tuple[pd.DataFrame, pd.DataFrame], said: str) -> None:
    (found,) = shop_lacks(*given, 30)
    assert found.startswith(said)
    assert found.endswith(".")
    assert "bring in" in found


def test_one_customer_and_nobody_are_said_in_good_english() -> None:
    one = shop_lacks(panel(0, 1), current(1, 0, 3.0), 30)
    assert [text.split(";")[0].split(" to ")[0] for text in one] == [
        "1 customer has bought",
        "0 customers have ordered on two days or more",
        "The history is 3 days long",
        "0 of the 1 outcomes",
    ]
    assert len(shop_lacks(panel(0, 0), current(0, 0, 0.0), 30)) == 4


def test_customers_without_a_purchase_do_not_count() -> None:
    known = current(101, 50, 90.0)
    known.loc[0, "order_day_count"] = float("nan")
    known.loc[1, "order_day_count"] = 0.0
    assert len(shop_lacks(panel(50, 50), known, 30)) == 2
