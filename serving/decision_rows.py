"""Decisions as rows of the state database's tables, each with a digest by which a change of the row can be told."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from decisions.decision import Decision, contacts_of
from serving.errors import ProblemError
from serving.ready import About, Made
from serving.state import decisions

_DIGESTED: Final = (
    "decision_id",
    "customer_id",
    "visitor_id",
    "decided_at",
    "stage",
    "channel",
    "action_id",
    "action_probability",
    "policy_version",
    "holdout",
    "request",
    "record",
)


@dataclass(frozen=True)
class Subject:
    """About whom is decided: a customer, or a visitor who is not identified yet."""

    customer_id: str | None = None
    visitor_id: str | None = None


@dataclass(frozen=True)
class Recorded:
    """A decision as it is in the database. `known` says whether anything was known about the subject; `answers` is as in `Made`."""

    decision: Decision
    known: bool
    answers: dict[bool, bytes] = field(default_factory=dict, repr=False, compare=False)


def row_of(made: Made, about: About, subject: Subject, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The decision's row."""
    row = {
        **columns_of(made.decision),
        "customer_id": None if about.visitor else about.customer_id,
        "visitor_id": subject.visitor_id,
        "request": {"asked": dict(asked), "known": about.known},
        "record": orjson.Fragment(made.record),
    }
    return {**row, "digest": digest_of(row)}


def columns_of(decision: Decision) -> dict[str, Any]:
    """The columns of its row that repeat what its record says."""
    first = decision.actions[0]
    return {
        "decision_id": decision.decision_id,
        "customer_id": None if decision.situation.visitor else decision.customer_id,
        "decided_at": decision.decided_at,
        "stage": decision.stage,
        "channel": first.channel or None,
        "action_id": first.action_id,
        "action_probability": first.action_probability,
        "policy_version": decision.policy_version,
        "holdout": decision.holdout,
    }


def digest_of(row: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of a decision's row: all its columns, and its JSON without blanks, in the order of its keys, which columns of JSON keep.

    It tells damage and changes by hand. It is no signature: who may write the row may write a new digest, too.
    """
    plain = orjson.dumps(
        {name: row[name] for name in _DIGESTED}, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC
    )  # as it is stored
    return hashlib.sha256(plain).hexdigest()


def change_of(row: Mapping[str, Any], decision: Decision) -> str | None:
    """What says that the stored row, of which this is the decision, was changed since it was recorded; None where nothing does."""
    if row["digest"] is not None and row["digest"] != digest_of(row):
        return "The stored row was changed since it was recorded: its digest differs."
    differing = [name for name, value in columns_of(decision).items() if row[name] != value]
    if differing:
        return f"The stored row was changed since it was recorded: {', '.join(differing)} differs from its record."
    return None


def contact_rows(decision: Decision) -> list[dict[str, Any]]:
    """A row for each action that contacts the customer."""
    shared = {"decision_id": decision.decision_id, "subject_id": decision.customer_id, "decided_at": decision.decided_at}
    return [{**shared, "rank": each.rank, "action_id": each.action_id, "channel": each.channel} for each in contacts_of(decision.actions)]


def stored_row(connection: Connection, decision_id: str) -> dict[str, Any] | None:
    """The row of this decision; None where there is none. Raises ProblemError (409) for one that holds what is no JSON."""
    try:
        return decisions.find(connection, decision_id)
    except orjson.JSONDecodeError as error:
        raise unreadable(f"The decision's row is not whole: {error}.") from error


def stored_rows(connection: Connection, decision_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The rows of those of these decisions that are recorded, by their ids. Raises ProblemError (409) as `stored_row` does."""
    try:
        return decisions.find_many(connection, decision_ids)
    except orjson.JSONDecodeError as error:
        raise unreadable(f"A decision's row is not whole: {error}.") from error


def request_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request that is kept with a decision. Raises ProblemError (409) for one that is none."""
    request = row["request"]
    if not isinstance(request, Mapping) or not isinstance(request.get("asked", {}), Mapping):
        raise unreadable("The decision's request is not whole.")
    return request


def unreadable(problem: str) -> ProblemError:
    """A stored decision that was damaged."""
    return ProblemError(409, problem, remedy="Restore the row from a backup of the state database.", kind="unreadable-record")
