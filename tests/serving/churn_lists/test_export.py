"""Exports: a file or a table holds exactly the published customers afterwards, or what it held before."""

import csv
import gzip
import json
import pickle
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import MetaData, Table, create_engine, inspect, select, text

from serving.churn_tables import NAMES, published_answers
from serving.score_table import write_table
from serving.state import score_lists
from serving.state.database import State

Rows = list[dict[str, Any]]
Run = Callable[..., Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of a CRM's."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'crm.db'}"
    server: str = request.getfixturevalue("postgresql_server").replace("+psycopg", "")
    name = f"crm_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


def ask(url: str, statement: str) -> list[dict[str, Any]]:
    """What a CRM reads there."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        found = connection.execute(text(statement))
        rows = [dict(row) for row in found.mappings()] if found.returns_rows else []
    engine.dispose()
    return rows


def answers(state: State, generation: int) -> list[tuple[Any, ...]]:
    with state.reading() as connection:
        order = score_lists.Order("customer_id")
        return published_answers(score_lists.page(connection, generation, score_lists.Filters(), order, limit=10_000), "en", "EUR")


def expected(found: list[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    rows = (dict(zip(NAMES, answer, strict=True)) for answer in found)
    return {row["customer_id"]: {**row, "reasons": "; ".join(row["reasons"])} for row in rows}


def stored(url: str, table: str = "churn_scores") -> dict[str, dict[str, Any]]:
    """The table by customer, in the types of its columns."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    schema, _, name = table.rpartition(".")
    with engine.connect() as connection:
        real = Table(name, MetaData(), schema=schema or None, autoload_with=connection)
        rows = [dict(row) for row in connection.execute(select(real)).mappings()]
    engine.dispose()
    return {row["customer_id"]: row for row in rows}


def test_a_table_is_made_with_typed_columns_and_holds_every_customer(
    nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, target: str
) -> None:
    found = answers(sqlite_state, publish_on(sqlite_state, rows))
    ended = nextbest("--json", "export", "--to", target, "--table", "churn_scores")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert (said["rows"], said["added"], said["updated"], said["unchanged"], said["removed"]) == (60, 60, 0, 0, 0)
    assert stored(target) == expected(found)
    engine = create_engine(target.replace("postgresql:", "postgresql+psycopg:"))
    kinds = {column["name"]: type(column["type"]).__name__.upper() for column in inspect(engine).get_columns("churn_scores")}
    assert inspect(engine).get_pk_constraint("churn_scores")["constrained_columns"] == ["customer_id"]
    engine.dispose()
    assert kinds["expected_next_order_on"] == "DATE"
    assert kinds["insufficient_data"] == "BOOLEAN"
    assert kinds["as_of"] in ("TIMESTAMP", "DATETIME")
    assert kinds["churn_probability"] in ("DOUBLE_PRECISION", "DOUBLE")


def test_the_second_time_only_what_changed_is_written_and_who_is_gone_is_removed(
    nextbest: Run, sqlite_state: State, more_rows: Any, publish_on: Any, target: str
) -> None:
    rows = more_rows(60)
    publish_on(sqlite_state, rows)
    nextbest("export", "--to", target)
    again = json.loads(nextbest("--json", "export", "--to", target).out)
    assert (again["added"], again["updated"], again["unchanged"], again["removed"]) == (0, 0, 60, 0)
    rows[0]["clv"], rows[1]["why"] = 987.0, None if rows[1]["why"] else "said"
    new = {**rows[2], "customer_id": "new"}
    found = answers(sqlite_state, publish_on(sqlite_state, [*rows[:-3], new]))
    ended = nextbest("export", "--to", target)
    assert "58 customers" in ended.out
    assert "1 added, 2 updated, 55 unchanged, 3 removed" in ended.out
    assert stored(target) == expected(found)


def test_a_failure_in_the_middle_leaves_the_table_as_it_was(
    nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, target: str
) -> None:
    publish_on(sqlite_state, rows)
    nextbest("export", "--to", target)
    before = stored(target)
    broken = [*rows[:-1], {**rows[-1], "customer_id": "zzz", "reasons": [{"family": "nonsense"}]}]
    for row in broken:
        row["clv"] = 1.0
    publish_on(sqlite_state, broken)
    with pytest.raises(KeyError):
        nextbest("export", "--to", target)
    assert stored(target) == before


def test_an_export_that_is_killed_is_repaired_by_the_next(sqlite_state: State, more_rows: Any, publish_on: Any, target: str) -> None:
    old, new = (answers(sqlite_state, publish_on(sqlite_state, more_rows(60, seed))) for seed in (1, 2))
    write_table(target, "churn_scores", [old])
    program = f"""
        import os, pickle, signal, sys
        from serving.score_table import write_table
        rows = pickle.load(sys.stdin.buffer)
        def batches():
            yield rows[:30]
            yield rows[30:50]
            os.kill(os.getpid(), signal.SIGKILL)
        write_table({target!r}, "churn_scores", batches())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], input=pickle.dumps(new), check=False)
    assert done.returncode == -signal.SIGKILL
    assert stored(target) == expected(old)
    made = write_table(target, "churn_scores", [new])
    assert stored(target) == expected(new)
    assert made.rows == 60


def test_a_table_of_somebody_elses_is_left_alone(nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, target: str) -> None:
    publish_on(sqlite_state, rows)
    ask(target, "CREATE TABLE churn_scores (customer_id VARCHAR(50) PRIMARY KEY, clv FLOAT, note TEXT)")
    ask(target, "INSERT INTO churn_scores VALUES ('a', 1.5, 'ours')")
    ended = nextbest("export", "--to", target)
    assert ended.code == 2
    assert "lacks stage, churn_probability, horizon_days" in ended.err
    assert " clv" not in ended.err
    assert "--table" in ended.err
    assert ask(target, "SELECT * FROM churn_scores") == [{"customer_id": "a", "clv": 1.5, "note": "ours"}]


def test_a_table_with_our_columns_but_another_key_is_left_alone(
    nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, target: str
) -> None:
    publish_on(sqlite_state, rows)
    nextbest("export", "--to", target, "--table", "first")
    ask(target, "CREATE TABLE churn_scores AS SELECT * FROM first")
    ended = nextbest("export", "--to", target)
    assert ended.code == 2
    assert "customer_id is not its key" in ended.err


def test_further_columns_of_a_table_keep_what_stands_there(
    nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, target: str
) -> None:
    publish_on(sqlite_state, rows)
    nextbest("export", "--to", target)
    ask(target, "ALTER TABLE churn_scores ADD COLUMN note TEXT")
    ask(target, "UPDATE churn_scores SET note = 'called', clv = -1 WHERE customer_id = 'a'")
    ended = nextbest("export", "--to", target)
    assert "1 updated, 59 unchanged" in ended.out
    assert stored(target)["a"]["note"] == "called"


def test_a_schema_may_stand_before_the_table(
    nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, postgresql_server: str
) -> None:
    publish_on(sqlite_state, rows)
    target = f"{postgresql_server}/postgres".replace("+psycopg", "")
    schema = f"crm_{uuid.uuid4().hex[:8]}"
    missing = nextbest("export", "--to", target, "--table", f"{schema}.scores")
    assert (missing.code, schema in missing.err) == (2, True)
    ask(target, f"CREATE SCHEMA {schema}")
    assert nextbest("export", "--to", target, "--table", f"{schema}.scores").code == 0
    assert len(stored(target, f"{schema}.scores")) == 60


@pytest.mark.parametrize("name", ["churn scores", "x; DROP TABLE y", 'a"b', "1st", "a.b.c", "", "x" * 64, "bảng"])
def test_a_name_that_is_no_table_is_refused(
    nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, tmp_path: Path, name: str
) -> None:
    publish_on(sqlite_state, rows)
    ended = nextbest("export", "--to", f"sqlite:///{tmp_path / 'crm.db'}", "--table", name)
    assert (ended.code, "cannot be a table" in ended.err) == (2, True)
    assert not (tmp_path / "crm.db").exists()


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("postgresql://anna:s3cr3t@127.0.0.1:1/crm", "127.0.0.1:1/crm did not take the table"),
        ("postgres://anna:s3cr3t@127.0.0.1:1/crm", "127.0.0.1:1/crm did not take the table"),
        ("postgresql://anna:s3cr3t@127.0.0.1:port/crm", "is none"),
        ("mysql://anna:s3cr3t@127.0.0.1/crm", "cannot be written to mysql"),
        ("sqlite://", "in memory"),
        ("sqlite:////no/such/folder/crm.db", "did not take the table"),
        ("scores.xlsx", ".parquet"),
        ("/no/such/folder/scores.csv", "cannot be written"),
    ],
)
def test_where_nothing_can_be_written_is_said_without_the_password(
    nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, to: str, said: str
) -> None:
    publish_on(sqlite_state, rows)
    ended = nextbest("export", "--to", to)
    assert (ended.code, said in ended.err) == (2, True), ended.err
    assert "s3cr3t" not in ended.err + ended.out
    assert "Traceback" not in ended.err


def test_a_database_that_may_not_be_written_is_said(
    nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, tmp_path: Path, postgresql_server: str
) -> None:
    publish_on(sqlite_state, rows)
    sqlite3.connect(tmp_path / "crm.db").executescript("CREATE TABLE x (y)").connection.close()
    server = postgresql_server.replace("+psycopg", "")
    for to in (
        f"sqlite:///file:{tmp_path / 'crm.db'}?mode=ro&uri=true",
        f"{server}/postgres?options=-c%20default_transaction_read_only%3Don",
    ):
        ended = nextbest("export", "--to", to)
        assert (ended.code, "read" in ended.err and "only" in ended.err) == (2, True), ended.err


def test_without_scores_nothing_is_exported(nextbest: Run, sqlite_state: State, tmp_path: Path) -> None:
    del sqlite_state
    ended = nextbest("export", "--to", tmp_path / "scores.csv")
    assert (ended.code, "nextbest train" in ended.err) == (2, True)
    assert not (tmp_path / "scores.csv").exists()


@pytest.mark.parametrize("name", ["scores.csv", "scores.csv.gz", "scores.ndjson", "scores.parquet"])
def test_a_file_holds_every_customer(nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, tmp_path: Path, name: str) -> None:
    found = answers(sqlite_state, publish_on(sqlite_state, rows))
    path = tmp_path / name
    ended = nextbest("--json", "export", "--to", path)
    assert json.loads(ended.out) == {"to": str(path), "rows": 60, "as_of": "2025-03-01T00:00:00", "model_version": "7"}
    ids = [answer[0] for answer in found]
    if name.endswith(".parquet"):
        assert pq.read_table(path).column("customer_id").to_pylist() == ids
        assert pq.read_schema(path).field("reasons").type == pa.list_(pa.string())
    elif name.endswith(".ndjson"):
        assert [json.loads(line)["customer_id"] for line in path.read_text().splitlines()] == ids
    else:
        content = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
        assert [row["customer_id"].removeprefix("'") for row in csv.DictReader(content.decode().splitlines(keepends=True))] == ids
    assert [each.name for each in tmp_path.iterdir() if each.name not in (name, "home")] == []


def test_a_file_is_the_old_one_until_it_is_whole(nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("old")
    publish_on(sqlite_state, [{**row, "reasons": [{"family": "nonsense"}]} for row in rows])
    with pytest.raises(KeyError):
        nextbest("export", "--to", tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text() == "old"
    assert {each.name for each in tmp_path.iterdir()} == {"scores.csv", "home"}


@pytest.mark.parametrize("every", ["24", "h", "0h", "1.5h", "-1h", "1w"])
def test_a_span_that_is_none_is_refused(nextbest: Run, sqlite_state: State, every: str) -> None:
    del sqlite_state
    ended = nextbest("export", f"--every={every}")
    assert (ended.code, "24h" in ended.err) == (2, True)


def test_every_exports_again_until_it_is_stopped_and_survives_what_was_in_the_way(
    nextbest: Run, sqlite_state: State, rows: Rows, publish_on: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_on(sqlite_state, rows)
    folder = tmp_path / "out"
    folder.mkdir()
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            (folder / "scores.csv").unlink()
            folder.rmdir()
        elif len(waits) == 2:
            folder.mkdir()
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", wait)
    ended = nextbest("export", "--to", folder / "scores.csv", "--every", "2h")
    assert ended.code == 0
    assert ended.out.count("60 customers") == 2
    assert ended.err.count("cannot be written") == 1
    assert all(7000 < seconds <= 7200 for seconds in waits)
    assert [path.name for path in folder.iterdir()] == ["scores.csv"]
