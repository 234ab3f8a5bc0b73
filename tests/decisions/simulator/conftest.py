from datetime import datetime

import pytest

from decisions.actions import Action
from decisions.simulator import Shop, simulate
from decisions.simulator.rounds import Journal, play
from decisions.simulator.world import World, make_world

START = datetime(2024, 1, 1)
CUSTOMERS, MONTHS, SEED = 3000, 12, 7


def action(action_id: str, channel: str, *stages: str, prior: float) -> Action:
    return Action(action_id, action_id, (channel,), "", stages=frozenset(stages), costs={channel: 0.1}, response_prior=prior)


ACTIONS = (
    action("social_poll", "social", "awareness", prior=0.1),
    action("buying_guide", "web", "awareness", "consideration", prior=0.12),
    action("personal_email", "email", "consideration", prior=0.1),
    action("cart_reminder", "email", "decision", prior=0.2),
    action("adviser_call", "phone", "decision", prior=0.15),
    action("onboarding", "app", "purchase", prior=0.3),
    action("satisfaction_survey", "email", "purchase", "retention", prior=0.1),
    action("win_back", "sms", "retention", prior=0.08),
    action("referral_programme", "email", "advocacy", prior=0.15),
    action("review_request", "app", "advocacy", prior=0.2),
)


@pytest.fixture(scope="session")
def shop() -> Shop:
    return simulate(customers=CUSTOMERS, months=MONTHS, seed=SEED, start=START, actions=ACTIONS)


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(customers=CUSTOMERS, months=MONTHS, seed=SEED, start=START, actions=ACTIONS)


@pytest.fixture(scope="session")
def journal(world: World) -> Journal:
    return play(world)


@pytest.fixture(scope="session")
def actions() -> tuple[Action, ...]:
    return ACTIONS
