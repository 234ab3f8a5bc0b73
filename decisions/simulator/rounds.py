"""The weeks, one after the other: the shop decides, customers respond, browse and order, and the shop knows more."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from decisions.simulator.behaviour import (
    CART,
    SURVEY_SHARE,
    Flags,
    Floats,
    Ints,
    Records,
    State,
    Week,
    draw_brand_touches,
    draw_letters,
    draw_orders,
    draw_referrals,
    draw_responses,
    draw_survey_answers,
    draw_visit_kinds,
    draw_visits,
    first_state,
    joined,
    make_week,
)
from decisions.simulator.desk import Desk
from decisions.simulator.rhythm import WEEK_DAYS
from decisions.simulator.world import World
from features.contract import STAGES

CONTACT_SHARE: Final = 0.3
"""Of the customers, on whom a week decides."""
SILENT_DAYS: Final = 240.0
"""Who has neither ordered nor looked for this long is written to no more."""
_CONCERNS = ("decisions", "responses", "visits", "orders", "letters", "surveys", "referrals")
_AWARENESS, _CONSIDERATION, _DECISION, _PURCHASE, _RETENTION, _ADVOCACY = range(len(STAGES))


@dataclass(frozen=True)
class Journal:
    """All weeks' records, in the order in which they were drawn. Customers, actions and stages are numbers; times are days since start."""

    decisions: Records
    """customer, at, stage, action, way, probability, holdout, menu, order_count, silent_days, and the responses' times."""
    visits: Records
    orders: Records
    """customer, at, decision: the number of the decision that brought it, -1 for habit."""
    letters: Records
    surveys: Records
    """customer, at, score, decision."""
    referrals: Records
    touches: Records
    """Meetings with the brand, by customer: they depend on nothing that the shop does."""
    menus: Sequence[str]
    """The candidates, as JSON: of a decision those of its menu."""
    consent: Flags
    """Customer x channel, at the period's end."""


def play(world: World) -> Journal:
    """Plays every week of the world's period."""
    log: dict[str, list[Records]] = defaultdict(list)
    state = first_state(world.population)
    streams = {concern: world.stream(concern) for concern in _CONCERNS}
    desk, decided = Desk(world), 0
    touches = draw_brand_touches(world, world.stream("brand"))
    for number, begins_at in enumerate(world.period.weeks):
        week = make_week(world, float(begins_at))
        met = _within(touches, float(begins_at) - WEEK_DAYS, float(begins_at))
        np.maximum.at(state.last_touch_at, met["customer"], met["at"])
        _read_answers(state, log["surveys"][-2:], float(begins_at))
        made = _play_week(world, week, state, desk, streams, with_letter=number % 2 == 1)
        for name in ("orders", "surveys", "referrals"):
            made[name]["decision"] = np.where(made[name]["decision"] >= 0, made[name]["decision"] + decided, -1)
        decided += made["decisions"]["at"].size
        for name, records in made.items():
            log[name].append(records)
    return Journal(
        **{name: joined(records) for name, records in log.items()}, touches=touches, menus=desk.menus.texts, consent=state.consent
    )


def stages_now(state: State, at: float) -> Ints:
    """Each customer's journey stage, by the default rules as far as this shop's records carry them (orders, not value)."""
    buyer = state.order_count > 0
    stage = np.where(~buyer & (at - state.last_interest_at < 30.0), _CONSIDERATION, np.where(buyer, _RETENTION, _AWARENESS))
    gap = np.subtract(state.last_order_at, state.first_order_at, where=buyer, out=np.zeros(buyer.size)) / np.maximum(
        state.order_count - 1, 1
    )
    loyal = (state.order_count >= _loyal_count(state)) & (at - state.last_order_at < 1.5 * gap)
    stage = np.where(buyer & (loyal | (state.referral_count > 0)) & ~(state.last_score <= 6.0), _ADVOCACY, stage)
    stage = np.where((state.order_count == 1) & (at - state.first_order_at < 30.0), _PURCHASE, stage)
    return np.where((at - state.last_cart_at < 14.0) & (state.last_cart_at > state.last_order_at), _DECISION, stage)


def _loyal_count(state: State) -> float:
    buyers = state.order_count[state.order_count > 0]
    return max(float(np.quantile(buyers, 0.8)), 3.0) if buyers.size else 3.0


def _play_week(
    world: World, week: Week, state: State, desk: Desk, streams: dict[str, np.random.Generator], *, with_letter: bool
) -> dict[str, Records]:
    decisions = _decide(world, week, state, desk, streams["decisions"])
    decisions |= draw_responses(world, week, decisions, streams["responses"])
    orders = joined(
        [draw_orders(world, week, state, streams["orders"]), _chosen(decisions, ~np.isnan(decisions["ordered_at"]), "ordered_at")]
    )
    letters = draw_letters(world, week, _readers(world, week, state, with_letter=with_letter), streams["letters"])
    visits = draw_visits(world, week, state, streams["visits"])
    visits = joined([visits, *(_visits_from(r, t, streams["visits"]) for r, t in ((letters, "clicked_at"), (decisions, "accepted_at")))])
    surveys = _surveys(world, week, decisions, orders, streams["surveys"])
    referrals = draw_referrals(world, week, state, streams["referrals"])
    referrals["decision"] = np.full(referrals["at"].size, -1)
    referrals = joined([referrals, _chosen(decisions, _answered(world, decisions, "referral_sent"), "accepted_at")])
    made = {"decisions": decisions, "visits": visits, "orders": orders, "letters": letters, "surveys": surveys, "referrals": referrals}
    desk.remember(decisions)
    _remember(world, state, made)
    return made


def _decide(world: World, week: Week, state: State, desk: Desk, rng: np.random.Generator) -> Records:
    """Decides on some customers on what is known at the week's beginning, and acts within its first hour."""
    known = (world.population.joined_at < week.begins_at) & (_silent_days(state, week.begins_at) <= SILENT_DAYS)
    customers = np.flatnonzero(known & (rng.random(known.size) < CONTACT_SHARE))
    stage = stages_now(state, week.begins_at)[customers]
    return {
        **desk.decide(state, week.begins_at, customers, stage),
        "at": week.begins_at + np.sort(rng.random(customers.size)) / 24.0,
        "order_count": state.order_count[customers],
        "silent_days": _silent_days(state, week.begins_at)[customers],
    }


def _silent_days(state: State, at: float) -> Floats:
    return at - np.maximum(state.last_order_at, state.last_interest_at)


def _readers(world: World, week: Week, state: State, *, with_letter: bool) -> Ints:
    known = (world.population.joined_at < week.begins_at) & (_silent_days(state, week.begins_at) <= SILENT_DAYS)
    return np.flatnonzero(known & world.population.subscribed & state.consent[:, 0] & with_letter)


def _visits_from(records: Records, time: str, rng: np.random.Generator) -> Records:
    """Who clicks a letter or accepts an action looks in."""
    comes = ~np.isnan(records[time])
    return {"customer": records["customer"][comes], "at": records[time][comes], "kind": draw_visit_kinds(int(comes.sum()), rng)}


def _answered(world: World, decisions: Records, event_type: str) -> Flags:
    answers = np.array([answer == event_type for answer in world.responses.answers])
    return answers[decisions["action"]] & ~np.isnan(decisions["accepted_at"])


def _chosen(decisions: Records, which: Flags, time: str) -> Records:
    return {"customer": decisions["customer"][which], "at": decisions[time][which], "decision": np.flatnonzero(which)}


def _surveys(world: World, week: Week, decisions: Records, orders: Records, rng: np.random.Generator) -> Records:
    invited = _chosen(decisions, _answered(world, decisions, "survey_answered"), "accepted_at")
    after = rng.random(orders["at"].size) < SURVEY_SHARE
    unasked = {
        "customer": orders["customer"][after],
        "at": orders["at"][after] + rng.uniform(1.0, 3.0, int(after.sum())),
        "decision": np.full(int(after.sum()), -1),
    }
    return draw_survey_answers(world, week, joined([invited, unasked]), rng)


def _read_answers(state: State, answers: Sequence[Records], at: float) -> None:
    """Writes the survey answers of the week before this time into the state; some were asked for a week earlier."""
    for records in answers:
        known = _within(records, at - WEEK_DAYS, at)
        order = np.argsort(known["at"], kind="stable")
        customers = known["customer"][order]
        state.last_score[customers] = known["score"][order]
        state.last_survey_at[customers] = known["at"][order]


def _within(records: Records, since: float, until: float) -> Records:
    there = (records["at"] >= since) & (records["at"] < until)
    return {name: column[there] for name, column in records.items()}


def _remember(world: World, state: State, made: dict[str, Records]) -> None:
    """Writes the week into the state."""
    orders, visits, decisions, letters = made["orders"], made["visits"], made["decisions"], made["letters"]
    np.add.at(state.order_count, orders["customer"], 1)
    np.minimum.at(state.first_order_at, orders["customer"], orders["at"])
    np.maximum.at(state.last_order_at, orders["customer"], orders["at"])
    np.maximum.at(state.last_interest_at, visits["customer"], visits["at"])
    carts = visits["kind"] >= CART
    np.maximum.at(state.last_cart_at, visits["customer"][carts], visits["at"][carts])
    np.add.at(state.referral_count, made["referrals"]["customer"], 1)
    state.consent[letters["customer"][~np.isnan(letters["unsubscribed_at"])], 0] = False
    for written in (letters, decisions):
        gone = ~np.isnan(written["unsubscribed_at"])
        np.maximum.at(state.last_unsubscribed_at, written["customer"][gone], written["unsubscribed_at"][gone])
    column = world.responses.consent_column[decisions["way"][gone]]
    state.consent[decisions["customer"][gone][column >= 0], column[column >= 0]] = False
