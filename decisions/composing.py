"""Composes the answer from what was drawn: names, reasons, message, products, the time to send, what it takes from limits and budgets."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Self

import numpy as np
from numpy.typing import NDArray

from decisions import messages
from decisions.asking import asked_for
from decisions.budget_periods import charged
from decisions.chances import Chances
from decisions.channel_choice import channel_remark, shop_counts, shop_rates
from decisions.contact_time import hour_remark, instant_after, local_hour, next_hours, quiet_mask
from decisions.decision import TERMS, Chosen, Decision, Reservation, Stood, Terms
from decisions.forbidding import HOLDOUT, forbidding
from decisions.holdout import Group
from decisions.limits import EVERY_PUSHED
from decisions.messages import Occasion
from decisions.policy import Policy
from decisions.product_scope import scoped
from decisions.reasons import Reason, reason
from decisions.remarks import Remark, in_words
from decisions.situation import Ask, Situation
from decisions.value import SOURCES
from decisions.why import reason_of, why_of
from features.contract import NO_ACTION


@dataclass(frozen=True)
class Drawn:
    """One drawn rank: the action and its way (places), with which terms and probability, whether it was the best there, and in which placement.

    `alone` says that nothing else was allowed there.
    """

    action: int
    way: int
    terms: Terms
    probability: float
    best: bool
    alone: bool
    placement: str | None

    @classmethod
    def of(cls, stood: Chances, action: int, placement: str | None, row: int = 0) -> Self:
        """This action, drawn where these stood for choice."""
        priority = np.where(stood.allowed[row], stood.weighed.priority[row], -np.inf)
        best = bool(priority[action] == priority.max())
        way, alone = int(stood.weighed.way[row, action]), int(stood.allowed[row].sum()) == 1
        terms = {name: float(getattr(stood.weighed, name)[row, action]) for name in TERMS}
        told = Terms(**terms, value_source=SOURCES[stood.weighed.value_source[row, action]])
        return cls(action, way, told, float(stood.probability[row, action]), best, alone, placement)


@dataclass(frozen=True, eq=False)
class Frame:
    """What a decision is composed from before anything is drawn: what stood for choice at first, and the places of the best and the second best."""

    situation: Situation
    ask: Ask
    policy: Policy
    group: Group
    first: Chances
    stood: Stood
    best: tuple[int, int | None]

    @classmethod
    def of(cls, situation: Situation, ask: Ask, policy: Policy, group: Group, first: Chances) -> Self:
        """The frame. `first` is what stood for choice (one row)."""
        choosable = first.allowed[0] if group != "no_action" else _otherwise(first, ask, policy)
        best = _best(first.weighed.priority[0], choosable)
        return cls(situation, ask, policy, group, first, _stood(situation, ask, policy, group, first), best)


def composed(frame: Frame, decision_id: str, drawn: Sequence[Drawn]) -> Decision:
    """The decision of this id. `drawn` is what was drawn: `no_action` where that ended a list, or left a place empty.

    Every placement that was asked for is answered, an empty one by `no_action`.
    """
    situation, ask, policy, group, stood = frame.situation, frame.ask, frame.policy, frame.group, frame.stood
    shown = [each for rank, each in enumerate(drawn) if rank == 0 or each.action or ask.placements]
    actions = [_chosen(rank, each, stood, situation, policy, several=len(ask.placements) > 1) for rank, each in enumerate(shown, start=1)]
    told = _told(shown)
    why = why_of(actions[told], stood, group, _names(policy), policy.currency, best=frame.best)
    actions[told] = replace(actions[told], reasons=(reason_of(actions[told], why, group), *actions[told].reasons))
    for rank, each in enumerate(shown):
        if rank != told and not each.action:
            actions[rank] = replace(actions[rank], reasons=(_empty(each, group),))
    return Decision(
        decision_id=decision_id,
        customer_id=situation.customer_id,
        decided_at=situation.as_of,
        stage=situation.stage if ask.stage is None else ask.stage,
        policy_version=policy.version,
        code_version=code_version(),
        models=policy.models,
        group=group,
        fallback=group != "no_action" and int(frame.first.allowed.sum()) == 1,
        actions=tuple(actions),
        stood=stood,
        order_probability=math.prod(each.probability for each in drawn),
        reservations=tuple(_reservations(drawn, policy)),
        why=why,
        situation=situation,
        ask=ask if ask.decision_id == decision_id else replace(ask, decision_id=decision_id),
    )


@cache
def code_version() -> str:
    """The program's own version."""
    try:
        return version("nextbest")
    except PackageNotFoundError:
        return "unknown"


def _stood(situation: Situation, ask: Ask, policy: Policy, group: Group, first: Chances) -> Stood:
    gates, weighed = policy.gates, first.weighed
    allowed, ways = first.allowed[0].tolist(), weighed.way[0].tolist()
    refused = asked_for(policy, ask.channels, ask.placements).refused
    closed = [place for place, is_open in enumerate(allowed) if place and not is_open]
    forbidden = forbidding(gates).reasons(first.failed[0], closed, refused, held=group == "no_action")
    told = dict(zip(closed, forbidden, strict=True))
    told |= {place: _remarks(gates.ways[ways[place]].channel, situation) for place, is_open in enumerate(allowed) if place and is_open}
    actions = policy.catalogue.actions
    reasons = {actions[place].action_id: told[place] for place in sorted(told) if told[place]}
    return Stood(
        action_ids=gates.action_ids,
        channels=tuple([gates.channels[way] for way in ways]),
        allowed=tuple(allowed),
        probability=tuple(first.probability[0].tolist()),
        terms={name: tuple(getattr(weighed, name)[0].tolist()) for name in TERMS},
        value_sources=tuple([SOURCES[source] for source in weighed.value_source[0].tolist()]),
        reasons=reasons,
    )


def _remarks(channel: str, situation: Situation) -> tuple[Reason, ...]:
    return () if channel in situation.consent else _unknown_consent(channel)


@cache
def _unknown_consent(channel: str) -> tuple[Reason, ...]:
    return (reason("consent_unknown", channel=channel),)


def _chosen(rank: int, drawn: Drawn, stood: Stood, situation: Situation, policy: Policy, *, several: bool) -> Chosen:
    action, channel = policy.catalogue.actions[drawn.action], policy.gates.ways[drawn.way].channel
    shown = scoped(action.products, situation.products)
    occasion = Occasion(situation.profile, situation.as_of, shown, policy.catalogue.shop, policy.currency)
    send_at, timing = _timing(channel, situation, policy) if channel in policy.catalogue.pushed_channels else (None, None)
    told = [] if action.action_id == NO_ACTION else [*_remarks(channel, situation), *_channel_reason(channel, situation, policy)]
    return Chosen(
        action_id=action.action_id,
        name=action.name,
        channel=channel,
        group=action.group,
        rank=rank,
        terms=drawn.terms,
        action_probability=drawn.probability if several else stood.probability[drawn.action],
        drawn_probability=drawn.probability,
        explored=not drawn.best,
        reasons=(*told, *([timing] if timing else [])),
        message=messages.message(action, channel, occasion),
        products=shown,
        offer=action.offer,
        placement=drawn.placement,
        send_at=send_at,
    )


def _told(shown: Sequence[Drawn]) -> int:
    """The place of the action whose choice is told in words: the first one; where all places are empty, the first that was left so to learn from."""
    filled = (rank for rank, each in enumerate(shown) if each.action)
    explored = (rank for rank, each in enumerate(shown) if not each.best)
    return next(filled, next(explored, 0))


def _empty(place: Drawn, group: Group) -> Reason:
    """Why nothing is shown in a place."""
    if group == "no_action":
        return HOLDOUT
    return reason("place_alone" if place.alone else "place_empty" if place.best else "place_explored", placement=place.placement)


def _channel_reason(channel: str, situation: Situation, policy: Policy) -> Iterator[Reason]:
    """Why by this channel: how the customer answers it, where anything is known of them or of the shop."""
    if situation.answers or situation.shop.answers:
        channels = policy.arbiter.channels
        rates = shop_rates(*shop_counts(situation.shop.answers, channels))
        yield _said(channel_remark(channel, situation.answers, float(rates[channels.index(channel)])))


def _timing(channel: str, situation: Situation, policy: Policy) -> tuple[datetime | None, Reason | None]:
    """The customer's best next time on this channel, and why; now, without a reason, where no hours are known and the channel is not silent."""
    quiet = policy.limits.quiet_hours
    silent = quiet is not None and channel in quiet.channels
    if not silent and not any(situation.hours) and not any(situation.shop.hours):
        return situation.as_of, None
    zone = situation.timezone or situation.shop.timezone
    now = np.array([local_hour(situation.as_of, zone)])
    mask = quiet_mask(quiet.begins, quiet.ends)[None, :] if quiet is not None and silent else None
    wait = float(next_hours(_day(situation.hours)[None, :], _day(situation.shop.hours), now, mask)[0, 0])
    if not np.isfinite(wait):
        return None, _said(Remark("hour_never"))
    at = situation.as_of if wait == 0 else instant_after(situation.as_of, zone, wait)
    hour = int(now[0] + wait) % 24
    return at, _said(hour_remark(situation.hours or (0.0,) * 24, situation.shop.hours or (0.0,) * 24, hour))


def _day(hours: Sequence[float]) -> NDArray[np.float64]:
    return np.array(hours, dtype=np.float64) if hours else np.zeros(24)


def _said(remark: Remark) -> Reason:
    return Reason(remark.code, in_words(remark, "en"), in_words(remark, "vi"))


def _best(priority: NDArray[np.float64], allowed: NDArray[np.bool_]) -> tuple[int, int | None]:
    """The places of the best and the second best allowed action; the catalogue's order among equals."""
    order = np.argsort(-np.where(allowed, priority, -np.inf), kind="stable")
    return int(order[0]), int(order[1]) if int(allowed.sum()) > 1 else None


def _otherwise(first: Chances, ask: Ask, policy: Policy) -> NDArray[np.bool_]:
    """What would have been allowed, did the customer not measure what actions bring."""
    gates = policy.gates
    ways = (gates.passed(first.failed) & asked_for(policy, ask.channels, ask.placements).ways)[0]
    return np.asarray((ways[gates.per_action] & (gates.per_action >= 0)).any(axis=1))


def _reservations(drawn: Sequence[Drawn], policy: Policy) -> Iterator[Reservation]:
    """What the picked actions take, one for each limit and budget that they touch."""
    ways = [policy.gates.ways[each.way] for each in drawn if each.action]
    taken: dict[tuple[str, int], Reservation] = {}
    for way in ways:
        for what, days, most in _limits(way.action_id, way.channel, policy):
            known = taken.get((what, days))
            taken[what, days] = Reservation("contacts", what, known.count + 1 if known else 1, days=days, most=most)
    yield from taken.values()
    for way in ways:
        if way.action_id in policy.limits.budgets:
            cost = charged(float(policy.catalogue.actions[way.action].costs.get(way.channel, 0.0)))
            yield Reservation("budget", way.action_id, 1, cost)


def _limits(action_id: str, channel: str, policy: Policy) -> Iterator[tuple[str, int, int]]:
    """(what is counted, days, most) of every limit that a contact of this action by this channel counts for."""
    limits, catalogue = policy.limits, policy.catalogue
    action = catalogue.action(action_id)
    groups = action.groups if action else ()
    touched = [
        (channel, limits.contacts.get(channel)),
        (EVERY_PUSHED, limits.contacts.get(EVERY_PUSHED) if channel in catalogue.pushed_channels else None),
        *((group, limits.groups.get(group)) for group in groups),
        (action_id, limits.actions.get(action_id)),
    ]
    for what, limit in touched:
        if limit is not None:
            yield from ((what, days, most) for days, most in limit.windows)


def _names(policy: Policy) -> Mapping[str, str]:
    return {action.action_id: action.name for action in policy.catalogue.actions}
