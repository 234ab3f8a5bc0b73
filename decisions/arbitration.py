"""Arbitration: how much each action is worth now, and by which of its channels it would go.

    priority = response_probability x (1 + lift) x context_weight x value x lever - cost
    lift = lift_prior x k / (k + evidence)            k = 50 decisions: the business's belief fades as outcomes come in
    cost = contact_cost + leaving_cost

An action that goes by several channels takes the one with the highest priority: by the channel that the customer answers best it is answered with its
response probability, by another one less in proportion to their rates (`decisions.channel_choice`).

Every term is kept. `no_action` has priority 0: an action must earn more than it costs to be better than leaving the customer alone. Arrays are
customers x actions, and what stands in a row depends on that row alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.actions import Action, Catalogue
from decisions.channel_choice import answer_rates
from decisions.exploration import Standing
from decisions.gates import Gates
from decisions.responses import Response
from decisions.value import Journey, Money
from decisions.win_probabilities import Uncertain

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

LIFT_STRENGTH: Final = 50.0


@dataclass(frozen=True, eq=False)
class Circumstances:
    """What arbitration looks at, customers first: stages as places in `features.contract.STAGES`; money of an order; contacts sent and answered
    by channel (customers x channels, and the shop's); prices of the products that the actions would show (customers x actions, NaN: unknown)."""

    stages: Ints
    order_counts: Floats
    order_values: Floats
    sent: Floats
    answered: Floats
    shop_sent: Floats
    shop_answered: Floats
    prices: Floats

    def rows(self, which: slice) -> "Circumstances":
        """These customers'."""
        own = ("stages", "order_counts", "order_values", "sent", "answered", "prices")
        return replace(self, **{name: getattr(self, name)[which] for name in own})


@dataclass(frozen=True, eq=False)
class Weighed:
    """Every term of every action, customers x actions; `way` is the channel it would go by, as a place in `Gates.ways`."""

    response_probability: Floats
    lift: Floats
    context_weight: Floats
    value: Floats
    lever: Floats
    contact_cost: Floats
    leaving_cost: Floats
    priority: Floats
    strength: Floats
    value_source: Ints
    way: Ints

    def rows(self, which: slice) -> "Weighed":
        """These customers'."""
        return Weighed(*(getattr(self, part.name)[which] for part in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence["Weighed"]) -> "Weighed":
        """The customers of all parts."""
        return cls(*(np.concatenate([getattr(each, part.name) for each in parts]) for part in fields(cls)))

    def standing(self, allowed: Flags) -> Standing:
        """How the actions stand, where these are allowed."""
        scale = (1.0 + self.lift) * self.context_weight * self.value * self.lever
        return Standing(
            self.priority, Uncertain(scale, self.contact_cost + self.leaving_cost, self.response_probability, self.strength), allowed
        )


class Arbiter:
    """The terms of one catalogue, made ready: what does not depend on the customer."""

    def __init__(self, catalogue: Catalogue, gates: Gates, response: Response, journey: Journey | None) -> None:
        self._gates, self._response = gates, response
        self._money = Money.of(catalogue, journey)
        self.channels = tuple(sorted(catalogue.channels))
        actions = catalogue.actions
        self._lift = np.array([action.lift_prior for action in actions])
        self._lever = np.array([action.lever for action in actions])
        costs = [float(actions[way.action].costs.get(way.channel, 0.0)) for way in gates.ways]
        self._way_cost = np.array(costs)
        self._way_pushed = np.array([way.channel in catalogue.pushed_channels for way in gates.ways], dtype=bool)
        self._way_channel = np.array([self.channels.index(way.channel) if way.channel else -1 for way in gates.ways], dtype=np.int64)
        self._several = gates.per_action.shape[1] > 1
        self._actions = actions

    def weigh(self, known: Circumstances, ways_allowed: Flags, context: Mapping[str, float]) -> Weighed:
        """The terms of every action in these circumstances; each goes by the best of its channels that are allowed (customers x ways)."""
        beliefs = self._response.beliefs(known.stages)
        value, source = self._money.values(known.stages, known.order_counts, known.order_values, known.prices)
        leaving = beliefs.leaving * self._money.leaving(known.stages, known.order_counts, known.order_values)[:, None]
        lift = self._lift * LIFT_STRENGTH / (LIFT_STRENGTH + beliefs.evidence)
        weight = np.repeat(self._weights(context)[None], len(value), axis=0)
        lever = np.repeat(self._lever[None], len(value), axis=0)
        value[:, 0] = beliefs.probability[:, 0] = 0.0
        gain = (1.0 + lift) * weight * value * lever
        best, answered = self._best(known, ways_allowed, beliefs.probability * gain, leaving)
        way = self._gates.per_action[np.arange(value.shape[1]), best]
        probability, contact_cost = beliefs.probability * answered, self._way_cost[way]
        leaving_cost = np.where(self._way_pushed[way], leaving, 0.0)
        priority = probability * gain - (contact_cost + leaving_cost)
        priority[:, 0] = 0.0
        terms = (probability, lift, weight, value, lever, contact_cost, leaving_cost, priority, beliefs.strength)
        return Weighed(*terms, value_source=source, way=way)

    def rates(self, known: Circumstances) -> Floats:
        """How likely each customer answers each of `channels`."""
        return answer_rates(known.sent, known.answered, known.shop_sent, known.shop_answered)

    def _best(self, known: Circumstances, allowed: Flags, earned: Floats, leaving: Floats) -> tuple[Ints, Floats]:
        """(N, A): which of the action's channels has the highest priority, of equals the catalogue's first; and how well it is answered by this customer.

        `earned` is what the action earns by the channel that they answer best; by another one it is answered less in proportion to their rates,
        between 0 and 1. Where no channel is allowed, the first stands.
        """
        ways = self._gates.per_action
        if not self._several:
            return np.zeros(earned.shape, dtype=np.int64), np.ones(earned.shape)
        rates = np.where(ways >= 0, self.rates(known)[:, self._way_channel[ways]], 0.0)
        answered = rates / rates.max(axis=2)[:, :, None]
        costs = self._way_cost[ways] + np.where(self._way_pushed[ways], leaving[:, :, None], 0.0)
        usable = allowed[:, ways] & (ways >= 0)
        best = np.argmax(np.where(usable, earned[:, :, None] * answered - costs, -np.inf), axis=2)
        return best, np.take_along_axis(answered, best[:, :, None], axis=2)[:, :, 0]

    def _weights(self, context: Mapping[str, float]) -> Floats:
        return np.array([_weight(action, context) for action in self._actions]) if context else np.ones(len(self._actions))


def _weight(action: Action, context: Mapping[str, float]) -> float:
    """The context's weight of an action: its own, or that of the nearest group above it that has one."""
    return float(next((context[name] for name in (action.action_id, *action.groups) if name in context), 1.0))
