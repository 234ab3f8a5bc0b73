"""Lists of published scores: filtered, sorted, page by page or in one stream; and the changes of risk bands in the order of their recording.

A generation's scores never change once it can be read, so that a page found by the last row of the page before belongs to the same list,
whatever is published in between.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, or_, select

from serving.state.publications import current_generation
from serving.state.score_reader import POSTED
from serving.state.tables import BAND_CHANGES, PUBLICATIONS, PUBLISHED_SCORES

SORTS: Final = (
    "churn_probability",
    "clv",
    "expected_spend",
    "expected_orders",
    "expected_next_order_on",
    "percentile",
    "historic_value",
    "customer_id",
)
BATCH: Final = 2_000
"""Rows that a stream holds at a time."""

_SCORES: Final = PUBLISHED_SCORES.c

Value = float | date | str | None


@dataclass(frozen=True)
class Filters:
    """Which customers: of any of these bands, stages, segments and personas (empty: of all), with numbers within the limits, ends included."""

    bands: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()
    min_probability: float | None = None
    max_probability: float | None = None
    min_clv: float | None = None
    insufficient_data: bool | None = None

    def given(self) -> dict[str, Any]:
        """The filters that are set, by name."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) not in ((), None)}


@dataclass(frozen=True)
class Order:
    """One of SORTS, rising or falling; missing values last, ties by customer_id."""

    column: str
    descending: bool = False


@dataclass(frozen=True)
class Place:
    """The row after which a list goes on: its value in the sorted column (None: missing) and its customer."""

    value: Value
    customer_id: str


@dataclass(frozen=True)
class Scored:
    """A generation that holds scores: what they are as of, and by which model and horizon."""

    generation: int
    as_of: datetime
    model_version: str | None


def scored(connection: Connection, generation: int | None = None) -> Scored | None:
    """This complete generation, or the newest one; None where it is gone, or without any score."""
    complete = select(func.max(PUBLICATIONS.c.generation)).where(PUBLICATIONS.c.complete)
    wanted = complete if generation is None else complete.where(PUBLICATIONS.c.generation == generation)
    row = connection.execute(
        select(_SCORES.generation, _SCORES.as_of, _SCORES.model_version).where(_SCORES.generation == wanted.scalar_subquery()).limit(1)
    ).first()
    return None if row is None else Scored(row.generation, row.as_of, row.model_version)


def known_values(connection: Connection, generation: int, column: str) -> list[str]:
    """What stands in this column of a generation, sorted."""
    found = connection.execute(select(_SCORES[column]).distinct().where(_SCORES.generation == generation, _SCORES[column].is_not(None)))
    return sorted(found.scalars())


def count(connection: Connection, generation: int, filters: Filters) -> int:
    """How many customers the filters select."""
    return connection.execute(select(func.count()).select_from(PUBLISHED_SCORES).where(*_conditions(generation, filters))).scalar_one()


def page(
    connection: Connection, generation: int, filters: Filters, order: Order, *, after: Place | None = None, limit: int
) -> list[Row[Any]]:
    """The next `limit` rows of the table after a place, or from the beginning; fewer at the end."""
    found: list[Row[Any]] = []
    for statement in _legs(connection, generation, filters, order, after):
        if len(found) < limit:
            found.extend(connection.execute(statement.limit(limit - len(found))))
    return found


def stream(
    connection: Connection, generation: int, filters: Filters, order: Order, *, after: Place | None = None, limit: int | None = None
) -> Generator[Sequence[Row[Any]]]:
    """The same rows, all of them or the first `limit`, in batches of at most BATCH: no more than one of them is in memory."""
    left = limit
    for statement in _legs(connection, generation, filters, order, after):
        if left == 0:
            return
        wanted = statement if left is None else statement.limit(left)
        with connection.execute(wanted.execution_options(yield_per=BATCH)) as found:
            for batch in found.partitions():
                left = None if left is None else left - len(batch)
                yield batch


def unchanged(connection: Connection, customer_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """The newest scores of those of these customers who have one and of whom nothing was posted, by id: rows of the table."""
    posted = [exists().where(owner == _SCORES.customer_id) for owner in POSTED]
    mine = (_SCORES.generation == current_generation(), _SCORES.customer_id.in_(customer_ids))
    found = connection.execute(select(PUBLISHED_SCORES).where(*mine, *(~one for one in posted)))
    return {row.customer_id: row for row in found}


def place_of(row: Any, order: Order) -> Place:
    """Where a list in this order goes on after this row."""
    return Place(getattr(row, order.column), row.customer_id)


def band_changes(connection: Connection, *, after: int, since: datetime | None, bands: Sequence[str], limit: int) -> Sequence[Row[Any]]:
    """The next changes after a change_id, oldest first: recorded at or after `since`, into one of these bands (empty: into any)."""
    changes = BAND_CHANGES.c
    wanted = select(BAND_CHANGES).where(changes.change_id > after).order_by(changes.change_id).limit(limit)
    if since is not None:
        wanted = wanted.where(changes.recorded_at >= since)
    if bands:
        wanted = wanted.where(changes.to_band.in_(bands))
    return connection.execute(wanted).all()


def newest_change(connection: Connection) -> int:
    """The change_id of the newest change; 0 before the first. Whatever is recorded later has a greater one."""
    return int(connection.execute(select(func.coalesce(func.max(BAND_CHANGES.c.change_id), 0))).scalar_one())


def _conditions(generation: int, filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_SCORES.generation == generation]
    for column, wanted in (
        (_SCORES.band, filters.bands),
        (_SCORES.stage, filters.stages),
        (_SCORES.segment, filters.segments),
        (_SCORES.persona, filters.personas),
    ):
        if wanted:
            found.append(column.in_(wanted))
    if filters.min_probability is not None:
        found.append(_SCORES.churn_probability >= filters.min_probability)
    if filters.max_probability is not None:
        found.append(_SCORES.churn_probability <= filters.max_probability)
    if filters.min_clv is not None:
        found.append(_SCORES.clv >= filters.min_clv)
    if filters.insufficient_data is not None:
        found.append(_SCORES.insufficient_data.is_(filters.insufficient_data))
    return found


def _legs(connection: Connection, generation: int, filters: Filters, order: Order, after: Place | None) -> Iterator[Select[Any]]:
    """The list as statements, one after the other: customers with a value, then those without. Each can walk along an index."""
    customer_id = _by_letters(connection)
    everybody = select(PUBLISHED_SCORES).where(*_conditions(generation, filters))
    if order.column == "customer_id":
        whole = everybody.order_by(customer_id.desc() if order.descending else customer_id)
        beyond = () if after is None else ((customer_id < after.customer_id) if order.descending else (customer_id > after.customer_id),)
        yield whole.where(*beyond)
        return
    column = _SCORES[order.column]
    if after is None or after.value is not None:
        valued = everybody.where(column.is_not(None)).order_by(column.desc() if order.descending else column, customer_id)
        yield valued if after is None else valued.where(_beyond(column, customer_id, order, after))
    missing = everybody.where(column.is_(None)).order_by(customer_id)
    yield missing if after is None or after.value is not None else missing.where(customer_id > after.customer_id)


def _beyond(column: ColumnElement[Any], customer_id: ColumnElement[str], order: Order, after: Place) -> ColumnElement[bool]:
    """Later in the list than a place with a value; said twice, so that an index can jump there."""
    further, reached = (column < after.value, column <= after.value) if order.descending else (column > after.value, column >= after.value)
    return reached & or_(further, customer_id > after.customer_id)


def _by_letters(connection: Connection) -> ColumnElement[str]:
    """customer_id compared by code points, on every database the same; SQLite does so by itself."""
    return _SCORES.customer_id.collate("C") if connection.dialect.name == "postgresql" else _SCORES.customer_id
