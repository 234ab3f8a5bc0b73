"""The CRM's guide, run as it is written: every shell block, one after the other, against a server of its own and a real PostgreSQL."""

import csv
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from features.home import open_home
from serving.churn_tables import NAMES
from serving.state.database import open_state
from serving.state.migrate import migrate

GUIDE = (Path(__file__).parents[3] / "docs" / "crm.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)
CUSTOMER = "17850"
SERVER = """{serve} > server.log 2>&1 &
trap "kill $!" EXIT
for _ in $(seq 300); do curl -sf {address}/readyz > ready.json && break; sleep 0.2; done
"""

pytestmark = pytest.mark.slow


def script(address: str, database: str) -> str:
    """The blocks as one script, with a server's address and a database that are free here, the server in the background."""
    assert sum(" serve " in block for block in BLOCKS) == 1
    running = [SERVER.format(serve=block.strip(), address=address) if " serve " in block else block for block in BLOCKS]
    text = "\n".join(["set -euo pipefail", *running])
    for told, here in (("http://127.0.0.1:8000", address), ("postgresql://crm:secret@127.0.0.1:5432/crm", database)):
        assert told in "\n".join(BLOCKS)
        text = text.replace(told, here)
    return text


def fill_home(folder: Path, rows: list[dict[str, Any]], publish_on: Callable[..., int]) -> list[dict[str, Any]]:
    """A home in which two publications were made; the rows of the second one."""
    first = [*rows, {**rows[0], "customer_id": CUSTOMER, "band": "active"}]
    url = f"sqlite:///{open_home(folder / 'nextbest-home').database}"
    migrate(url)
    state = open_state(url)
    publish_on(state, first)
    second = [{**row, "band": "at risk"} if row["customer_id"] == CUSTOMER else row for row in first]
    publish_on(state, second)
    state.close()
    return second


@pytest.fixture
def crm_database(postgresql_server: str) -> str:
    """The URL of a CRM's own database."""
    server, name = postgresql_server.replace("+psycopg", ""), f"crm_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="the guide takes curl and bash")
@pytest.mark.long
def test_the_guide_runs_as_written(rows: list[dict[str, Any]], publish_on: Callable[..., int], tmp_path: Path, crm_database: str) -> None:
    published = fill_home(tmp_path, rows, publish_on)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEXTBEST_")} | {"NEXTBEST_PORT": str(port)}
    done = subprocess.run(
        ["bash", "-c", script(f"http://127.0.0.1:{port}", crm_database)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    log = tmp_path / "server.log"
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
    _check_answers(tmp_path, published)
    _check_files(tmp_path, published, crm_database)


def _check_answers(folder: Path, published: list[dict[str, Any]]) -> None:
    assert _read(folder / "customer.json")["customer_id"] == CUSTOMER
    risky = [row for row in published if row["band"] in ("at risk", "lapsed")]
    page = _read(folder / "at-risk.json")
    assert (page["total"], len(page["customers"])) == (len(risky), 20)
    assert [c["customer_id"] for c in _read(folder / "some.json")["customers"]] == [CUSTOMER]
    assert _read(folder / "some.json")["unknown"] == ["nobody"]
    everybody = (folder / "everybody.txt").read_text().splitlines()
    assert everybody == sorted(row["customer_id"] for row in published)
    changes = _read(folder / "changes.json")
    assert (changes["changes"], (folder / "changes.cursor").read_text().strip()) == ([], changes["next_cursor"])


def _check_files(folder: Path, published: list[dict[str, Any]], crm_database: str) -> None:
    with (folder / "at-risk.csv").open(newline="", encoding="utf-8") as file:
        sheet = list(csv.DictReader(file))
    assert len(sheet) == sum(row["band"] in ("at risk", "lapsed") for row in published)
    worth = [float(row["clv"]) for row in sheet if row["clv"]]
    assert worth == sorted(worth, reverse=True)
    exported = gzip.decompress((folder / "scores.csv.gz").read_bytes()).decode().splitlines()
    assert len(list(csv.DictReader(exported))) == len(published)
    with psycopg.connect(crm_database) as connection:
        found = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE band = 'at risk' AND customer_id = %s) FROM churn_scores", [CUSTOMER]
        )
        assert found.fetchone() == (len(published), 1)


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_guide_tells_what_every_column_shows() -> None:
    table = GUIDE.split("## A spreadsheet")[1].split("\n## ")[0]
    told = [name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(told) == sorted(NAMES)


def test_the_line_of_cron_is_the_command_that_was_run() -> None:
    (line,) = re.findall(r"^```cron\n(.*?)\n```$", GUIDE, flags=re.MULTILINE | re.DOTALL)
    assert re.fullmatch(r"(\S+ +){5}cd \S+ && \S+", " ".join(line.split()[:9]))
    command = line.split("&& ")[1].replace("crm@", "crm:secret@")
    assert any(command in block.splitlines() for block in BLOCKS)
