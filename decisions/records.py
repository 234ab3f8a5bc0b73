"""A decision as a record: plain data for JSON, whole, so that it can be stored, made again, and shown to an auditor."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from decisions.actions import Offer, Sender
from decisions.decision import Candidate, Chosen, Decision, Reason, Reservation, Terms
from decisions.messages import Message
from decisions.situation import Ask, Contact, Product, Situation
from features.errors import InputError

RECORD_FORMAT: Final = 1


def to_record(decision: Decision) -> dict[str, Any]:
    """Plain data (mappings, lists, texts, numbers) from which `from_record` makes an equal decision."""
    return {"format": RECORD_FORMAT, **_plain(decision)}


def from_record(record: Mapping[str, Any]) -> Decision:
    """The decision that was recorded. Raises InputError for a record of another format, or one that is not whole."""
    if record.get("format") != RECORD_FORMAT:
        raise InputError(
            f"The decision's record has the format {record.get('format')!r}.", remedy=f"This nextbest reads format {RECORD_FORMAT}."
        )
    try:
        return _decision(record)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"The decision's record is not whole: {error!r}.", remedy="Read it as `to_record` wrote it.") from error


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | float | int):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}


def _decision(record: Mapping[str, Any]) -> Decision:
    plain = {
        name: record[name] for name in ("decision_id", "customer_id", "stage", "policy_version", "holdout", "fallback", "order_probability")
    }
    return Decision(
        **plain,
        decided_at=datetime.fromisoformat(record["decided_at"]),
        actions=tuple(_chosen(each) for each in record["actions"]),
        candidates=tuple(_candidate(each) for each in record["candidates"]),
        reservations=tuple(Reservation(**{**each, "channels": tuple(each["channels"])}) for each in record["reservations"]),
        situation=_situation(record["situation"]),
        ask=_ask(record["ask"]),
    )


def _situation(record: Mapping[str, Any]) -> Situation:
    return Situation(
        **{
            **record,
            "as_of": datetime.fromisoformat(record["as_of"]),
            "contacts": tuple(_contact(each) for each in record["contacts"]),
            "products": {source: _products(found) for source, found in record["products"].items()},
        }
    )


def _contact(record: Mapping[str, Any]) -> Contact:
    return Contact(**{**record, "decided_at": datetime.fromisoformat(record["decided_at"]), "outcomes": tuple(record["outcomes"])})


def _ask(record: Mapping[str, Any]) -> Ask:
    return Ask(**{**record, "channels": None if record["channels"] is None else frozenset(record["channels"])})


def _candidate(record: Mapping[str, Any]) -> Candidate:
    return Candidate(**{**record, "reasons": _reasons(record["reasons"]), "terms": Terms(**record["terms"])})


def _chosen(record: Mapping[str, Any]) -> Chosen:
    made = {
        "reasons": _reasons(record["reasons"]),
        "terms": Terms(**record["terms"]),
        "message": None if record["message"] is None else _message(record["message"]),
        "products": _products(record["products"]),
        "offer": None if record["offer"] is None else Offer(**record["offer"]),
    }
    return Chosen(**{**record, **made})


def _message(record: Mapping[str, Any]) -> Message:
    return Message(**{**record, "sender": None if record["sender"] is None else Sender(**record["sender"])})


def _reasons(records: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(**each) for each in records)


def _products(records: Sequence[Mapping[str, Any]]) -> tuple[Product, ...]:
    return tuple(Product(**each) for each in records)
