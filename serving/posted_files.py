"""Posted rows as files in the contract's columns, as the home's tables take them: one for each table that something was posted of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
from sqlalchemy import Connection

from features.contract import CUSTOMER_ID, CUSTOMERS, DECISIONS, EVENTS, ORDERS, OUTCOMES, POSTED_LINE, TABLES
from features.ingest.posted import PUT, posted_schema, write_rows
from features.profiles import CONSENT_PREFIX
from serving.state import synced

Rows = Iterable[Sequence[Mapping[str, Any]]]

_CONTRACT: Final = posted_schema(CUSTOMERS)
_LINE_KEYS: Final = ("order_id", "line")


@dataclass
class Written:
    """The files by table, how many rows each has, and the channels of which the home knows no consent."""

    files: dict[str, Path] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    unknown_channels: set[str] = field(default_factory=set)


def write_posted(connection: Connection, folder: Path, consent_columns: Sequence[str]) -> Written:
    """Writes what was posted, and is not in the home's history, to files in this folder; customers with all that was put about them.

    A channel for which the home has no consent column is left out: with a column, everybody who has not answered would have said no.
    """
    written = Written()
    for table, rows in _posted(connection).items():
        path = folder / f"posted_{table}.parquet"
        if count := write_rows(path, posted_schema(TABLES[table]), rows):
            written.files[table], written.counts[table] = path, count
    _write_customers(connection, folder / f"posted_{CUSTOMERS.name}.parquet", set(consent_columns), written)
    return written


def _posted(connection: Connection) -> dict[str, Rows]:
    return {
        ORDERS.name: ([_line(row) for row in rows] for rows in synced.lines_of_unsynced_orders(connection)),
        EVENTS.name: ([_event(row) for row in rows] for rows in synced.unsynced_events(connection)),
        DECISIONS.name: ([_decision(row) for row in rows] for rows in synced.unsynced_decisions(connection)),
        OUTCOMES.name: synced.unsynced_outcomes(connection),
    }


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, POSTED_LINE: float(row["line"])}


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "properties": None if row["properties"] is None else _json(row["properties"])}


def _decision(row: Mapping[str, Any]) -> dict[str, Any]:
    """What was decided, with the candidates and the features of its record; a record that is not whole has none."""
    record = row["record"]
    try:
        told = {"candidates": _json(_candidates(record["stood"])), "features": _json(record["situation"]["features"])}
    except (LookupError, TypeError, AttributeError):
        told = {}
    return {**row, **told}


def _candidates(stood: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every action as it stood for choice. Reasons are codes: the record has a gate's as code#number, others by their place."""
    others = [code for code, *_ in stood["other_reasons"]]

    def codes(action_id: str) -> list[str]:
        return [others[each] if isinstance(each, int) else each.partition("#")[0] for each in stood["reasons"].get(action_id, ())]

    return [
        {
            "action_id": action_id,
            "allowed": stood["allowed"][place],
            "reasons": codes(action_id),
            "terms": {name: values[place] for name, values in stood["terms"].items()},
            "probability": stood["probability"][place],
        }
        for place, action_id in enumerate(stood["action_ids"])
    ]


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _write_customers(connection: Connection, path: Path, consents: set[str], written: Written) -> None:
    """Two readings: the first finds the columns and their kinds, which a file must know before its first row."""
    kinds: dict[str, set[pa.DataType]] = {}
    count = 0
    for rows in synced.put_customers(connection):
        count += len(rows)
        for row in rows:
            written.unknown_channels |= {channel for channel in row["consent"] if CONSENT_PREFIX + channel not in consents}
            for name, value in _fields(row, consents):
                kinds.setdefault(name, set()).update(() if value is None else (_kind(name, value),))
    if not count:
        return
    types = {name: found.pop() if len(found) == 1 else pa.string() for name, found in kinds.items() if found}
    flags = {PUT + name: pa.bool_() for name in kinds}
    schema = pa.schema({CUSTOMER_ID: pa.string(), **types, **flags})
    batches = ([_change(row, consents, types) for row in rows] for rows in synced.put_customers(connection))
    written.counts[CUSTOMERS.name] = write_rows(path, schema, batches)
    written.files[CUSTOMERS.name] = path


def _fields(row: Mapping[str, Any], consents: set[str]) -> Iterator[tuple[str, Any]]:
    yield from row["profile"].items()
    for channel, given in row["consent"].items():
        if CONSENT_PREFIX + channel in consents:
            yield CONSENT_PREFIX + channel, given


def _kind(name: str, value: Any) -> pa.DataType:
    if name in CUSTOMERS.names:
        found: pa.DataType = _CONTRACT.field(name).type
        return found
    if isinstance(value, bool):
        return pa.bool_()
    return pa.float64() if isinstance(value, int | float) else pa.string()


def _change(row: Mapping[str, Any], consents: set[str], types: Mapping[str, pa.DataType]) -> dict[str, Any]:
    change: dict[str, Any] = {CUSTOMER_ID: row[CUSTOMER_ID]}
    for name, value in _fields(row, consents):
        change |= {PUT + name: True, name: None if value is None else _as(types[name], value)}
    return change


def _as(kind: pa.DataType, value: Any) -> Any:
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(value)
    if pa.types.is_floating(kind):
        return float(value)
    return value if pa.types.is_boolean(kind) or isinstance(value, str) else _json(value)
