"""Rows to post: each with a name of its own, so that sending it again changes nothing."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel

from features.errors import InputError
from serving.client.call import Call, as_json
from serving.wire.rows import Receipt

Kind = Literal["events", "orders", "outcomes"]
Row = Mapping[str, Any] | BaseModel

_NAMED_BY: Final[Mapping[Kind, str]] = {"events": "event_id", "orders": "order_id", "outcomes": "event_id"}


@dataclass(frozen=True)
class Kept:
    """A row as it is sent; as JSON, so that it stays what it was when it was given."""

    kind: Kind
    row: bytes = field(repr=False)


@dataclass(frozen=True)
class Refused(Kept):
    """A row that the server refused, and why; the reason may name ids."""

    reason: str = field(repr=False)
    remedy: str


def kept(kind: Kind, row: Row) -> Kept:
    """The row, named: an event or outcome without event_id gets one. InputError for an order without order_id."""
    plain = row.model_dump(exclude_unset=True) if isinstance(row, BaseModel) else row
    if not isinstance(plain, Mapping):
        raise InputError(f"A row of {kind} is no mapping.", remedy="Give a list of mappings, one for each row.")
    name = _NAMED_BY[kind]
    if plain.get(name) is None:
        if kind == "orders":
            raise InputError(
                "An order has no order_id.", remedy="Give the shop's own: without it, an order sent again would be another one."
            )
        plain = {**plain, name: str(uuid.uuid4())}
    return Kept(kind, as_json(plain))


def kept_rows(kind: Kind, rows: Iterable[Row]) -> list[Kept]:
    """The same for several."""
    if isinstance(rows, str | Mapping | BaseModel):
        raise InputError(f"These {kind} are no list.", remedy="Give a list of mappings, one for each row.")
    return [kept(kind, row) for row in rows]


def post_rows(kind: Kind, rows: Sequence[Kept]) -> Call[Receipt]:
    """The call that posts them, all at once."""
    body = b'{"' + kind.encode() + b'":[' + b",".join(each.row for each in rows) + b"]}"
    return Call("POST", f"/v1/{kind}", Receipt.model_validate_json, (), body, {"Content-Type": "application/json"})
