"""What order lines tell of products and customers: a product's most frequent text, a customer's newest."""

from collections.abc import Mapping

import ibis
from ibis import _

from features.contract import FEE, LINE_KIND, ORDERED_AT, PRODUCTS, Table


def derive(orders: ibis.Table, table: Table, columns: Mapping[str, str]) -> ibis.Table:
    """One row per product that is no fee (or per customer) of the order lines; `columns` says from which column of theirs each comes.

    Products take the most frequent value, customers that of their newest line; ties take the first by alphabet; no value at all is missing.
    """
    (key,) = table.key
    lines = orders.filter(orders[key].notnull() & (orders[LINE_KIND] != FEE)) if table.name == PRODUCTS.name else orders
    found = lines.select(key).distinct()
    for column, source in columns.items():
        best = _most_frequent(lines, key, source) if table.name == PRODUCTS.name else _newest(lines, key, source)
        found = found.left_join(best, key).select(*found.columns, **{column: best.value})
    return found


def fill(old: ibis.Table | None, before: ibis.Table | None, after: ibis.Table, key: str) -> ibis.Table:
    """Puts derived values into a table: where it has none, or has what was derived `before`; what its own files said stays."""
    if old is None:
        return after
    if before is None:
        before = after.limit(0)
    columns = [c for c in after.columns if c != key]
    earlier = before.rename(**{f"__before_{c}": c for c in before.columns})
    later = after.rename(**{f"__after_{c}": c for c in after.columns})
    old = old.select(*old.columns)  # of tables that were joined already, Ibis would join a third one to theirs, where the key is another
    joined = old.outer_join(later, old[key] == later[f"__after_{key}"])
    joined = joined.left_join(earlier, joined[f"__after_{key}"] == earlier[f"__before_{key}"])
    filled = {}
    for c in columns:
        now = joined[c].nullif(joined[f"__before_{c}"]) if c in old.columns else ibis.null("string")
        filled[c] = ibis.coalesce(now, joined[f"__after_{c}"], joined[c] if c in old.columns else ibis.null("string"))
    kept = {c: joined[c] for c in old.columns if c not in (key, *columns)}
    return joined.select(**{key: ibis.coalesce(joined[key], joined[f"__after_{key}"])}, **kept, **filled)


def _most_frequent(lines: ibis.Table, key: str, source: str) -> ibis.Table:
    counted = lines.group_by(key, value=lines[source].cast("string")).aggregate(n=_.count()).filter(_.value.notnull())
    ranked = counted.mutate(place=ibis.row_number().over(group_by=key, order_by=[ibis.desc("n"), "value"]))
    return ranked.filter(_.place == 0).select(key, "value")


def _newest(lines: ibis.Table, key: str, source: str) -> ibis.Table:
    told = lines.select(key, ORDERED_AT, value=lines[source].cast("string")).filter(_.value.notnull())
    ranked = told.mutate(place=ibis.row_number().over(group_by=key, order_by=[ibis.desc(ORDERED_AT), "value"]))
    return ranked.filter(_.place == 0).select(key, "value")
