from datetime import datetime

import pytest

from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of
from decisions.reading import document_of
from decisions.simulator import Shop, simulate
from decisions.simulator.rounds import Journal, play
from decisions.simulator.world import World, make_world

START = datetime(2024, 1, 1)
CUSTOMERS, MONTHS, SEED = 3000, 12, 7

CATALOGUE: Catalogue = catalogue_of(
    document_of(
        """
margin_share: 0.3
actions:
  - {action_id: social_poll, channel: social, stages: [awareness], response_prior: 0.1, cost: 0.1}
  - {action_id: buying_guide, channel: web, stages: [awareness, consideration], response_prior: 0.12, cost: 0.1}
  - {action_id: personal_email, channel: email, stages: [consideration], response_prior: 0.1, cost: 0.1}
  - {action_id: cart_reminder, channels: [email, sms], stages: [decision], response_prior: 0.2, products: cart, cost: 0.1}
  - {action_id: adviser_call, channel: phone, stages: [decision], response_prior: 0.15, cost: 5}
  - {action_id: onboarding, channel: app, stages: [purchase], response_prior: 0.3, cost: 0.1, cooldown_days: 21}
  - {action_id: satisfaction_survey, channel: email, stages: [purchase, retention], response_prior: 0.1, cost: 0.1, eligibility: not days_since_survey < 60}
  - {action_id: win_back, channel: sms, stages: [retention], response_prior: 0.08, cost: 0.1, applicability: overdue_ratio >= 1}
  - {action_id: referral_programme, channel: email, stages: [advocacy], response_prior: 0.15, cost: 0.1, products: viewed}
  - {action_id: review_request, channel: app, stages: [advocacy], response_prior: 0.2, cost: 0.1}
""",
        "catalogue.yaml",
    )
)
SHORTER: Catalogue = catalogue_of(
    document_of(
        "{margin_share: 0.3, actions: [{action_id: personal_email, channel: email, cost: 0.1, stages: [consideration]}]}", "catalogue.yaml"
    )
)


@pytest.fixture(scope="session")
def shop() -> Shop:
    return simulate(customers=CUSTOMERS, months=MONTHS, seed=SEED, start=START, catalogue=CATALOGUE)


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(customers=CUSTOMERS, months=MONTHS, seed=SEED, start=START, catalogue=CATALOGUE)


@pytest.fixture(scope="session")
def journal(world: World) -> Journal:
    return play(world)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return CATALOGUE


@pytest.fixture(scope="session")
def shorter() -> Catalogue:
    return SHORTER
