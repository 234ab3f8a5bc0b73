"""Channels that a request asks for, checked against those that the catalogue knows."""

from collections.abc import Sequence

from decisions.policy import Policy
from features.nearest import nearest
from serving.errors import ProblemError


def checked_channels(asked: Sequence[str] | None, policy: Policy) -> frozenset[str] | None:
    """The channels as a decision takes them; None is any. ProblemError for one that no action could go by."""
    if not asked:
        return None
    known = policy.catalogue.channels
    for channel in asked:
        if channel not in known:
            problem = f"The channel {channel!r} is not known; the nearest is {nearest(channel, known)!r}."
            raise ProblemError(422, problem, remedy=f"Known are {', '.join(sorted(known))}.", kind="unknown-channel")
    return frozenset(asked)
