"""The one function that decides: production, the simulator and every evaluation run this very code.

Gates say what is allowed, arbitration what it is worth, exploration with which probability each is drawn; then the draw. For k > 1, or several
placements, the list is drawn without replacement: at each rank the probabilities are made anew over what is left and still fits the limits; `no_action`
ends a list, and leaves a placement empty. `decisions.decide_many` does the same for many customers at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.asking import asked_for, check
from decisions.chances import Chances, chances
from decisions.composing import Drawn, Frame, composed
from decisions.decision import Decision
from decisions.exploration import Draw, draw, uniform
from decisions.holdout import GROUPS, Group, group_of
from decisions.moment import Moment, failures, moment_of
from decisions.policy import Policy
from decisions.situation import Ask, Situation

Flags = NDArray[np.bool_]
NO_ACTION_PLACE: Final = 0


@dataclass
class _Listing:
    """A list that is being drawn: what is known after the picks so far."""

    moment: Moment
    ask: Ask
    policy: Policy
    group: Group
    values: Mapping[str, object]
    failed: Flags
    left: Flags

    def stand(self, placements: tuple[str, ...]) -> Chances:
        """What stands for choice in these placements, or wherever that is."""
        asked = asked_for(self.policy, self.ask.channels, placements).ways & self.left
        group = np.array([GROUPS.index(self.group)])
        return chances(self.failed, asked, self.moment.known, group, self.policy, self.ask.context)

    def pick(self, way: int) -> None:
        """Takes this way: its action is gone, and its contact counts."""
        gates = self.policy.gates
        taken = gates.ways[way]
        self.left = self.left & np.array([each.action != taken.action or each.action == NO_ACTION_PLACE for each in gates.ways])
        self.values = gates.facts.after(self.values, taken.action_id, taken.channel)
        again = [
            not gate.condition.one(self.values) if counted else old
            for gate, counted, old in zip(gates.gates, gates.counted, self.failed[0], strict=True)
        ]
        self.failed = np.array([again], dtype=bool)


Picks = tuple[int, ...]
"""The actions that were drawn, in order (places in the catalogue)."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A decision but for its draw: for as long as the situation is the same, any number of decisions of one ask differ by what is drawn, and by name.

    What was drawn once is composed once.
    """

    listing: _Listing
    frame: Frame
    _composed: dict[Picks, Decision] = field(default_factory=dict)

    def decide(self, decision_id: str) -> Decision:
        """The decision of this id."""
        return self.named(self.picks(decision_id), decision_id)

    def picks(self, decision_id: str) -> Picks:
        """What is drawn for this id."""
        if self._one_draw is not None:
            pick = (self._one_draw.of(self._number(decision_id)),)
            if pick in self._composed:
                return pick
        drawn = _drawn(replace(self.listing), self.frame.first, decision_id)
        picks = tuple([each.action for each in drawn])
        if picks not in self._composed:
            self._composed[picks] = composed(self.frame, "", drawn)
        return picks

    def named(self, picks: Picks, decision_id: str) -> Decision:
        """What was drawn before, as the decision of this id."""
        return replace(self._composed[picks], decision_id=decision_id, ask=replace(self.listing.ask, decision_id=decision_id))

    @cached_property
    def _one_draw(self) -> Draw | None:
        """The draw, where there is but one, and it is from what stood for choice at first."""
        ask = self.listing.ask
        return Draw(self.frame.first.probability[0]) if (ask.k == 1 or ask.placements) and len(ask.placements) <= 1 else None

    def _number(self, decision_id: str) -> float:
        ask, listing = self.listing.ask, self.listing
        return uniform(listing.policy.seed if ask.seed is None else ask.seed, listing.moment.situation.customer_id, decision_id)


def prepare(situation: Situation, ask: Ask, policy: Policy) -> Prepared:
    """What stands for choice in this situation, before the draw. Raises InputError for an ask that cannot be used (see `decisions.asking`)."""
    check(ask, policy.catalogue)
    moment = moment_of(situation, ask, policy)
    group = group_of(situation.customer_id, policy.seed, policy.holdout_share, policy.random_share)
    everything = np.ones(len(policy.gates.ways), dtype=bool)
    listing = _Listing(moment, ask, policy, group, moment.values, failures(moment, ask, policy), everything)
    return Prepared(listing, Frame.of(situation, ask, policy, group, listing.stand(ask.placements)))


def decide(situation: Situation, ask: Ask, policy: Policy) -> Decision:
    """The decision for this situation and ask under this policy; at least `no_action`, with the reason.

    Deterministic: the draw is seeded from the seed, the customer and the decision id. Nothing is recorded here: `reservations` say which counts and
    budgets it rests on; who records it makes sure that they still hold. Raises InputError for an ask that cannot be used (see `decisions.asking`).
    """
    return prepare(situation, ask, policy).decide(ask.decision_id)


def _drawn(listing: _Listing, first: Chances, decision_id: str) -> list[Drawn]:
    """The drawn ranks. `first` is what stands for choice at the first of them, if that is all there is to ask."""
    ask, several = listing.ask, len(listing.ask.placements) > 1
    places: tuple[str | None, ...] = ask.placements or (None,) * ask.k
    seed = listing.policy.seed if ask.seed is None else ask.seed
    found: list[Drawn] = []
    for rank, placement in enumerate(places):
        stood = first if rank == 0 and not several else listing.stand(() if placement is None else (placement,))
        number = uniform(seed, listing.moment.situation.customer_id, decision_id, rank)
        action = int(draw(stood.probability, np.array([number]))[0])
        found.append(Drawn.of(stood, action, placement))
        if action == NO_ACTION_PLACE and not ask.placements:
            break
        if action != NO_ACTION_PLACE and rank + 1 < len(places):
            listing.pick(found[-1].way)
    return found
