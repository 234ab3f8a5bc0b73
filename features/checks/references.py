"""Orphans: products, customers and decisions that are spoken of and are not in their tables."""

from collections.abc import Iterator, Mapping
from typing import Final

import ibis
from ibis import _

from features.checks.findings import Check, Rule, only_row
from features.contract import CUSTOMER_ID, CUSTOMERS, DECISION_ID, DECISIONS, EVENTS, FEE, ORDERS, OUTCOMES, PRODUCT_ID, PRODUCTS, Table

_SPOKEN_OF: Final = {
    ORDERS.name: ((PRODUCTS.name, PRODUCT_ID), (CUSTOMERS.name, CUSTOMER_ID)),
    EVENTS.name: ((PRODUCTS.name, PRODUCT_ID), (CUSTOMERS.name, CUSTOMER_ID), (DECISIONS.name, DECISION_ID)),
    OUTCOMES.name: ((DECISIONS.name, DECISION_ID),),
    DECISIONS.name: ((CUSTOMERS.name, CUSTOMER_ID),),
}


def reference_checks(table: Table, rows: ibis.Table, whole: Mapping[str, ibis.Table]) -> Iterator[Check]:
    """One check per table that this one speaks of, where there is such a table; outcomes without decisions are worth nothing."""
    for other, key in _SPOKEN_OF.get(table.name, ()):
        meaning = f"Rows whose {key} is not in the table {other}."
        if other in whole:
            yield _orphans(
                Rule(table.name, f"{other} are known", "WARN", meaning, f"Ingest the {other} that are missing."), rows, whole, key
            )
        elif table is OUTCOMES:
            yield Rule(table.name, f"{other} are known", "WARN", meaning, "Ingest the decisions, too.").broken(
                only_row(_counted(rows))["n"]
            )


def _orphans(rule: Rule, rows: ibis.Table, whole: Mapping[str, ibis.Table], key: str) -> Check:
    other = rule.name.split(" ", 1)[0]
    said = rows.filter(rows.line_kind != FEE) if rule.table == ORDERS.name and other == PRODUCTS.name else rows
    ids = said.filter(said[key].notnull()).group_by(key).aggregate(n=_.count())
    missing = ids.anti_join(whole[other], key)
    found = only_row(missing.aggregate(n=_.n.sum().fill_null(0), first=_[key].min()))
    return rule.tried(found["n"], f"{key} {found['first']}")


def _counted(rows: ibis.Table) -> ibis.Table:
    return rows.aggregate(n=rows.count())
