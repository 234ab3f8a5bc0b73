"""The usual blend stays unless the backtest clearly says otherwise, and the long gone count less."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.churn_choice import AUC_GUARD, CANDIDATES, MARGIN, Found, choose, clearly_better
from training.churn_members import GONE_WEIGHT, row_weights

USUAL = "LightGBM + logistic"
MANY = 10_000


def losses(means: list[float], *, spread: float = 0.0, rows: int = 400) -> list[np.ndarray]:
    """For every test, losses of this mean; they differ between customers by `spread`, in the same way at every test."""
    return [mean + spread * np.where(np.arange(rows) % 2, 1.0, -1.0) for mean in means]


def all_alike(auc: float = 0.75) -> dict[str, Found]:
    return {name: Found(losses([0.2, 0.2, 0.2]), auc) for name in CANDIDATES}


@pytest.mark.parametrize(("customers", "name"), [(40, "logistic + BG/NBD"), (800, "LightGBM + logistic + BG/NBD"), (MANY, USUAL)])
def test_the_usual_blend_depends_on_how_many_customers_there_are(customers: int, name: str) -> None:
    assert choose(all_alike(), customers=customers).name == name


def test_where_trees_could_not_grow_a_plainer_blend_is_the_usual_one() -> None:
    plain = {name: one for name, one in all_alike().items() if "LightGBM" not in name}
    assert choose(plain, customers=MANY).name == "logistic + BG/NBD"
    alone = {"logistic on RFM": plain["logistic on RFM"]}
    assert choose(alone, customers=MANY).name == "logistic on RFM"


def test_a_clearly_better_candidate_wins_and_a_lucky_one_does_not() -> None:
    found = all_alike()
    steady = found | {"BG/NBD": Found(losses([0.19, 0.191, 0.189]), 0.75)}
    assert choose(steady, customers=MANY).name == "BG/NBD"
    assert "clearly better" in choose(steady, customers=MANY).why
    lucky = found | {"BG/NBD": Found(losses([0.14, 0.205, 0.205]), 0.75)}
    assert choose(lucky, customers=MANY).name == USUAL, "better in the mean, by one test alone"
    noisy = found | {"BG/NBD": Found(losses([0.199, 0.199, 0.199], spread=0.5), 0.75)}
    assert choose(noisy, customers=MANY).name == USUAL, "customers differ by far more than the means"


def test_a_smaller_error_does_not_buy_a_worse_ranking() -> None:
    found = all_alike() | {"BG/NBD": Found(losses([0.19, 0.19, 0.19]), 0.75 - AUC_GUARD - 1e-6)}
    assert choose(found, customers=MANY).name == USUAL
    assert "ranks worse" in choose(found, customers=MANY).why


@given(st.lists(st.floats(0.05, 0.4), min_size=len(CANDIDATES), max_size=len(CANDIDATES)), st.integers(1, 5_000), st.integers(1, 3))
def test_what_is_chosen_is_never_clearly_worse_than_the_best(means: list[float], customers: int, tests: int) -> None:
    found = {
        name: Found(losses([mean] * tests, spread=0.1 * i), 0.75) for i, (name, mean) in enumerate(zip(CANDIDATES, means, strict=True))
    }
    chosen = found[choose(found, customers=customers).name]
    best = min(found.values(), key=lambda one: one.brier)
    assert not clearly_better(best, chosen)


def test_a_margin_is_counted_in_standard_errors() -> None:
    one, other = Found(losses([0.20], spread=0.1), 0.7), Found(losses([0.21]), 0.7)
    error = 0.1 / np.sqrt(400)
    assert clearly_better(one, other, margin=0.01 / error * 0.99)
    assert not clearly_better(one, other, margin=0.01 / error * 1.01)
    assert clearly_better(one, other) == (0.01 / error > MARGIN)


def test_the_long_gone_count_less() -> None:
    panel = pd.DataFrame({"days_since_last_order": [5.0, 60.0, 61.0, np.nan]})
    assert row_weights(panel, 30).tolist() == [1.0, 1.0, GONE_WEIGHT, GONE_WEIGHT]
