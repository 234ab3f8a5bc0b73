"""A decision as a record: plain data for JSON, whole, so that it can be stored, made again, and shown to an auditor.

What stood for choice is written column by column, since a record holds every action of the catalogue with every term.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import orjson

from decisions.actions import Offer, Sender
from decisions.composing import Frame
from decisions.decision import Chosen, Decision, Reservation, Stood, Terms, Why
from decisions.messages import Message
from decisions.policy import Policy
from decisions.reasons import Reason
from decisions.situation import Ask, Contact, Product, ShopHabits, Situation
from features.errors import InputError

RECORD_FORMAT: Final = 2


def to_record(decision: Decision) -> dict[str, Any]:
    """Plain data (mappings, lists, texts, numbers) from which `from_record` makes an equal decision."""
    plain = {name: _plain(getattr(decision, name)) for name in decision.__dataclass_fields__ if name != "stood"}
    return {"format": RECORD_FORMAT, **plain, "stood": _plain(_stood_record(decision.stood))}


@dataclass(frozen=True)
class Written:
    """What the decisions of one frame have in common, as JSON: it is most of their records."""

    situation: orjson.Fragment
    stood: orjson.Fragment

    @classmethod
    def of(cls, frame: Frame) -> Self:
        """The situation, and what stood for choice in it."""
        return cls(orjson.Fragment(orjson.dumps(frame.situation)), orjson.Fragment(orjson.dumps(_stood_record(frame.stood))))


def to_json(decision: Decision, written: Written | None = None) -> bytes:
    """The record as JSON text, UTF-8: the same as of `to_record`, many times faster. `written` is of the frame that the decision was made in."""
    plain = {name: getattr(decision, name) for name in decision.__dataclass_fields__ if name != "stood"}
    stood: object = _stood_record(decision.stood) if written is None else written.stood
    common = {} if written is None else {"situation": written.situation}
    return orjson.dumps({"format": RECORD_FORMAT, **plain, **common, "stood": stood}, default=sorted)


def from_record(record: Mapping[str, Any], policy: Policy | None = None) -> Decision:
    """The decision that was recorded. Without the policy that made it, the gates' reasons have their codes alone, and no sentences.

    Raises InputError for a record of another format, or one that is not whole.
    """
    if not isinstance(record, Mapping):
        raise _not_whole(f"it is {type(record).__name__}, and no mapping")
    if record.get("format") != RECORD_FORMAT:
        raise InputError(
            f"The decision's record has the format {record.get('format')!r}.", remedy=f"This nextbest reads format {RECORD_FORMAT}."
        )
    try:
        return _decision(record, policy)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _not_whole(repr(error)) from error


def _not_whole(why: str) -> InputError:
    return InputError(f"The decision's record is not whole: {why}.", remedy="Read it as `to_record` wrote it.")


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


_COLUMNS: Final = ("action_ids", "channels", "allowed", "probability", "value_sources")
_SAME: Final = (
    "decision_id",
    "customer_id",
    "stage",
    "policy_version",
    "code_version",
    "models",
    "group",
    "fallback",
    "order_probability",
)


def _decision(record: Mapping[str, Any], policy: Policy | None) -> Decision:
    return Decision(
        **{name: record[name] for name in _SAME},
        decided_at=datetime.fromisoformat(record["decided_at"]),
        actions=tuple(_chosen(each) for each in record["actions"]),
        stood=_stood(record["stood"], policy),
        reservations=tuple(Reservation(**each) for each in record["reservations"]),
        why=Why(**record["why"]),
        situation=_situation(record["situation"]),
        ask=_ask(record["ask"]),
    )


def _stood(record: Mapping[str, Any], policy: Policy | None) -> Stood:
    others = [Reason(code, english, vietnamese) for code, english, vietnamese in record["other_reasons"]]
    return Stood(
        **{name: tuple(record[name]) for name in _COLUMNS},
        terms={name: tuple(values) for name, values in record["terms"].items()},
        reasons={action_id: tuple(_reason(each, others, policy) for each in told) for action_id, told in record["reasons"].items()},
    )


def _stood_record(stood: Stood) -> dict[str, Any]:
    """The columns. What a gate says is written as its code and number: the policy, which is kept once, has the sentence. Others are written once."""
    others = list(dict.fromkeys(each for reasons in stood.reasons.values() for each in reasons if each.gate is None))
    place = {each: number for number, each in enumerate(others)}
    return {
        **{name: getattr(stood, name) for name in _COLUMNS},
        "terms": stood.terms,
        "other_reasons": [[each.code, each.sentence, each.sentence_vi] for each in others],
        "reasons": {
            action_id: [place[each] if each.gate is None else f"{each.code}#{each.gate}" for each in reasons]
            for action_id, reasons in stood.reasons.items()
            if reasons
        },
    }


def _reason(told: str | int, others: Sequence[Reason], policy: Policy | None) -> Reason:
    if isinstance(told, int):
        return others[told]
    code, _, number = told.partition("#")
    return Reason(code, "", "", int(number)) if policy is None else policy.gates.reasons[int(number)]


def _situation(record: Mapping[str, Any]) -> Situation:
    shop = record["shop"]
    return Situation(
        **{
            **record,
            "as_of": datetime.fromisoformat(record["as_of"]),
            "contacts": tuple(_contact(each) for each in record["contacts"]),
            "products": {source: _products(found) for source, found in record["products"].items()},
            "shop": ShopHabits(_pairs(shop["answers"]), tuple(shop["hours"]), shop["timezone"]),
            "hours": tuple(record["hours"]),
            "answers": _pairs(record["answers"]),
            "budgets_left": _pairs(record["budgets_left"]),
        }
    )


def _pairs(record: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {name: tuple(pair) for name, pair in record.items()}


def _contact(record: Mapping[str, Any]) -> Contact:
    return Contact(**{**record, "decided_at": datetime.fromisoformat(record["decided_at"]), "outcomes": tuple(record["outcomes"])})


def _ask(record: Mapping[str, Any]) -> Ask:
    channels = None if record["channels"] is None else frozenset(record["channels"])
    return Ask(**{**record, "channels": channels, "placements": tuple(record["placements"])})


def _chosen(record: Mapping[str, Any]) -> Chosen:
    made = {
        "reasons": _reasons(record["reasons"]),
        "terms": Terms(**record["terms"]),
        "message": None if record["message"] is None else _message(record["message"]),
        "products": _products(record["products"]),
        "offer": None if record["offer"] is None else Offer(**record["offer"]),
        "send_at": None if record["send_at"] is None else datetime.fromisoformat(record["send_at"]),
    }
    return Chosen(**{**record, **made})


def _message(record: Mapping[str, Any]) -> Message:
    return Message(**{**record, "sender": None if record["sender"] is None else Sender(**record["sender"])})


def _reasons(records: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(**each) for each in records)


def _products(records: Sequence[Mapping[str, Any]]) -> tuple[Product, ...]:
    return tuple(Product(**each) for each in records)
