"""The home's Parquet tables: new rows put into old ones, and files replaced whole."""

import filecmp
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import ibis

from features.contract import CUSTOMER_ID, ORDERS, PRODUCT_ID, Table
from features.engine import IBIS_TYPES, read_table
from features.fingerprints import fingerprint
from features.home import Home
from features.replacing import replace_files

PUT: Final = "__put_"
"""What stands before a column's name in the name of the flag that says that it was put (`put_over`)."""

# Rows lie sorted by customer: dictionaries of ids and filters over them cost half of the writing, and save a twentieth of the size.
_PARQUET: Final[Mapping[str, Any]] = {
    "compression": "zstd",
    "compression_level": 1,
    "dictionary_size_limit": 4096,
    "write_bloom_filter": False,
}


def stored(engine: ibis.BaseBackend, home: Home, table: Table) -> ibis.Table | None:
    """The table as the home holds it, or None; InputError if its file cannot be read."""
    path = home.table(table.name)
    return read_table(engine, path, table) if path.exists() else None


def combine(table: Table, old: ibis.Table | None, new: ibis.Table) -> ibis.Table:
    """Old rows with the new ones put in.

    Orders: a new order replaces the old order of its order_id, all its lines. Other tables: a new row replaces, for its key,
    the columns that it has; keys must be unique in `new`. An attribute that is a number in one and text in the other becomes text.
    """
    if old is None:
        return new
    old, new = _same_types(old, new)
    if table.name == ORDERS.name:
        return ibis.union(*_same_columns(old.anti_join(new, list(table.key)), new))
    joined = old.outer_join(new, list(table.key), rname="__new_{name}")
    (key,) = table.key
    is_new = joined[f"__new_{key}"].notnull()
    return joined.select(**{c: _merged(joined, c, is_new, old, new) for c in dict.fromkeys((*old.columns, *new.columns))})


def put_over(table: Table, old: ibis.Table | None, changes: ibis.Table) -> ibis.Table:
    """Old rows with single fields put over them, by the table's one key; rows with new keys are added.

    `changes` has a flag PUT + name for each column that may be put: where it is true, the column's value stands, or nothing where it is missing or
    there is no such column.
    """
    (key,) = table.key
    flags = [c for c in changes.columns if c.startswith(PUT)]
    if old is None:
        return changes.drop(*flags)
    old, changes = _same_types(old, changes)
    joined = old.outer_join(changes, key, rname="__new_{name}")
    columns = {key: ibis.coalesce(joined[key], joined[f"__new_{key}"])}
    for name in dict.fromkeys((*old.columns, *changes.columns)):
        if name != key and name not in flags:
            columns[name] = _put_value(joined, name, old, changes)
    return joined.select(**columns)


def _put_value(joined: ibis.Table, name: str, old: ibis.Table, changes: ibis.Table) -> Any:
    if name not in old.columns or f"{PUT}{name}" not in changes.columns:
        return joined[name]
    value = joined[f"__new_{name}"] if name in changes.columns else ibis.null(joined[name].type())
    return joined[f"{PUT}{name}"].fill_null(False).ifelse(value, joined[name])


def shaped(table: Table, rows: ibis.Table) -> ibis.Table:
    """The rows with every column of the contract in its order and type, attributes behind them by name, and rows in a fixed order."""
    named = {c.name: rows[c.name].cast(t) if c.name in rows.columns else ibis.null(t) for c, t in _types(table)}
    attributes = sorted(c for c in rows.columns if c not in named)
    whole = rows.select(**named, **{a: rows[a] for a in attributes})
    return whole.order_by(_order(table, whole))


def write(rows: ibis.Table, path: Path) -> Path:
    """Writes the rows as Parquet, through to the disk."""
    rows.to_parquet(str(path), **_PARQUET)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return path


def replace_tables(home: Home, parts: Mapping[str, Path]) -> dict[str, bool]:
    """Puts finished files in the place of the home's tables, and says of each whether anything changed.

    The files must lie on the home's disk, and the caller must hold the home's lock. All tables are replaced or none, whatever is raised
    and whenever the program is killed (`features.replacing`); one that is the same already is left alone.
    """
    home.tables.mkdir(exist_ok=True)
    changed = {name: not (home.table(name).exists() and filecmp.cmp(part, home.table(name), shallow=False)) for name, part in parts.items()}
    replace_files(home.tables, {home.table(name).name: part for name, part in parts.items() if changed[name]})
    return changed


def _order(table: Table, rows: ibis.Table) -> list[Any]:
    """By customer and time. Lines of one order and product stand in the order of their fingerprints: more columns make sorting much dearer."""
    first = list(dict.fromkeys(c for c in (CUSTOMER_ID, table.instant, *table.key) if c in rows.columns))
    if table.name != ORDERS.name:
        return first  # rows have keys of their own
    first.append(PRODUCT_ID)
    return [*first, fingerprint([rows[c] for c in rows.columns if c not in first])]


def _types(table: Table) -> list[tuple[Any, str]]:
    return [(c, IBIS_TYPES[c.kind]) for c in table.columns]


def _same_types(old: ibis.Table, new: ibis.Table) -> tuple[ibis.Table, ibis.Table]:
    both = [c for c in new.columns if c in old.columns and old[c].type().copy(nullable=True) != new[c].type().copy(nullable=True)]
    return old.mutate(**{c: _as_text(old[c]) for c in both}), new.mutate(**{c: _as_text(new[c]) for c in both})


def _as_text(column: Any) -> Any:
    return column.cast("string").re_replace(r"\.0$", "") if column.type().is_floating() else column.cast("string")


def _same_columns(old: ibis.Table, new: ibis.Table) -> tuple[ibis.Table, ibis.Table]:
    types = {**dict(old.schema().items()), **dict(new.schema().items())}
    return tuple(t.select(**{c: t[c] if c in t.columns else ibis.null(kind) for c, kind in types.items()}) for t in (old, new))


def _merged(joined: ibis.Table, column: str, is_new: Any, old: ibis.Table, new: ibis.Table) -> Any:
    if column not in new.columns:
        return joined[column]
    if column not in old.columns:
        return joined[column]
    return is_new.ifelse(joined[f"__new_{column}"], joined[column])
