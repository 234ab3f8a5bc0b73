"""Published scores into a table of somebody's own database: made if it is missing, brought up to date, whole or not at all.

Everything happens in one transaction: scores go batch by batch into a temporary table, which then is compared with the real one in the
database, so that rows that did not change are not written.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    make_url,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from features.errors import InputError
from serving.churn_tables import NAMES, SCHEMA, Answer
from serving.state.upserts import insert_into

FORMS: Final = "postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///FILE"
_KEY: Final = "customer_id"
_FRESH: Final = (
    "nextbest fresh rows"  # with blanks, which no table's name given to us may have: a temporary table hides another of its name
)
_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}")
_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
_TYPES: Final = {
    "string": String,
    "double": Double,
    "int32": Integer,
    "timestamp[us]": DateTime,
    "date32[day]": Date,
    "bool": Boolean,
    "list<item: string>": String,
}


@dataclass(frozen=True)
class Written:
    """What became of a table: `rows` are in it now that came from here; of those `added` are new and `updated` are others than before."""

    rows: int
    added: int
    updated: int
    removed: int

    @property
    def unchanged(self) -> int:
        """Rows that stood there already as they are."""
        return self.rows - self.added - self.updated


def write_table(url: str, name: str, batches: Iterable[Sequence[Answer]]) -> Written:
    """Makes the table hold these customers and no others.

    Raises InputError for an address or a name that cannot be, a database that does not answer or refuses, and a table that is somebody else's.
    """
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            return _written(connection, _table(connection, name), batches)
    except SQLAlchemyError as error:
        raise _refused(engine, name, error) from error
    finally:
        engine.dispose()


def is_url(target: str) -> bool:
    """Whether a target names a database, not a file."""
    return "://" in target


def check_target(url: str, name: str) -> None:
    """InputError for an address that cannot be a database's, or a table's name that is none; connects to nothing."""
    _parsed(url)
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be a table.",
            remedy="Use letters, digits and _, at most 63, not a digit first; a schema may stand before it: crm.churn_scores.",
        )


def _written(connection: Connection, table: Table, batches: Iterable[Sequence[Answer]]) -> Written:
    fresh = _temporary(connection)
    rows = 0
    for batch in batches:
        if batch:
            connection.execute(insert(fresh), [_row(answer) for answer in batch])
        rows += len(batch)
    if connection.dialect.name == "postgresql":
        # nobody counts a temporary table by itself: without this, plans are made for a few rows
        connection.execute(text(f"ANALYZE {connection.dialect.identifier_preparer.quote(_FRESH)}"))
    still_there = select(true()).where(fresh.c[_KEY] == table.c[_KEY])
    removed = connection.execute(delete(table).where(~still_there.exists())).rowcount
    before = connection.execute(select(func.count()).select_from(table)).scalar_one()
    touched = connection.execute(_upsert(connection, table, fresh), execution_options={"preserve_rowcount": True}).rowcount
    fresh.drop(connection, checkfirst=False)
    added = rows - before
    return Written(rows, added, touched - added, removed)


def _upsert(connection: Connection, table: Table, fresh: Table) -> Any:
    """Inserts the fresh rows, and changes those that are there where they differ."""
    statement = insert_into(table, connection.dialect.name).from_select(
        list(NAMES), select(*(fresh.c[name] for name in NAMES)).where(true())
    )
    others = [name for name in NAMES if name != _KEY]
    differs = or_(*(table.c[name].is_distinct_from(statement.excluded[name]) for name in others))
    changes = {name: statement.excluded[name] for name in others}
    return statement.on_conflict_do_update(index_elements=[_KEY], set_=changes, where=differs)


def _row(answer: Answer) -> dict[str, Any]:
    row = dict(zip(NAMES, answer, strict=True))
    return {**row, "reasons": "; ".join(row["reasons"])}


def _table(connection: Connection, name: str) -> Table:
    """The table, made if it is missing and locked against another export."""
    schema, _, plain = name.rpartition(".")
    table = Table(plain, MetaData(), *_columns(), schema=schema or None)
    inspector = inspect(connection)
    if inspector.has_table(plain, schema=schema or None):
        _check_ours(inspector, table)
    table.create(connection, checkfirst=True)
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {connection.dialect.identifier_preparer.format_table(table)} IN SHARE ROW EXCLUSIVE MODE"))
    return table


def _check_ours(inspector: Any, table: Table) -> None:
    lacking = set(NAMES) - {column["name"] for column in inspector.get_columns(table.name, schema=table.schema)}
    if lacking:
        raise InputError(
            f"The table {table.fullname} is there, and lacks {', '.join(name for name in NAMES if name in lacking)}.",
            remedy="Name another table with --table, which is made, or add these columns.",
        )
    keys = [inspector.get_pk_constraint(table.name, schema=table.schema)["constrained_columns"]]
    keys += [unique["column_names"] for unique in inspector.get_unique_constraints(table.name, schema=table.schema)]
    if [_KEY] not in keys:
        raise InputError(
            f"The table {table.fullname} is there, and {_KEY} is not its key.",
            remedy=f"Name another table with --table, which is made, or make {_KEY} its primary key.",
        )


def _temporary(connection: Connection) -> Table:
    fresh = Table(_FRESH, MetaData(), *_columns(), prefixes=["TEMPORARY"])
    fresh.create(connection, checkfirst=False)
    return fresh


def _columns() -> list[Column[Any]]:
    return [Column(field.name, _TYPES[str(field.type)], primary_key=field.name == _KEY) for field in SCHEMA]


def _engine(url: str) -> Engine:
    parsed = _parsed(url)
    arguments: dict[str, Any] = {"timeout": 10} if parsed.get_backend_name() == "sqlite" else {"connect_timeout": 10}
    engine = create_engine(parsed, connect_args=arguments)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _record: setattr(raw, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(f"postgresql{url.removeprefix('postgres')}" if url.startswith("postgres:") else url)
    except (ArgumentError, ValueError) as error:
        raise InputError("The address of the database is none.", remedy=f"Give --to {FORMS}.") from error
    backend = parsed.get_backend_name()
    if backend not in _DRIVERS:
        raise InputError(f"Scores cannot be written to {backend}.", remedy=f"Give --to {FORMS}, or a file.")
    if backend == "sqlite" and not parsed.database:
        raise InputError("A database in memory would be gone at once.", remedy=f"Give --to {FORMS}.")
    return parsed.set(drivername=_DRIVERS[backend])


def shown(url: str) -> str:
    """Where the database is, without user, password or options."""
    parsed = _parsed(url)
    place = f"{parsed.host or ''}{f':{parsed.port}' if parsed.port else ''}"
    return f"{parsed.get_backend_name()}://{place}/{parsed.database or ''}"


def _refused(engine: Engine, name: str, error: SQLAlchemyError) -> InputError:
    """What to tell of an error of the database's; its message without the statement, whose values are customers."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    place = shown(engine.url.render_as_string(hide_password=False))
    return InputError(
        f"{place} did not take the table {name}: {lines[0] if lines else 'no answer'}.",
        remedy="Nothing was changed there. See that it runs and that this user may create and write the table; --table names another one.",
    )
