"""The whole way through every room, as a newcomer goes it: a shop's files in, recorded decisions out, and found again after a restart."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from serving.client import Client, NoAnswerError, Retrying

NEXTBEST = (sys.executable, "-c", "from serving.cli.main import main; main()")

LONG = pytest.mark.skipif(
    "NEXTBEST_LONG" not in os.environ, reason="takes minutes, and the README's walk goes most of it; make test-long runs it"
)
pytestmark = [pytest.mark.slow, LONG]


def run(home: Path, *arguments: object) -> str:
    """Runs the command as a process of its own; what it printed."""
    words = [*NEXTBEST, "--home", str(home), *(str(a) for a in arguments)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@contextmanager
def served(home: Path) -> Iterator[Client]:
    """A server process over this home, pinned to its newest row."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [*NEXTBEST, "--home", str(home), "serve", "--port", str(port), "--as-of", "latest"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        with Client(f"http://127.0.0.1:{port}", "", timeout=30, retrying=Retrying(attempts=1)) as client:
            _wait(client, process)
            yield client
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)


def _wait(client: Client, process: subprocess.Popen[str]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])
        try:
            client.health()
        except NoAnswerError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the server did not come up")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated shop, simulated, ingested, checked, trained and published by the commands."""
    folder = tmp_path_factory.mktemp("way")
    run(folder / "home", "simulate", "--customers", 500, "--months", 15, "--seed", 3, "--out", folder / "shop")
    shop = folder / "shop"
    files = [f"--{name}={shop / name}.csv.gz" for name in ("orders", "events", "decisions", "outcomes")]
    files += [f"--{name}={shop / name}.csv" for name in ("products", "customers")]
    run(folder / "home", "ingest", *files)
    again = json.loads(run(folder / "home", "--json", "ingest", *files))
    assert not any(table["changed"] for table in again["tables"].values())
    assert {check["status"] for check in json.loads(run(folder / "home", "--json", "check"))} <= {"PASS", "WARN"}
    trained = json.loads(run(folder / "home", "--json", "train"))
    assert [one["kind"] for one in trained if one["promoted"]] == ["churn", "value", "affinity", "response", "personas", "journey"]
    return folder / "home"


def test_scores_are_written_for_everybody(home: Path, tmp_path: Path):
    run(home, "score", "churn", "--output", tmp_path / "churn.parquet")
    run(home, "score", "affinity", "--top", 5, "--output", tmp_path / "affinity.csv")
    run(home, "score", "actions", "--output", tmp_path / "actions.parquet")
    churn = pd.read_parquet(tmp_path / "churn.parquet")
    assert churn.churn_probability.between(0, 1).all()
    assert churn.customer_id.is_unique
    assert set(churn.band) <= {"active", "cooling", "at risk", "lapsed"}
    affinity = pd.read_csv(tmp_path / "affinity.csv")
    assert affinity.groupby("customer_id").size().eq(5).all()
    actions = pd.read_parquet(tmp_path / "actions.parquet")
    assert actions.groupby("customer_id").action_probability.sum().sub(1).abs().max() < 1e-9


def test_every_kind_of_user_is_answered_and_a_decision_survives_a_restart(home: Path):
    somebody = pd.read_parquet(home / "tables" / "orders.parquet").customer_id.mode()[0]
    with served(home) as client:
        churn = client.churn(somebody)
        assert churn.churn_probability is not None
        assert 0 < churn.churn_probability < 1
        assert churn.model_version == "1"
        listed = client.recommendations(somebody, limit=3).recommendations
        assert len(listed) == 3
        assert all(one.name != one.product_id for one in listed)
        preview = client.next_best_action(somebody)
        assert preview.decision_id is None
        best = preview.actions[0]
        assert best.terms
        assert best.reasons
        assert 0 < best.action_probability <= 1
        decided = client.decide(customer_id=somebody)
    assert decided.decision_id is not None
    with served(home) as client:
        assert client.decision(decided.decision_id).replay.same is True


def test_a_demo_on_own_orders_ends_after_scoring(tmp_path: Path):
    rows = [
        f"c{customer % 40},{pd.Timestamp('2025-01-01') + pd.Timedelta(days=customer % 13 + 9 * k)},p{(customer + k) % 12},{1 + k % 3},{5 + k % 7}"
        for customer in range(40)
        for k in range(customer % 9 + 2)
    ]
    (tmp_path / "own.csv").write_text("Client,Date,Item,Qty,Price\n" + "\n".join(rows))
    names = "{customer_id: Client, ordered_at: Date, product_id: Item, quantity: Qty, unit_price: Price}"
    (tmp_path / "mapping.yaml").write_text(f"orders:\n  columns: {names}\n")
    run(tmp_path / "home", "demo", "--orders", tmp_path / "own.csv", "--mapping", tmp_path / "mapping.yaml", "--no-serve")
    scores = pd.read_parquet(tmp_path / "home" / "churn.parquet")
    assert len(scores) == 40
