"""Replay: makes a recorded decision again, to prove that it came from what is recorded with it."""

from collections.abc import Mapping
from typing import Any

from decisions.decide import decide
from decisions.decision import Decision
from decisions.policy import Policy
from decisions.records import from_record
from features.errors import InputError


def replay(record: Mapping[str, Any], policy: Policy) -> Decision:
    """The decision that this policy makes of the recorded situation and ask; equal to the recorded one, if nothing was changed.

    Raises InputError if another policy decided, since its answer would prove nothing.
    """
    recorded = from_record(record)
    if recorded.policy_version != policy.version:
        raise InputError(
            f"The decision {recorded.decision_id!r} was made by the policy {recorded.policy_version}; this is {policy.version}.",
            remedy="Replay it with the catalogue, limits, models and seed of that time.",
        )
    return decide(recorded.situation, recorded.ask, policy)
