"""The bench of serving on a tiny shop: real servers answer every route that it asks, and each figure gets its row."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.serving_rows import Row, table

ROOT = Path(__file__).parents[2]
WHOLE_RUN = pytest.mark.skipif("NEXTBEST_LONG" not in os.environ, reason="a whole run of a benchmark: make test-long")


def test_a_row_says_whether_it_is_as_it_should_be() -> None:
    rows = [Row("a", 1.5, "x", 2.0), Row("b", 2.5, "x", 2.0, "why"), Row("c", 1500.0, "x", 25.0, at_least=True), Row("d", 3.0, "us")]
    assert table(rows).splitlines()[2:] == [
        "| a | 1.5 x | ≤ 2 x | met |",
        "| b | 2.5 x | ≤ 2 x | missed: why |",
        "| c | 1,500 x | ≥ 25 x | met |",
        "| d | 3 us |  |  |",
    ]


@WHOLE_RUN
def test_every_part_of_a_tiny_run_ends_with_its_rows(tmp_path: Path) -> None:
    output = tmp_path / "rows.json"
    size = ["--customers", "300", "--seconds", "2", "--stored", "300", "900", "--soak-minutes", "0.2", "--publish", "500", "--products"]
    given = ["--databases", "SQLite", "--folder", str(tmp_path), "--output", str(output)]
    command = [sys.executable, "-P", "benchmarks/serving.py", *size, *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(output.read_text(encoding="utf-8"))
    said = " ".join(row["what"] for row in rows)
    for part in (
        "start to ready",
        "churn score",
        "recommendations",
        "next best action",
        "mlflow",
        "two workers",
        "events",
        "stored",
        "minutes",
        "publication",
    ):
        assert part in said
    assert all(row["figure"] > 0 for row in rows if "memory" not in row["what"])
