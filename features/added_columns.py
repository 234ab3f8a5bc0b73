"""Columns that the contract got after homes were written: in older tables they are missing values."""

from collections.abc import Mapping
from typing import Final

import ibis

from features.contract import ORDERS, RETURNED_ORDER_DERIVED, RETURNED_ORDER_ID, Table

ADDED: Final[Mapping[str, Mapping[str, str]]] = {ORDERS.name: {RETURNED_ORDER_ID: "string", RETURNED_ORDER_DERIVED: "boolean"}}


def with_added_columns(table: Table, rows: ibis.Table) -> ibis.Table:
    """The rows of a home's table with the columns that it lacks because it is older than they are."""
    lacking = {name: ibis.null(kind) for name, kind in ADDED.get(table.name, {}).items() if name not in rows.columns}
    return rows.mutate(**lacking) if lacking else rows
