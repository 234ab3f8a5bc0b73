"""Checks what is asked of a decision, and says which ways it leaves."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from decisions.actions import Action, Catalogue
from decisions.policy import Policy
from decisions.reasons import Reason, reason
from decisions.situation import MOST_ACTIONS, Ask, stage_place
from features.contract import NO_ACTION
from features.errors import InputError
from features.nearest import nearest

HEAVIEST_WEIGHT = 5.0


def check(ask: Ask, catalogue: Catalogue) -> None:
    """Raises InputError for an unknown stage or context name, a weight or `k` out of range, too many placements."""
    if isinstance(ask.k, bool) or not isinstance(ask.k, int) or not 1 <= ask.k <= MOST_ACTIONS:
        raise InputError(f"k is {ask.k!r}.", remedy=f"Ask for 1 to {MOST_ACTIONS} actions.")
    if len(ask.placements) > MOST_ACTIONS:
        raise InputError(f"{len(ask.placements)} placements are asked for.", remedy=f"Ask for {MOST_ACTIONS} at most.")
    if ask.stage is not None:
        stage_place(ask.stage)
    for name, weight in ask.context.items():
        if name not in catalogue.weighable:
            like = nearest(name, catalogue.weighable)
            raise InputError(
                f"The context weighs {name!r}, which is no action and no group of the catalogue.", remedy=f"The nearest known is {like!r}."
            )
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= HEAVIEST_WEIGHT:
            raise InputError(
                f"The context weighs {name!r} with {weight!r}.", remedy=f"Give a number from 0 to {HEAVIEST_WEIGHT:g}; 1 is neutral."
            )


@dataclass(frozen=True, eq=False)
class Asked:
    """Which ways are asked for (W,), and per way why it is not; None where it is."""

    ways: NDArray[np.bool_]
    refused: tuple[Reason | None, ...]


@lru_cache(maxsize=256)
def asked_for(policy: Policy, channels: frozenset[str] | None, placements: tuple[str, ...] | None) -> Asked:
    """The ways of this policy by these channels, None is any, in one of these placements, none is wherever that is.

    An action that names no placements may stand in all of them, but not by a channel that goes to the customer: a letter is no banner.
    """
    gates, pushed = policy.gates, policy.catalogue.pushed_channels
    refused = tuple(
        None if way.action_id == NO_ACTION else _refusal(policy.catalogue.actions[way.action], way.channel, channels, placements, pushed)
        for way in gates.ways
    )
    return Asked(np.array([each is None for each in refused], dtype=bool), refused)


def _refusal(
    action: Action, channel: str, channels: frozenset[str] | None, placements: tuple[str, ...] | None, pushed: frozenset[str]
) -> Reason | None:
    if channels is not None and channel not in channels:
        return reason("other_channel", channel=channel, asked=" or ".join(sorted(channels)) or "-")
    if placements and (action.placements.isdisjoint(placements) if action.placements else channel in pushed):
        return reason("other_placement", asked=" or ".join(dict.fromkeys(placements)))
    return None
