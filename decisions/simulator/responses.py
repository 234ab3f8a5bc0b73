"""What the simulated shop may do, how often it does it, and how customers truly respond."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.actions import Action
from decisions.simulator.population import CONSENT_CHANNELS, PERSONAS
from features.contract import NO_ACTION, STAGES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ORDER_AFTER_ACCEPTING: Final = dict(zip(STAGES, (0.08, 0.2, 0.5, 0.2, 0.4, 0.35), strict=True))
"""P(one more order within the week | the action was accepted), by stage."""
NO_ACTION_WEIGHT: Final = 1.5
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
_CONSENT_MASKS: Final = 2 ** len(CONSENT_CHANNELS)
_UNSUBSCRIBE = {"email": 0.004, "sms": 0.008, "app": 0.003}


@dataclass(frozen=True)
class Responses:
    """The actions (the last is no_action), the old policy's probabilities, and the truth about responses."""

    action_ids: tuple[str, ...]
    channels: tuple[str, ...]
    """Per action; empty for no_action."""
    answers: tuple[str, ...]
    """Per action: the event that accepting it makes; empty for none."""
    fits: Flags
    """Stage x action: may be chosen in this stage."""
    policy: Floats
    """Stage x consent mask x action: the probability with which the old policy chooses; rows sum to 1."""
    accepts: Floats
    """Stage x action x persona: P(accepted | chosen, customer has not left)."""
    unsubscribes: Floats
    """Per action: P(unsubscribes from its channel | chosen, customer has not left, not accepted)."""

    @property
    def no_action(self) -> int:
        """Number of no_action."""
        return len(self.action_ids) - 1

    @property
    def consent_column(self) -> Ints:
        """Per action: which of CONSENT_CHANNELS it needs; -1 for none."""
        return np.array([CONSENT_CHANNELS.index(c) if c in CONSENT_CHANNELS else -1 for c in self.channels])


def make_responses(actions: Sequence[Action], rng: np.random.Generator) -> Responses:
    """The truth about these actions, drawn around the prior that the catalogue states for each.

    P(accepted | stage, action, persona) = prior x stage's factor x persona's factor, both lognormal and of mean 1; within [.002, .7].
    """
    offered = [a for a in actions if a.action_id != NO_ACTION]
    fits = np.array([[*((not a.stages or stage in a.stages) for a in offered), True] for stage in STAGES])
    channels = (*(a.channels[0] for a in offered), "")
    prior = np.array([*(a.response_prior for a in offered), 0.0])
    habit = np.concatenate([rng.uniform(0.5, 2.0, len(offered)), [NO_ACTION_WEIGHT]])
    by_stage = rng.lognormal(-0.08, 0.4, fits.shape)
    by_persona = rng.lognormal(-0.125, 0.5, (fits.shape[1], len(PERSONAS)))
    accepts = np.clip(prior[None, :, None] * by_stage[:, :, None] * by_persona[None], 0.002, 0.7)
    accepts[:, -1] = 0.0
    return Responses(
        action_ids=(*(a.action_id for a in offered), NO_ACTION),
        channels=channels,
        answers=(*(_answer(a.action_id) for a in offered), ""),
        fits=fits,
        policy=_policy(fits, channels, habit),
        accepts=np.where(fits[:, :, None], accepts, 0.0),
        unsubscribes=np.array([_UNSUBSCRIBE.get(channel, 0.0) for channel in channels]),
    )


def consent_mask(consent: Flags) -> Ints:
    """One number per customer that says which of CONSENT_CHANNELS they allow."""
    return np.asarray(consent @ (2 ** np.arange(len(CONSENT_CHANNELS))), dtype=np.int64)


def draw_actions(probabilities: Floats, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """One action per row of probabilities, and the probability that it had."""
    cumulative = np.cumsum(probabilities, axis=1)
    cumulative /= cumulative[:, -1:]
    chosen = (cumulative <= rng.random(len(probabilities))[:, None]).sum(axis=1)
    return chosen, probabilities[np.arange(len(probabilities)), chosen]


def _answer(action_id: str) -> str:
    return next((event_type for word, event_type in _ANSWERS.items() if word in action_id), "")


def _policy(fits: Flags, channels: tuple[str, ...], habit: Floats) -> Floats:
    masks = np.arange(_CONSENT_MASKS)
    reach = np.ones((_CONSENT_MASKS, len(channels)), dtype=bool)
    for number, channel in enumerate(CONSENT_CHANNELS):
        needs = np.array([c == channel for c in channels])
        reach[:, needs] = ((masks >> number) & 1 == 1)[:, None]
    weights = habit * fits[:, None, :] * reach[None]
    return np.asarray(weights / weights.sum(axis=2, keepdims=True), dtype=np.float64)
