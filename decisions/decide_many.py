"""`decisions.decide` for many customers at once: the same gates, terms, probabilities and draws, column by column, one action each.

A budget is shared: who comes first takes from it first, and from the customer on for whom it does not suffice the probabilities are made anew without
the action, exactly as if they had been decided on one after the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.asking import asked_for, check
from decisions.budget_periods import charged
from decisions.chances import Chances, chances, group_places
from decisions.composing import Drawn, Frame, composed
from decisions.crowd import Crowd, circumstances, frame_of
from decisions.decision import Decision
from decisions.exploration import draw, uniform
from decisions.holdout import GROUPS
from decisions.moment import budget_values
from decisions.policy import Policy
from decisions.situation import Ask
from features.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Left = Mapping[str, tuple[float | None, float | None]]

PART: Final = 4096
"""Customers worked at once: their tables fit into memory's faster parts."""


@dataclass(frozen=True, eq=False)
class Decided:
    """What was decided for a part of a crowd: the action and way of each (places), the probability, and what stood for choice.

    `budgets_left` is what each customer found left of the budgets; one mapping for all of them where none of them took anything.
    """

    crowd: Crowd
    ask: Ask
    policy: Policy
    decision_ids: Sequence[str]
    groups: Ints
    chances: Chances
    action: Ints
    probability: Floats
    budgets_left: Sequence[Left]
    left_after: Left

    @property
    def way(self) -> Ints:
        """The way of each drawn action."""
        return np.asarray(self.chances.weighed.way[np.arange(len(self.action)), self.action])

    @property
    def priority(self) -> Floats:
        """Money: the priority of each drawn action."""
        return np.asarray(self.chances.weighed.priority[np.arange(len(self.action)), self.action])

    def decision(self, row: int) -> Decision:
        """The decision of this customer, as `decide` makes it; the crowd must have been made of situations."""
        known, left = self.crowd.situations[row], self.budgets_left[row]
        situation = known if known.budgets_left == left else replace(known, budgets_left=left)
        part = self.chances.rows(slice(row, row + 1))
        drawn = Drawn.of(part, int(self.action[row]), self.ask.placements[0] if self.ask.placements else None)
        frame = Frame.of(situation, self.ask, self.policy, GROUPS[self.groups[row]], part)
        return composed(frame, self.decision_ids[row], [drawn])


def decide_many(crowd: Crowd, ask: Ask, policy: Policy, decision_ids: Sequence[str], *, greedily: bool = False) -> Iterator[Decided]:
    """The decisions for a crowd, part by part in its order. `ask.decision_id` is not looked at; `decision_ids` are.

    Raises InputError for a customer who stands in it twice (limits could not hold), and for an ask for several actions or placements: ask those one
    by one. `greedily` takes the best allowed action instead of exploring.
    """
    check(ask, policy.catalogue)
    if ask.k > 1 or len(ask.placements) > 1:
        raise InputError("Many customers at once get one action each.", remedy="Ask for lists and several placements one by one.")
    if len(set(crowd.customer_ids)) < len(crowd):
        raise InputError("A customer stands in the crowd twice.", remedy="Name every customer once.")
    left: Left = dict(crowd.budgets_left)
    for start in range(0, len(crowd), PART):
        rows = slice(start, start + PART)
        part = _decided(crowd.part(rows), ask, policy, decision_ids[rows], left, greedily=greedily)
        yield part
        left = part.left_after


def _decided(crowd: Crowd, ask: Ask, policy: Policy, decision_ids: Sequence[str], left: Left, *, greedily: bool) -> Decided:
    seed = policy.seed if ask.seed is None else ask.seed
    numbers = np.array([uniform(seed, who, name) for who, name in zip(crowd.customer_ids, decision_ids, strict=True)])
    choice = _Choice(crowd, ask, policy, greedily=greedily)
    parts: list[tuple[Chances, Ints, Floats]] = []
    seen: list[Left] = []
    while (start := len(seen)) < len(crowd):
        stood = choice.stand(start, left)
        action = draw(stood.probability, numbers[start:])
        kept, theirs = _while_they_last(stood, action, left, policy)
        parts.append((stood.rows(slice(kept)), action[:kept], stood.probability[np.arange(kept), action[:kept]]))
        seen += theirs[:kept]
        left = theirs[kept]
    joined = Chances.joined([stood for stood, _, _ in parts])
    action, probability = (np.concatenate([part[number] for part in parts]) for number in (1, 2))
    return Decided(crowd, ask, policy, decision_ids, choice.groups, joined, action, probability, seen, left)


class _Choice:
    """What stands for choice in a part of a crowd, as budgets are being used up."""

    def __init__(self, crowd: Crowd, ask: Ask, policy: Policy, *, greedily: bool) -> None:
        gates, frame = policy.gates, frame_of(crowd, ask, policy)
        everybody = np.ones(len(crowd), dtype=bool)
        self.failed = (
            np.stack([~gate.condition.many(frame) & everybody for gate in gates.gates], axis=1)
            if gates.gates
            else everybody[:, None][:, :0]
        )
        if ask.deferred:
            self.failed &= ~gates.quiet
        self.asked = asked_for(policy, ask.channels, ask.placements).ways
        self.groups = group_places(crowd.customer_ids, policy)
        self._known, self._ask, self._policy, self._greedily = circumstances(crowd, ask, policy), ask, policy, greedily

    def stand(self, start: int, left: Left) -> Chances:
        """What stands for choice from this customer on, while this is left of the budgets."""
        values = budget_values(left)
        for number, gate in enumerate(self._policy.gates.gates):
            if gate.layer == "budgets":
                self.failed[start:, number] = not gate.condition.one(values)
        rest = slice(start, None)
        known, groups = self._known.rows(rest), self.groups[rest]
        return chances(self.failed[rest], self.asked, known, groups, self._policy, self._ask.context, greedily=self._greedily)


def _while_they_last(stood: Chances, action: Ints, left: Left, policy: Policy) -> tuple[int, Sequence[Left]]:
    """How many of these customers find the budgets as open as the first one does, and what each of them, and whoever follows, finds left."""
    gates, count = policy.gates, len(action)
    if not left:
        return count, [left] * (count + 1)
    cost = np.array([charged(each) for each in stood.weighed.contact_cost[np.arange(count), action].tolist()])
    found: list[dict[str, tuple[float | None, float | None]]] = [{} for _ in range(count + 1)]
    for action_id, (contacts, money) in left.items():
        place = next((way.action for way in gates.ways if way.action_id == action_id), -1)
        theirs = action == place
        counts = [None] * (count + 1) if contacts is None else _after_each(contacts, theirs.astype(np.float64))
        amounts = [None] * (count + 1) if money is None else _after_each(money, np.where(theirs, cost, 0.0))
        for row, pair in enumerate(zip(counts, amounts, strict=True)):
            found[row][action_id] = pair
    budgets = [gate for gate in gates.gates if gate.layer == "budgets"]
    first = [gate.condition.one(budget_values(left)) for gate in budgets]
    for row in range(1, count):
        if found[row] != found[row - 1] and [gate.condition.one(budget_values(found[row])) for gate in budgets] != first:
            return row, found
    return count, found


def _after_each(left: float, taken: Floats) -> list[float]:
    """What is left before the first and after each of them, taken away one after the other: a sum subtracted at once would be rounded otherwise."""
    return np.subtract.accumulate(np.concatenate([[left], taken])).tolist()  # type: ignore[no-any-return]
