from collections.abc import Callable

import numpy as np
import pytest

from training.journey.leaving import PRIOR_CUSTOMERS, PRIOR_SHARE, leaving_share
from training.journey.panel import ABSENT, Panel
from training.journey.states import STATES

Make = Callable[..., Panel]
RETENTION, ADVOCACY = STATES.index(("retention", "2-3")), STATES.index(("advocacy", "4+"))


def test_a_known_loss_is_found_and_drawn_to_the_prior(make_panel: Make) -> None:
    """1,000 unsubscribe in the second step and bring 2 instead of 10 afterwards: .8 is lost."""
    states, spent = np.full((3000, 6), RETENTION), np.full((3000, 5), 10.0)
    left = np.full(3000, 5)
    left[:1000] = 1
    spent[:1000, 2:] = 2.0
    share, customers = leaving_share(make_panel(states, spent, left), steps=12)
    assert customers == 1000
    assert share == pytest.approx((1000 * 0.8 + PRIOR_CUSTOMERS * PRIOR_SHARE) / (1000 + PRIOR_CUSTOMERS))


def test_customers_are_compared_with_their_like(make_panel: Make) -> None:
    """Who unsubscribes has half the worth of the others before and after: nothing is lost, though they bring less than the mean."""
    states, spent = np.full((4000, 6), ADVOCACY), np.full((4000, 5), 100.0)
    states[:2000], spent[:2000] = RETENTION, 50.0
    left = np.full(4000, 5)
    left[:1000] = 1
    share, _ = leaving_share(make_panel(states, spent, left), steps=12)
    assert share == pytest.approx(PRIOR_CUSTOMERS * PRIOR_SHARE / (1000 + PRIOR_CUSTOMERS))


def test_money_before_the_unsubscription_and_beyond_the_horizon_is_not_counted(make_panel: Make) -> None:
    states, spent = np.full((3000, 7), RETENTION), np.full((3000, 6), 10.0)
    left = np.full(3000, 6)
    left[:1000] = 1
    spent[:1000, :2], spent[:1000, 4:] = 1e6, 1e6
    share, _ = leaving_share(make_panel(states, spent, left), steps=2)
    assert share == pytest.approx(PRIOR_CUSTOMERS * PRIOR_SHARE / (1000 + PRIOR_CUSTOMERS))


@pytest.mark.parametrize("when", [-1, 4, 5], ids=["before the panel", "in the last step", "never"])
def test_nobody_to_compare_gives_the_prior(make_panel: Make, when: int) -> None:
    states, spent = np.full((300, 6), RETENTION), np.full((300, 5), 10.0)
    left = np.full(300, 5)
    left[:100] = when
    assert leaving_share(make_panel(states, spent, left), steps=12) == (PRIOR_SHARE, 0.0)


def test_without_a_match_or_without_money_it_is_the_prior(make_panel: Make) -> None:
    states, left = np.full((200, 6), RETENTION), np.full(200, 1)
    assert leaving_share(make_panel(states, np.full((200, 5), 10.0), left), steps=12) == (PRIOR_SHARE, 0.0)
    left[:100] = 5
    assert leaving_share(make_panel(states, np.zeros((200, 5)), left), steps=12)[0] == PRIOR_SHARE
    states[100:, :2] = ABSENT
    assert leaving_share(make_panel(states, np.full((200, 5), 10.0), left), steps=12)[0] == PRIOR_SHARE


def test_it_stays_between_nothing_and_everything(make_panel: Make) -> None:
    states, left = np.full((9000, 6), RETENTION), np.full(9000, 5)
    left[:6000] = 1
    for after, bound in ((1e9, 0.0), (-1e9, 1.0)):
        spent = np.full((9000, 5), 10.0)
        spent[:6000, 2:] = after
        assert leaving_share(make_panel(states, spent, left), steps=12)[0] == pytest.approx(bound, abs=0.03)
        assert 0.0 <= leaving_share(make_panel(states, spent, left), steps=12)[0] <= 1.0
