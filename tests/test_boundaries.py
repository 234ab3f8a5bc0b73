"""The house's walls: what must not be imported where, and the folder that must stay without Python."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_no_python_file_lies_under_mlflow():
    assert list((ROOT / "mlflow").rglob("*.py")) == []


def test_mlflow_is_the_package_when_python_runs_in_the_checkout():
    subprocess.run([sys.executable, "-c", "import mlflow; mlflow.set_tracking_uri"], cwd=ROOT, check=True, timeout=120)


def test_tests_are_no_package():
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_importing_the_rooms_has_no_effect_on_the_disk(tmp_path):
    code = "import features.batch, training.recipes, decisions.decide, serving.app, serving.cli.main"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)
    assert list(tmp_path.iterdir()) == []
