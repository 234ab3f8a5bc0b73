import os
import threading
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from features.errors import InputError
from serving.state import keys
from serving.state.database import State, connect, open_state
from serving.state.migrate import migrate
from serving.state.tables import REVISION, metadata

NOW = datetime(2026, 3, 1, 12)


def test_the_migrations_make_exactly_the_declared_tables(state: State) -> None:
    with state.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_twice_changes_nothing(empty_database: str) -> None:
    assert migrate(empty_database) == (None, REVISION)
    assert migrate(empty_database) == (REVISION, REVISION)


def test_several_processes_may_migrate_at_once(empty_database: str) -> None:
    failures: list[BaseException] = []

    def once() -> None:
        try:
            migrate(empty_database)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    open_state(empty_database).close()


def test_an_empty_database_asks_for_migrate(empty_database: str) -> None:
    with pytest.raises(InputError, match=r"is empty.*nextbest migrate"):
        open_state(empty_database)


def test_a_database_from_a_newer_version_is_refused_and_left_alone(empty_database: str) -> None:
    migrate(empty_database)
    engine = connect(empty_database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for use in (migrate, open_state):
        with pytest.raises(InputError, match=r"newer nextbest \(schema 9999"):
            use(empty_database)


def test_a_migration_that_fails_leaves_nothing_behind(empty_database: str) -> None:
    engine = connect(empty_database)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE outcomes (taken INTEGER)"))
    with pytest.raises(Exception, match="outcomes"):
        migrate(empty_database)
    assert set(inspect(engine).get_table_names()) == {"outcomes"}
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/x", "cannot be mysql"),
        ("no url", "URL is none"),
        ("sqlite://", "must be a file"),
        ("oracle+nothing://x", "cannot be oracle"),
    ],
)
def test_an_address_that_cannot_be_used_is_explained(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_state(url)


def test_a_server_that_does_not_answer_is_explained_without_the_password() -> None:
    with pytest.raises(InputError, match="cannot be opened") as raised:
        open_state("postgresql+psycopg://shop:s3cret-word@127.0.0.1:1/nextbest")
    assert "s3cret-word" not in str(raised.value)


def test_sqlite_acknowledges_only_what_is_on_disk(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    state = open_state(url)
    with state.reading() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    state.close()


def modes(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_only_the_owner_reads_the_files(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    before = os.umask(0o022)
    try:
        migrate(url)
        state = open_state(url)
        keys.create(state, "crm", created_at=NOW)
        names = {"state.db", "state.db-wal", "state.db-shm"}
        assert modes(tmp_path) == dict.fromkeys(names, 0o600)
        for each in tmp_path.iterdir():
            each.chmod(0o644)
        open_state(url).close()
        assert modes(tmp_path) == dict.fromkeys(names, 0o600), "files of before are tightened"
        state.close()
    finally:
        os.umask(before)


def test_what_is_no_file_is_left_as_it_is_and_explained(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    before = folder.stat().st_mode
    with pytest.raises(InputError, match="cannot be opened"):
        open_state(f"sqlite:///{folder}")
    assert folder.stat().st_mode == before


def test_a_write_that_raises_is_undone(state: State) -> None:
    def write_and_fail() -> None:
        with state.writing() as connection:
            connection.execute(text("INSERT INTO api_keys VALUES ('a', 'b', 'app', '2026-01-01')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with state.reading() as connection:
        assert keys.all_keys(connection) == {}


def test_a_key_is_stored_as_a_hash_and_matches_only_its_token(state: State) -> None:
    token = keys.create(state, "crm", created_at=NOW)
    with state.reading() as connection:
        (stored,) = keys.all_keys(connection).values()
    assert keys.id_of(token) == stored.key_id
    assert stored.role == "crm"
    assert stored.matches(token)
    assert not stored.matches(token + "x")
    assert token not in repr(stored)


def test_a_role_that_does_not_exist_is_explained(state: State) -> None:
    with pytest.raises(InputError, match="app, crm, admin"):
        keys.create(state, "owner", created_at=NOW)


@pytest.mark.parametrize("token", ["", "nb", "nb_x", "sk_abc_def", "Bearer nb"])
def test_a_token_of_another_form_names_no_key(token: str) -> None:
    assert keys.id_of(token) is None
