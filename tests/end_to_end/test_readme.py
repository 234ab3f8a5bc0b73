"""The README's commands, run as they are written, one after the other, on orders in the README's own columns."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from decisions.simulator import simulate

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMAND = ".venv/bin/nextbest"
CUSTOMER = "17850"
HERE = "http://127.0.0.1:8000"

pytestmark = pytest.mark.slow


def shell_lines(beginning: str) -> list[str]:
    """The README's shell lines that begin so, in order."""
    found = re.findall(r"^ *```sh\n(.*?)^ *```$", README, flags=re.MULTILINE | re.DOTALL)
    return [line.strip() for block in found for line in block.splitlines() if line.strip().startswith(beginning)]


@dataclass(frozen=True)
class Place:
    """A folder in which the README was followed, and the server at its end."""

    folder: Path
    address: str

    def ask(self, line: str) -> Any:
        """What the server answers to a curl line of the README."""
        words = iter(shlex.split(line)[1:])
        method, body, headers, url = "GET", None, {}, ""
        for word in words:
            if word == "-X":
                method = next(words)
            elif word == "-H":
                name, value = next(words).split(": ", 1)
                headers[name] = value
            elif word == "-d":
                body = next(words).encode()
            else:
                url = word
        assert url.startswith(HERE), line
        request = urllib.request.Request(url.replace(HERE, self.address), data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
            return json.load(answer)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("readme")
    _write_own_orders(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEXTBEST_")} | {"NEXTBEST_PORT": str(port)}
    every = [_words(line) for line in shell_lines(COMMAND)]
    (serve,) = (words for words in every if "serve" in words)
    commands = [words for words in every if words is not serve]
    for words in commands:
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    with (folder / "server.log").open("w") as log, subprocess.Popen(serve, cwd=folder, env=environment, stdout=log, stderr=log) as server:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(address, server, folder / "server.log")
            yield Place(folder, address)
        finally:
            server.terminate()


def test_the_readme_has_commands_and_questions() -> None:
    assert len(shell_lines(COMMAND)) > 5
    assert len(shell_lines("curl")) > 3


def test_every_file_that_the_readme_asks_for_is_written(place: Place) -> None:
    asked = [words[words.index("--output") + 1] for words in map(shlex.split, shell_lines(COMMAND)) if "--output" in words]
    assert asked
    for name in asked:
        assert (place.folder / name).stat().st_size, name
    for name in (name for name in asked if name.endswith(".parquet")):
        assert CUSTOMER in set(pd.read_parquet(place.folder / name)["customer_id"]), name


def test_every_question_of_the_readme_is_answered(place: Place) -> None:
    answers = {line: place.ask(line) for line in shell_lines("curl")}
    (churn,) = (answer for line, answer in answers.items() if line.endswith("/churn"))
    assert 0 < churn["churn_probability"] < 1
    (products,) = (answer for line, answer in answers.items() if "recommendations" in line)
    assert products["customer_id"] == CUSTOMER
    actions = [answer["actions"] for line, answer in answers.items() if "next-best-action" in line or "decisions" in line]
    assert len(actions) == 2
    assert all(actions)


def test_a_decision_is_replayed(place: Place) -> None:
    (line,) = (line for line in shell_lines("curl") if "/v1/decisions" in line)
    decision = place.ask(line)
    replayed = place.ask(f"curl {HERE}/v1/decisions/{decision['decision_id']}")
    assert replayed["answer"]["actions"] == decision["actions"]
    assert replayed["replay"]["same"] is True


def test_everything_in_the_home_is_explained(place: Place) -> None:
    told = (ROOT / "docs" / "commands.md").read_text().split("## The home")[1].split("\n## ")[0]
    there = {path.name + ("/" if path.is_dir() else "") for path in (place.folder / "nextbest-home").iterdir()}
    assert there <= set(re.findall(r"`([^`]+)`", told))


def _words(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    assert words[0] == COMMAND
    return [str(Path(sys.executable).with_name("nextbest")), *words[1:]]


def _write_own_orders(folder: Path) -> None:
    """A year of a small shop's order lines, called as the README's mapping calls them; its busiest customer is the README's."""
    (mapping,) = re.findall(r"^ *```yaml\n(.*?)^ *```$", README, flags=re.MULTILINE | re.DOTALL)
    columns = yaml.safe_load(mapping)["orders"]["columns"]
    orders = simulate(customers=200, months=12, seed=3).tables["orders"]
    sold = orders[(orders["line_kind"] == "sale") & orders["customer_id"].notna()]
    busiest = sold["customer_id"].value_counts().index[0]
    named = sold.assign(customer_id=sold["customer_id"].replace({busiest: CUSTOMER}))
    named[list(columns)].rename(columns=columns).to_csv(folder / "orders.csv", index=False)
    (folder / "mapping.yaml").write_text("\n".join(line.removeprefix("   ") for line in mapping.splitlines()))


def _wait_until_ready(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
        else:
            return
