"""Arbitration: how much each action is worth now.

    priority = response_probability x value x context_weight x lever - cost

Every term is kept. `no_action` has priority 0: an action must earn more than it costs to be better than leaving the customer alone.
"""

from typing import Protocol

from decisions.actions import Action
from decisions.decision import Terms
from decisions.moment import Moment
from decisions.value import outcome_value
from features.contract import NO_ACTION


class Response(Protocol):
    """Whatever knows how likely an action is to be answered."""

    def probability(self, action_id: str, stage: str, prior: float) -> float:
        """The probability of a positive outcome of this action in this stage; `prior` is the catalogue's, for what was never seen."""


class PriorResponse:
    """The catalogue's own priors: what is known before any outcome is."""

    def probability(self, action_id: str, stage: str, prior: float) -> float:  # noqa: ARG002 - the prior of the action is all there is
        """The prior."""
        return prior


NO_TERMS = Terms(response_probability=0.0, value=0.0, context_weight=1.0, lever=1.0, cost=0.0, priority=0.0)


def weigh(action: Action, moment: Moment, response: Response) -> Terms:
    """The terms of the action's priority in this moment."""
    if action.action_id == NO_ACTION:
        return NO_TERMS
    probability = float(response.probability(action.action_id, moment.stage, action.response_prior))
    value = outcome_value(action, moment.stage, moment.situation.expected_order_value, moment.catalogue)
    context = moment.ask.context
    weight = float(context.get(action.action_id, context.get(action.group, 1.0)))
    priority = probability * value * weight * action.lever - action.cost
    return Terms(probability, value, weight, action.lever, action.cost, priority)
