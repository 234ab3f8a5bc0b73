"""What the simulated shop may do, and how customers truly respond to it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.policy import Policy
from decisions.simulator.population import CONSENT_CHANNELS, PERSONAS
from features.contract import STAGES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ORDER_AFTER_ACCEPTING: Final = dict(zip(STAGES, (0.08, 0.2, 0.5, 0.2, 0.4, 0.35), strict=True))
"""P(one more order within the week | the action was accepted), by stage."""
_ANSWERS: Final = {
    "poll": "poll_answered",
    "survey": "survey_answered",
    "feedback": "survey_answered",
    "review": "review",
    "referral": "referral_sent",
    "chat": "chat_started",
    "adviser": "chat_started",
    "content": "content_viewed",
    "guide": "content_viewed",
    "case_study": "content_viewed",
}
"""What accepting an action does beside looking in: by a word in the action's id."""
_UNSUBSCRIBE = {"email": 0.004, "sms": 0.008, "app": 0.003}


@dataclass(frozen=True)
class Responses:
    """The actions of the shop's catalogue in its order, their ways (see `decisions.gates.Way`), and the truth about responses."""

    action_ids: tuple[str, ...]
    way_actions: Ints
    """Per way: its action."""
    way_channels: tuple[str, ...]
    """Per way; empty for no_action."""
    answers: tuple[str, ...]
    """Per action: the event that accepting it makes; empty for none."""
    fits: Flags
    """Stage x action: may be chosen in this stage."""
    accepts: Floats
    """Stage x action x persona: P(accepted | chosen, customer has not left)."""
    unsubscribes: Floats
    """Per way: P(unsubscribes from its channel | chosen, customer has not left, not accepted)."""

    @property
    def no_action(self) -> int:
        """Number of no_action."""
        return 0

    @property
    def consent_column(self) -> Ints:
        """Per way: which of CONSENT_CHANNELS it needs; -1 for none."""
        return np.array([CONSENT_CHANNELS.index(c) if c in CONSENT_CHANNELS else -1 for c in self.way_channels])


def make_responses(policy: Policy, rng: np.random.Generator) -> Responses:
    """The truth about the actions of this policy, drawn around the prior that the catalogue states for each.

    P(accepted | stage, action, persona) = prior x stage's factor x persona's factor, both lognormal and of mean 1; within [.002, .7].
    """
    actions, ways = policy.catalogue.actions, policy.gates.ways
    fits = np.array([[not action.stages or stage in action.stages for action in actions] for stage in STAGES])
    prior = np.array([action.response_prior for action in actions])
    by_stage = rng.lognormal(-0.08, 0.4, fits.shape)
    by_persona = rng.lognormal(-0.125, 0.5, (fits.shape[1], len(PERSONAS)))
    accepts = np.clip(prior[None, :, None] * by_stage[:, :, None] * by_persona[None], 0.002, 0.7)
    accepts[:, 0] = 0.0
    return Responses(
        action_ids=tuple(action.action_id for action in actions),
        way_actions=np.array([way.action for way in ways]),
        way_channels=tuple(way.channel for way in ways),
        answers=tuple(_answer(action.action_id) for action in actions),
        fits=fits,
        accepts=np.where(fits[:, :, None], accepts, 0.0),
        unsubscribes=np.array([_UNSUBSCRIBE.get(way.channel, 0.0) for way in ways]),
    )


def _answer(action_id: str) -> str:
    return next((event_type for word, event_type in _ANSWERS.items() if word in action_id), "")
