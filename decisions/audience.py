"""Who gets an action: the customers whose next best action, drawn by the same gates and probabilities as one by one, is this one.

The decision id of each customer is made of the audience's time and their own id. So the audiences of one time divide the customers among the actions,
and making one again draws the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from decisions.actions import Action, Catalogue
from decisions.asking import asked_for
from decisions.contact_history import ContactFacts
from decisions.crowd import crowd_of
from decisions.decide_many import PART, Decided, decide_many
from decisions.decision import Decision
from decisions.gate_rules import gates_of_way
from decisions.holdout import GROUPS
from decisions.policy import Policy
from decisions.reasons import Reason, reason
from decisions.situation import Ask, Situation
from features.contract import NO_ACTION
from features.errors import InputError
from features.nearest import nearest
from features.prepared import prepared

Left = Mapping[str, tuple[float | None, float | None]]
MOST_LETTERS: Final = 200
"""Of a decision id: outcomes that are posted may not name longer ones."""


@dataclass(frozen=True)
class AudienceAsk:
    """Which action, by which channel (None: any of its own), as of when."""

    action_id: str
    at: datetime
    channel: str | None = None

    @property
    def ask(self) -> Ask:
        """What is asked about each customer. The contact is made at `send_at`, so quiet hours do not forbid it."""
        return Ask(channels=None if self.channel is None else frozenset({self.channel}), deferred=True)

    def decision_id(self, customer_id: str) -> str:
        """The id of this customer's decision in every audience of this time, whatever its action and channel."""
        when = self.at.isoformat(timespec="auto" if self.at.second or self.at.microsecond else "minutes")
        named = f"audience-{when}-{customer_id}"
        return named if len(named) <= MOST_LETTERS else f"audience-{when}-{sha256(customer_id.encode()).hexdigest()}"


@dataclass(frozen=True)
class Outside:
    """Why a customer is not in an audience: "gate" kept them out (the first reason), they are of the "no_action_group", or drew "another_action"."""

    why: Literal["gate", "no_action_group", "another_action"]
    code: str
    sentence: str
    sentence_vi: str


@dataclass(frozen=True, eq=False)
class AudiencePart:
    """Some customers, in their order. `outside` says per customer why they are not in the audience; None for its members."""

    decided: Decided
    outside: tuple[Outside | None, ...]

    def decision(self, row: int) -> Decision:
        """The decision of this customer, whole, with the rendered message."""
        return self.decided.decision(row)

    def left_after(self, row: int) -> Left:
        """What this customer leaves of the budgets to the next one."""
        seen = self.decided.budgets_left
        return seen[row + 1] if row + 1 < len(seen) else self.decided.left_after


def checked_action(wanted: AudienceAsk, catalogue: Catalogue) -> Action:
    """The action. Raises InputError for one that there is not, that contacts nobody, or that does not go by this channel."""
    known = [action.action_id for action in catalogue.actions if action.action_id != NO_ACTION]
    action = catalogue.action(wanted.action_id)
    if action is None or action.action_id == NO_ACTION:
        problem = f"There is no action {wanted.action_id!r}." if action is None else "no_action contacts nobody: it has no audience."
        raise InputError(problem, remedy=f"The nearest is {nearest(wanted.action_id, known)!r} of {', '.join(known) or 'none'}.")
    if wanted.channel is not None and wanted.channel not in action.channels:
        raise InputError(
            f"The action {action.action_id!r} does not go by {wanted.channel!r}.", remedy=f"It goes by {', '.join(action.channels)}."
        )
    return action


def audience(situations: Iterable[Situation], policy: Policy, wanted: AudienceAsk, left: Left | None = None) -> Iterator[AudiencePart]:
    """The audience among these customers, part by part in their order. Budgets are taken from in turn, also by those who draw another action.

    `left` is what the first of them finds left of the budgets, where it is not what their situation says. Raises InputError for what
    `checked_action` refuses, and for a customer who stands twice in a part.
    """
    checked_action(wanted, policy.catalogue)
    rest = iter(situations)
    while some := tuple(islice(rest, PART)):
        crowd = crowd_of(some, policy)
        crowd = crowd if left is None else replace(crowd, budgets_left=left)
        names = [wanted.decision_id(each.customer_id) for each in some]
        for decided in decide_many(crowd, wanted.ask, policy, names):
            left = decided.left_after
            yield AudiencePart(decided, tuple(_outside(decided, wanted)))


def _outside(decided: Decided, wanted: AudienceAsk) -> Iterator[Outside | None]:
    policy, chances = decided.policy, decided.chances
    place = [action.action_id for action in policy.catalogue.actions].index(wanted.action_id)
    forbidden = _first_forbidding(decided, place, wanted)
    for row, action in enumerate(decided.action.tolist()):
        if action == place:
            yield None
        elif forbidden[row] >= 0:
            yield _kept_out(policy.gates.reasons[forbidden[row]])
        elif not chances.allowed[row, place]:
            assert GROUPS[decided.groups[row]] == "no_action"  # noqa: S101 - nothing else forbids
            yield _NO_ACTION_GROUP
        else:
            yield drew(policy.catalogue.actions[action].action_id)


def _first_forbidding(decided: Decided, place: int, wanted: AudienceAsk) -> NDArray[np.int64]:
    """Per customer the first gate of the action's first asked way that forbids it, where all its ways are forbidden; -1 where one is open."""
    gates, failed = decided.policy.gates, decided.chances.failed
    asked = asked_for(decided.policy, wanted.ask.channels, None).ways
    ways = [way for way in gates.ways_of[place] if asked[way]]
    closed = np.stack([failed[:, gates.order[way]].any(axis=1) for way in ways], axis=1).all(axis=1)
    order = np.array(gates.order[ways[0]], dtype=np.int64)
    if not len(order):
        return np.full(len(failed), -1)
    return np.where(closed, order[failed[:, order].argmax(axis=1)], -1)


def _kept_out(by: Reason) -> Outside:
    return Outside("gate", by.code, by.sentence, by.sentence_vi)


def refused(situation: Situation, action: Action, channel: str, policy: Policy) -> Outside | None:
    """Outside, if this customer refuses the action by this channel: the first gate of consent that fails, whether or not it still goes that way."""
    found = gates_of_way(action, channel, policy.catalogue, policy.limits)
    wanted = [each for each in found if each.gate.layer == "consent"]
    facts = ContactFacts(tuple(fact for each in wanted for fact in each.facts), policy.catalogue)
    values: dict[str, object] = {
        **situation.features,
        **{f"consent:{name}": float(given) for name, given in situation.consent.items()},
        **facts.of(situation.contacts, situation.as_of),
    }
    return next((_kept_out(each.gate.reason) for each in wanted if not prepared(each.gate.condition)(values)), None)


def drew(action_id: str) -> Outside:
    """Outside, since this action was drawn."""
    return Outside("another_action", action_id, f"Drew {action_id} instead.", f"Rút được {action_id}.")


_HOLDOUT: Final = reason("holdout")
_NO_ACTION_GROUP: Final = Outside("no_action_group", _HOLDOUT.code, _HOLDOUT.sentence, _HOLDOUT.sentence_vi)
