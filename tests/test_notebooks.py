"""Notebooks run from top to bottom, say what they promise, and exist as plain Python with the same cells."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

from training.evaluation.gate import Z

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
KERNEL = "this-environment"
LONG = pytest.mark.skipif("NEXTBEST_LONG" not in os.environ, reason="takes minutes; make test-long runs it")


@pytest.fixture
def jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a kernel of this interpreter runs, and leaves nothing outside of it."""
    spec = tmp_path / "jupyter" / "kernels" / KERNEL
    spec.mkdir(parents=True)
    launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": launch, "display_name": KERNEL, "language": "python"}))
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "TMPDIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.delenv("NEXTBEST_HOME", raising=False)
    return tmp_path


@pytest.mark.parametrize("script", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_script_and_notebook_have_the_same_cells(script: Path) -> None:
    notebook = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    told = "run: .venv/bin/jupytext --sync notebooks/*.py"
    assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.cell_type, c.source) for c in jupytext.read(script).cells], told
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code), "clear all outputs before committing"
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"jupytext", "kernelspec"}


def test_every_notebook_is_paired() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {path.stem for path in NOTEBOOKS.glob("*.py")} != set()


@pytest.mark.slow
@LONG
def test_retraining_churn_by_hand_beats_or_equals_the_baseline(jupyter: Path) -> None:
    notebook = nbformat.read(NOTEBOOKS / "retrain_churn.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name=KERNEL, resources={"metadata": {"path": str(jupyter)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = _printed(outputs, "stdout")
    assert not _printed(outputs, "stderr")
    found = re.search(r"nextbest minus baseline: ([+-][\d.]+) \(standard error ([\d.]+), ([\d,]+) rows", said)
    assert found is not None, said
    mean, error, count = found.groups()
    assert float(mean) <= Z * float(error), "the model is worse than the notebook's baseline, beyond noise"
    assert int(count.replace(",", "")) > 100
    assert "version 1: Promoted: it beats" in said
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 1
    runs = " ".join(output.data["text/plain"] for output in outputs if "data" in output)
    assert "baseline at" in runs
    assert "champion" in runs


def _printed(outputs: list[Any], stream: str) -> str:
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == stream)
