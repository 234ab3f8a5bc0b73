"""What customers do within one week: browse, order, open letters, answer surveys, refer friends, respond to actions.

Each function draws one concern for all customers at once, and returns records: arrays of equal length by name. Nothing happens
before a customer joins, after they leave, or after the period's end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decisions.simulator.population import Population
from decisions.simulator.responses import ORDER_AFTER_ACCEPTING
from decisions.simulator.rhythm import WEEK_DAYS
from decisions.simulator.world import World
from features.contract import STAGES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Records = dict[str, NDArray[Any]]

LOOK: Final = 0
CART: Final = 1
CHECKOUT: Final = 2
VISIT_SHARES: Final = (0.7, 0.2, 0.1)
BRAND_TOUCH_SHARES: Final = (0.45, 0.2, 0.2, 0.15)
SURVEY_SHARE: Final = 0.06
UNHAPPY_BEFORE_EXIT_DAYS: Final = 45.0
RESPONSE_DAYS: Final = 7.0
"""A response, and the order that it brings, comes within this time after the decision."""
_VIEWED_SHARE = 0.45
_DELIVERED_SHARE = 0.97


@dataclass(frozen=True)
class State:
    """What the shop knows of each customer so far; the rounds write into these arrays as the weeks pass. Times: days since start."""

    order_count: Ints
    first_order_at: Floats
    last_order_at: Floats
    last_cart_at: Floats
    last_interest_at: Floats
    last_touch_at: Floats
    referral_count: Ints
    last_score: Floats
    last_survey_at: Floats
    last_unsubscribed_at: Floats
    consent: Flags


@dataclass(frozen=True)
class Week:
    """One week, and the stretch of it in which each customer is there, as shares of the week's activity."""

    begins_at: float
    low: Floats
    high: Floats
    season: float
    until: Floats
    """Exit or the period's end, whichever comes first."""

    @property
    def exposure_days(self) -> Floats:
        """Days of ordinary activity that each customer has in this week."""
        return (self.high - self.low) * WEEK_DAYS * self.season


def first_state(population: Population) -> State:
    """Nobody has done anything yet; signing up counts as interest."""
    size = population.size
    never = np.full(size, -np.inf)
    return State(
        order_count=np.zeros(size, dtype=np.int64),
        first_order_at=np.full(size, np.inf),
        last_order_at=never.copy(),
        last_cart_at=never.copy(),
        last_interest_at=population.joined_at.copy(),
        last_touch_at=never.copy(),
        referral_count=np.zeros(size, dtype=np.int64),
        last_score=np.full(size, np.nan),
        last_survey_at=never.copy(),
        last_unsubscribed_at=never.copy(),
        consent=population.consent.copy(),
    )


def make_week(world: World, begins_at: float) -> Week:
    """The week that begins at this time."""
    people, period = world.population, world.period
    until = np.minimum(people.left_at, period.days)
    low = period.share_of_week(np.clip(people.joined_at - begins_at, 0.0, WEEK_DAYS))
    high = period.share_of_week(np.clip(until - begins_at, 0.0, WEEK_DAYS))
    return Week(begins_at, low, np.maximum(high, low), float(period.season(np.array([begins_at + WEEK_DAYS / 2]))[0]), until)


def times_in(world: World, week: Week, customers: Ints, rng: np.random.Generator) -> Floats:
    """A time in the week for each of these customers, by the rhythm of the week."""
    share = week.low[customers] + rng.random(customers.size) * (week.high - week.low)[customers]
    at = week.begins_at + world.period.days_into_week(share)
    return np.clip(at, world.population.joined_at[customers], np.nextafter(week.until[customers], -np.inf))


def draw_orders(world: World, week: Week, state: State, rng: np.random.Generator) -> Records:
    """Orders out of habit: the first with a rate of its own, then Poisson with the customer's rate times the season."""
    people = world.population
    first = rng.random(people.size) < -np.expm1(-people.first_order_rate * week.exposure_days)
    later = rng.poisson(people.order_rate * week.exposure_days)
    customers = np.repeat(np.arange(people.size), np.where(state.order_count == 0, first, later))
    return {"customer": customers, "at": times_in(world, week, customers, rng), "decision": np.full(customers.size, -1)}


def draw_visits(world: World, week: Week, state: State, rng: np.random.Generator) -> Records:
    """Visits that end without an order: a look, a filled cart, or a checkout that is left. Newcomers look more, leavers less."""
    people = world.population
    everyone = np.arange(people.size)
    curiosity = 0.05 * np.exp(-np.clip(week.begins_at - people.joined_at, 0.0, None) / 45.0) * (state.order_count == 0)
    rate = (people.browse_rate + curiosity) * people.fade(everyone, week.begins_at)
    customers = np.repeat(everyone, rng.poisson(rate * week.exposure_days))
    return {"customer": customers, "at": times_in(world, week, customers, rng), "kind": draw_visit_kinds(customers.size, rng)}


def draw_visit_kinds(count: int, rng: np.random.Generator) -> Ints:
    """LOOK, CART or CHECKOUT for each visit."""
    return rng.choice(len(VISIT_SHARES), count, p=VISIT_SHARES)


def draw_brand_touches(world: World, rng: np.random.Generator) -> Records:
    """Customers keep meeting the brand, about once a month, while they are there: customer, at, kind (see BRAND_TOUCH_SHARES)."""
    people = world.population
    life = np.minimum(people.left_at, world.period.days) - people.joined_at
    customers = np.repeat(np.arange(people.size), rng.poisson(life * 0.035))
    kinds = draw_touch_kinds(customers.size, rng)
    return {"customer": customers, "at": people.joined_at[customers] + rng.random(customers.size) * life[customers], "kind": kinds}


def draw_touch_kinds(count: int, rng: np.random.Generator) -> Ints:
    """One of the kinds of BRAND_TOUCH_SHARES for each touch with the brand."""
    return rng.choice(len(BRAND_TOUCH_SHARES), count, p=BRAND_TOUCH_SHARES)


def draw_letters(world: World, week: Week, customers: Ints, rng: np.random.Generator) -> Records:
    """A newsletter to these customers: when sent, opened, clicked, unsubscribed (NaN: did not). The shop goes on after an exit."""
    people = world.population
    sent_at = week.begins_at + 1.0 + rng.random(customers.size) * 0.1
    fade = people.fade(customers, week.begins_at)
    opened_at = sent_at + np.minimum(rng.standard_exponential(customers.size) * 0.5, 4.0)
    opens = rng.random(customers.size) < people.open_share[customers] * fade
    clicks = opens & (rng.random(customers.size) < 0.2)
    leaves = opens & ~clicks & (rng.random(customers.size) < 0.004 / fade)
    until = week.until[customers]
    return {
        "customer": customers,
        "sent_at": np.where(sent_at < world.period.days, sent_at, np.nan),
        "opened_at": _when(opens, opened_at, until),
        "clicked_at": _when(clicks, opened_at + 0.005, until),
        "unsubscribed_at": _when(leaves, opened_at + 0.01, until),
    }


def draw_responses(world: World, week: Week, decisions: Records, rng: np.random.Generator) -> Records:
    """What follows each decision: delivered, viewed, accepted, rejected, unsubscribed, ordered; the time of each, NaN where it did not.

    P(accepted) is the world's truth for stage, action and persona; an accepted action brings one more order with the stage's
    probability. Everything falls within RESPONSE_DAYS, and what would fall after the exit or the period's end does not happen.
    """
    truth, customers, actions = world.responses, decisions["customer"], decisions["action"]
    size, until = customers.size, week.until[customers]
    acts = actions != truth.no_action
    accepts = rng.random(size) < truth.accepts[decisions["stage"], actions, world.population.persona[customers]]
    unsubscribes = ~accepts & (rng.random(size) < truth.unsubscribes[decisions["way"]])
    views = accepts | unsubscribes | (acts & (rng.random(size) < _VIEWED_SHARE))
    delivered = views | (acts & (rng.random(size) < _DELIVERED_SHARE))
    rejects = views & ~accepts & ~unsubscribes & (rng.random(size) < 0.1)
    delivered_at = decisions["at"] + 0.002
    viewed_at = delivered_at + np.minimum(rng.standard_exponential(size) / 3.0, 2.5)
    decided_at = viewed_at + np.minimum(rng.standard_exponential(size) / 4.0, 1.5)
    accepted_at = _when(accepts, decided_at, until)
    orders = rng.random(size) < np.array([ORDER_AFTER_ACCEPTING[stage] for stage in STAGES])[decisions["stage"]]
    return {
        "delivered_at": _when(delivered, delivered_at, np.full(size, world.period.days)),
        "viewed_at": _when(views, viewed_at, until),
        "accepted_at": accepted_at,
        "rejected_at": _when(rejects, decided_at, until),
        "unsubscribed_at": _when(unsubscribes, decided_at, until),
        "ordered_at": _when(orders, accepted_at + np.minimum(rng.standard_exponential(size) * 0.6, 2.0), until),
    }


def draw_survey_answers(world: World, week: Week, asked: Records, rng: np.random.Generator) -> Records:
    """Scores from 0 to 10 around the customer's satisfaction, three points lower when the exit is near; nobody answers after it."""
    people = world.population
    there = asked["at"] < week.until[asked["customer"]]
    answers = {name: values[there] for name, values in asked.items()}
    customers = answers["customer"]
    leaving = people.left_at[customers] - answers["at"] < UNHAPPY_BEFORE_EXIT_DAYS
    score = people.satisfaction[customers] - 3.0 * leaving + rng.normal(0.0, 1.0, customers.size)
    return answers | {"score": np.clip(np.round(score), 0.0, 10.0)}


def draw_referrals(world: World, week: Week, state: State, rng: np.random.Generator) -> Records:
    """Loyal and satisfied customers recommend the shop now and then."""
    people = world.population
    willing = (state.order_count >= 5) & (people.satisfaction >= 8.0)
    refers = rng.random(people.size) < willing * 0.012 * (week.high - week.low)
    customers = np.flatnonzero(refers)
    return {"customer": customers, "at": times_in(world, week, customers, rng)}


def _when(happens: Flags, at: Floats, until: Floats) -> Floats:
    return np.where(happens & (at < until), at, np.nan)


def joined(records: Sequence[Records]) -> Records:
    """All of these records, one after the other."""
    return {name: np.concatenate([each[name] for each in records]) for name in records[0]}
