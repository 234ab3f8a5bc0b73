"""Checks what is asked of a decision, and says which ways it leaves."""

import numpy as np
from numpy.typing import NDArray

from decisions.actions import Catalogue
from decisions.gates import Gates
from decisions.reasons import Reason, reason
from decisions.situation import MOST_ACTIONS, Ask
from features.contract import NO_ACTION, STAGES
from features.errors import InputError
from features.nearest import nearest

HEAVIEST_WEIGHT = 5.0


def check(ask: Ask, catalogue: Catalogue) -> None:
    """Raises InputError for an unknown stage or context name, a weight or `k` out of range, too many placements."""
    if isinstance(ask.k, bool) or not isinstance(ask.k, int) or not 1 <= ask.k <= MOST_ACTIONS:
        raise InputError(f"k is {ask.k!r}.", remedy=f"Ask for 1 to {MOST_ACTIONS} actions.")
    if len(ask.placements) > MOST_ACTIONS:
        raise InputError(f"{len(ask.placements)} placements are asked for.", remedy=f"Ask for {MOST_ACTIONS} at most.")
    if ask.stage is not None and ask.stage not in STAGES:
        raise InputError(
            f"The stage {ask.stage!r} is not known.", remedy=f"The nearest known is {nearest(ask.stage, STAGES)!r} of {', '.join(STAGES)}."
        )
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


def refusals(ask: Ask, gates: Gates, catalogue: Catalogue, placement: str | None) -> list[Reason | None]:
    """Per way: why it is not what was asked for; None where it is. `placement` None is any place."""
    return [
        None if way.action_id == NO_ACTION else _refusal(ask, way.channel, catalogue.actions[way.action].placements, placement)
        for way in gates.ways
    ]


def asked_ways(refused: list[Reason | None]) -> NDArray[np.bool_]:
    """(W,): which ways are asked for."""
    return np.array([each is None for each in refused], dtype=bool)


def _refusal(ask: Ask, channel: str, placements: frozenset[str], placement: str | None) -> Reason | None:
    if ask.channels is not None and channel not in ask.channels:
        return reason("other_channel", channel=channel, asked=" or ".join(sorted(ask.channels)) or "-")
    if placement is not None and placements and placement not in placements:
        return reason("other_placement", asked=placement)
    return None
