"""Everybody whom the state database knows, in the order of their ids: published, or posted since."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Select, func, select, union

from serving.state.publications import current_generation
from serving.state.tables import CUSTOMERS, EVENTS, ORDER_LINES, PUBLISHED_CUSTOMERS


def customer_ids(connection: Connection, *, after: str | None, limit: int) -> list[str]:
    """The next `limit` ids after one, or from the beginning, by their letters' code points; fewer at the end."""
    legs = [_leg(connection, each, after).limit(limit) for each in _known()]
    each = union(*(select(leg.subquery()) for leg in legs)).subquery()
    return list(connection.execute(select(each.c.customer_id).order_by(_by_letters(connection, each.c.customer_id)).limit(limit)).scalars())


def customer_count(connection: Connection) -> int:
    """How many there are."""
    found = union(*_known()).subquery()
    return int(connection.execute(select(func.count()).select_from(found)).scalar_one())


def _known() -> Sequence[Select[tuple[str]]]:
    published = select(PUBLISHED_CUSTOMERS.c.customer_id).where(PUBLISHED_CUSTOMERS.c.generation == current_generation())
    posted = [select(table.c.customer_id).where(table.c.customer_id.is_not(None)) for table in (CUSTOMERS, ORDER_LINES, EVENTS)]
    return [published, *posted]


def _leg(connection: Connection, known: Select[tuple[str]], after: str | None) -> Select[tuple[str]]:
    customer_id = _by_letters(connection, known.selected_columns[0])
    return (known if after is None else known.where(customer_id > after)).group_by(known.selected_columns[0]).order_by(customer_id)


def _by_letters(connection: Connection, column: ColumnElement[str]) -> ColumnElement[str]:
    """Compared by code points, on every database the same; SQLite does so by itself."""
    return column.collate("C") if connection.dialect.name == "postgresql" else column
