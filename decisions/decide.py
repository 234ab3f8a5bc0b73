"""The one function that decides: production, the simulator and every evaluation run this very code.

Gates say what is allowed, arbitration what it is worth, exploration with which probability each is drawn; then the draw. For k > 1 the list is drawn
without replacement: at each rank the probabilities are made anew over what is left and still fits the contact limits. `no_action` ends the list.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from decisions import exploration, gates, locales, messages
from decisions.actions import Action
from decisions.arbitration import weigh
from decisions.decision import Candidate, Chosen, Decision, Reason, Terms
from decisions.holdout import in_holdout
from decisions.messages import Occasion
from decisions.moment import Moment, moment_of
from decisions.policy import Policy
from decisions.situation import Ask, Situation
from features.contract import NO_ACTION

HOLDOUT_REASON: Final = Reason("holdout", "The customer is in the group that gets no action, to measure what actions bring.")


@dataclass(frozen=True)
class Judged:
    """One action with its verdict and its terms."""

    action: Action
    forbidden: tuple[Reason, ...]
    terms: Terms


@dataclass(frozen=True)
class _Draw:
    """One drawn rank."""

    judged: Judged
    probability: float
    best: bool


def decide(situation: Situation, ask: Ask, policy: Policy) -> Decision:
    """The decision for this situation and ask under this policy; at least `no_action`, with the reason.

    Deterministic: the draw is seeded from the seed, the customer and the decision id. Nothing is recorded here: `reservations` say which counts
    it rests on; who records it makes sure that they have not changed. Raises InputError for an ask that cannot be used (see `decisions.moment`).
    """
    moment = moment_of(situation, ask, policy.catalogue, policy.limits)
    held = in_holdout(situation.customer_id, policy.seed, policy.holdout_share)
    judged = judge(moment, policy, held=held)
    allowed = [each for each in judged if not each.forbidden]
    first = dict(zip((j.action.action_id for j in allowed), probabilities(allowed, policy), strict=True))
    moment, drawn = _list(moment, allowed, policy)
    return Decision(
        decision_id=ask.decision_id,
        customer_id=situation.customer_id,
        decided_at=situation.as_of,
        stage=moment.stage,
        policy_version=policy.version,
        holdout=held,
        fallback=not held and len(allowed) == 1,
        actions=tuple(_chosen(rank, each, first, judged, moment, policy) for rank, each in enumerate(_shown(drawn), start=1)),
        candidates=tuple(_candidate(each, first, moment) for each in judged),
        order_probability=float(np.prod([each.probability for each in drawn])),
        reservations=gates.reservations(moment),
        situation=situation,
        ask=ask,
    )


def judge(moment: Moment, policy: Policy, *, held: bool) -> tuple[Judged, ...]:
    """Every action of the catalogue with what forbids it and what it is worth; the holdout forbids all but `no_action`."""
    extra = (HOLDOUT_REASON,) if held else ()
    return tuple(
        Judged(
            action,
            gates.verdict(action, moment) + (extra if action.action_id != NO_ACTION else ()),
            weigh(action, moment, policy.response),
        )
        for action in policy.catalogue.actions
    )


def probabilities(allowed: Sequence[Judged], policy: Policy) -> list[float]:
    """With which probability each of these is drawn first."""
    return [float(p) for p in exploration.probabilities([each.terms.priority for each in allowed], policy.exploration)]


def _list(moment: Moment, allowed: Sequence[Judged], policy: Policy) -> tuple[Moment, list[_Draw]]:
    """The drawn ranks, and the moment after them; ends with `no_action` if that was drawn."""
    seed = policy.seed if moment.ask.seed is None else moment.ask.seed
    rng = exploration.generator(seed, moment.situation.customer_id, moment.ask.decision_id)
    left, drawn = list(allowed), list[_Draw]()
    while left and len(drawn) < moment.ask.k:
        pi = np.array(probabilities(left, policy))
        place = exploration.draw(pi, rng)
        top = max(each.terms.priority for each in left)
        drawn.append(_Draw(left[place], float(pi[place]), left[place].terms.priority == top))
        if left[place].action.action_id == NO_ACTION:
            break
        moment = moment.after(left.pop(place).action)
        left = [each for each in left if each.action.action_id == NO_ACTION or gates.contact_limits(each.action, moment) is None]
    return moment, drawn


def _shown(drawn: Sequence[_Draw]) -> list[_Draw]:
    """The ranks to answer with: `no_action` after something else only ends the list."""
    return [each for rank, each in enumerate(drawn) if rank == 0 or each.judged.action.action_id != NO_ACTION]


def _candidate(judged: Judged, first: dict[str, float], moment: Moment) -> Candidate:
    reasons = judged.forbidden or gates.remarks(judged.action, moment)
    return Candidate(judged.action.action_id, not judged.forbidden, reasons, judged.terms, first.get(judged.action.action_id, 0.0))


def _chosen(rank: int, draw: _Draw, first: dict[str, float], judged: Sequence[Judged], moment: Moment, policy: Policy) -> Chosen:
    action, terms, situation = draw.judged.action, draw.judged.terms, moment.situation
    shown = tuple(situation.products.get(action.products, ())[: action.product_count])
    occasion = Occasion(situation.profile, situation.as_of, shown, policy.catalogue.shop, policy.currency)
    return Chosen(
        action_id=action.action_id,
        name=action.name,
        channel=action.channel,
        group=action.group,
        rank=rank,
        priority=terms.priority,
        terms=terms,
        action_probability=first[action.action_id],
        explored=not draw.best,
        reasons=_reasons(draw, judged, policy) + gates.remarks(action, moment),
        message=messages.message(action, occasion),
        products=shown,
        offer=action.offer,
    )


def _reasons(draw: _Draw, judged: Sequence[Judged], policy: Policy) -> tuple[Reason, ...]:
    if draw.judged.action.action_id == NO_ACTION:
        return (_why_nothing(judged),)
    chance = f"probability {draw.probability:.3g}"
    why = Reason("best", f"It has the highest priority, {_sum(draw.judged.terms, policy.currency)} ({chance}).")
    return (
        why
        if draw.best
        else Reason("explored", f"It was drawn to learn from, with {_sum(draw.judged.terms, policy.currency)} ({chance})."),
    )


def _why_nothing(judged: Sequence[Judged]) -> Reason:
    others = [each for each in judged if each.action.action_id != NO_ACTION]
    if any(HOLDOUT_REASON in each.forbidden for each in others):
        return HOLDOUT_REASON
    allowed = [each for each in others if not each.forbidden]
    if allowed:
        best = max(each.terms.priority for each in allowed)
        return (
            Reason("best", "No allowed action is worth its cost.")
            if best <= 0
            else Reason("explored", "Drawn to learn what happens without an action.")
        )
    counts = Counter(each.forbidden[0].code.replace("_", " ") for each in others)
    return Reason(
        "nothing_allowed",
        "No action is allowed: " + (", ".join(f"{n} {code}" for code, n in counts.items()) or "the catalogue has none") + ".",
    )


def _sum(terms: Terms, currency: str) -> str:
    """The priority as a sum: 0.08 response x €12.00 value x 1 context x 1 lever - €0.01 cost = €0.95."""
    value, cost, priority = (locales.money(amount, locales.FALLBACK, currency) for amount in (terms.value, terms.cost, terms.priority))
    return f"{terms.response_probability:.3g} response x {value} value x {terms.context_weight:g} context x {terms.lever:g} lever - {cost} cost = {priority}"
