"""Brings a state database to this version's schema: whole, in one transaction, or not at all."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from serving.state.database import check_not_newer, connect, schema_revision, unreachable
from serving.state.tables import REVISION

_LOCK = 7_130_251_906


def migrate(url: str) -> tuple[str | None, str]:
    """The schema's revision before (None: an empty database) and after; safe to run twice, and by several processes at once.

    Raises InputError if the database cannot be reached or was made by a newer version.
    """
    engine = connect(url)
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            _wait_for_other_migrations(connection)
            before = schema_revision(connection)
            if before is not None:
                check_not_newer(engine, before)
            if before != REVISION:
                command.upgrade(_config(connection), REVISION)
    except DatabaseError as error:
        raise unreachable(engine, error) from error
    finally:
        engine.dispose()
    return before, REVISION


def _wait_for_other_migrations(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
