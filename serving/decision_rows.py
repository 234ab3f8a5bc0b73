"""Decisions as rows of the state database's tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from decisions.decision import Decision, contacts_of
from decisions.records import to_json
from serving.current import Current


@dataclass(frozen=True)
class Subject:
    """About whom is decided: a customer, or a visitor who is not identified yet."""

    customer_id: str | None = None
    visitor_id: str | None = None


@dataclass(frozen=True)
class Recorded:
    """A decision as it is in the database. `known` says whether anything was known about the subject."""

    decision: Decision
    known: bool


def row_of(made: Recorded, subject: Subject, current: Current, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The decision's row."""
    decision, first = made.decision, made.decision.actions[0]
    return {
        "decision_id": decision.decision_id,
        "customer_id": None if current.visitor else current.customer_id,
        "visitor_id": subject.visitor_id,
        "decided_at": decision.decided_at,
        "stage": decision.stage,
        "channel": first.channel or None,
        "action_id": first.action_id,
        "action_probability": first.action_probability,
        "policy_version": decision.policy_version,
        "holdout": decision.holdout,
        "request": {"asked": dict(asked), "known": made.known},
        "record": orjson.Fragment(to_json(decision)),
    }


def contact_rows(decision: Decision) -> list[dict[str, Any]]:
    """A row for each action that contacts the customer."""
    shared = {"decision_id": decision.decision_id, "subject_id": decision.customer_id, "decided_at": decision.decided_at}
    return [{**shared, "rank": each.rank, "action_id": each.action_id, "channel": each.channel} for each in contacts_of(decision.actions)]
