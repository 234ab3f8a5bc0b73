"""Gates: what may be done for a customer now. Each forbids with a reason, or is silent; none ever allows, and `no_action` passes them all.

    eligibility      may they: the action's rule and its groups'
    applicability    does it make sense now: stage, rule, products to speak of; and what was asked: channel, placement
    suitability      is it good for them: the rule
    consent          the channel was not refused, the customer did not unsubscribe; then the holdout
    suppression      rejections pause an action and its groups
    contact limits   per customer, channel, group and action; rest after use, quiet hours, the turn in a series
    budgets          what the action may take from the shop

A gate is a condition over named values, so one customer (`Condition.one`) and many (`Condition.many`) are judged by the same definition. Names with a
colon are made for gates alone: `consent:email`, `stage:retention`, `products:ACTION`, `budget_contacts:ACTION`, and the contact facts of limits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.actions import Action, Catalogue
from decisions.contact_history import ContactFacts
from decisions.contact_names import ContactFact, contact_facts
from decisions.gate_rules import Gate, Wanted, gates_of_way
from decisions.limits import Limits
from features.contract import NO_ACTION
from features.prepared import prepared

Flags = NDArray[np.bool_]
LAYERS: Final = ("eligibility", "applicability", "suitability", "consent", "suppression", "contact_limits", "budgets")


@dataclass(frozen=True)
class Way:
    """An action by one of its channels. `action` is its place in the catalogue."""

    action: int
    action_id: str
    channel: str


class Gates:
    """Every gate of a policy once, and which ways it guards.

    ways: (W,), the first is `no_action`. gates: (U,). guards: (W, U), whether the gate guards the way. facts: what the gates ask about contacts.
    """

    def __init__(self, catalogue: Catalogue, limits: Limits) -> None:
        self.ways = tuple(_ways(catalogue))
        wanted = [list(self._of(way, catalogue, limits)) for way in self.ways]
        self.gates = tuple(dict.fromkeys(each.gate for theirs in wanted for each in theirs))
        place = {gate: number for number, gate in enumerate(self.gates)}
        self.order = tuple(tuple(place[each.gate] for each in theirs) for theirs in wanted)
        self.guards = np.zeros((len(self.ways), len(self.gates)), dtype=bool)
        for row, numbers in enumerate(self.order):
            self.guards[row, list(numbers)] = True
        asked = {fact.name: fact for theirs in wanted for each in theirs for fact in each.facts}
        self.names = frozenset(name for gate in self.gates for name in gate.names)
        asked |= {fact.name: fact for fact in contact_facts(catalogue.channels) if fact.name in self.names}
        self.facts = ContactFacts(tuple(asked.values()), catalogue)
        says = [gate.reason for gate in self.gates]
        self.reasons = tuple(replace(each, gate=says.index(each)) for each in says)
        self.layer = tuple(LAYERS.index(gate.layer) for gate in self.gates)
        self.tests = tuple(prepared(gate.condition) for gate in self.gates)
        self.counted = np.array([not gate.names.isdisjoint(asked) for gate in self.gates], dtype=bool)
        self.quiet = np.array([gate.code == "quiet_hours" for gate in self.gates], dtype=bool)
        self.per_action = _by_action(self.ways, len(catalogue.actions))
        self.action_ids = tuple(action.action_id for action in catalogue.actions)
        self.channels = tuple(way.channel for way in self.ways)
        self.ways_of = tuple(tuple(way for way in row if way >= 0) for row in self.per_action.tolist())
        self._weights = self.guards.T.astype(np.float32)

    @staticmethod
    def _of(way: Way, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:
        if way.action_id != NO_ACTION:
            found = gates_of_way(catalogue.actions[way.action], way.channel, catalogue, limits)
            yield from sorted(found, key=lambda each: LAYERS.index(each.gate.layer))

    def passed(self, failed: Flags) -> Flags:
        """(N, W): which ways no gate forbids, from (N, U) which gates failed."""
        return np.asarray(failed.astype(np.float32) @ self._weights < 0.5)


def _ways(catalogue: Catalogue) -> Iterator[Way]:
    for number, action in enumerate(catalogue.actions):
        for channel in action.channels:
            yield Way(number, action.action_id, channel)


def _by_action(ways: Sequence[Way], actions: int) -> NDArray[np.int64]:
    """(A, K): the ways of each action, in the order of its channels; -1 where it has fewer."""
    mine = [[number for number, way in enumerate(ways) if way.action == action] for action in range(actions)]
    most = max(len(each) for each in mine)
    return np.array([each + [-1] * (most - len(each)) for each in mine], dtype=np.int64)


__all__ = ["LAYERS", "Action", "ContactFact", "Gate", "Gates", "Way"]
