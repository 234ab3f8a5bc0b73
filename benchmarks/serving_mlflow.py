"""The peer of a served answer: `mlflow models serve` of one small model."""

import sys
from pathlib import Path
from typing import Final

import lightgbm
import mlflow.lightgbm
import numpy as np

from benchmarks.serving_load import Loaded, post, warmed
from benchmarks.serving_processes import served

_COLUMNS: Final = 20


def mlflow_model(folder: Path, seconds: float) -> Loaded:
    """One row of 20 numbers at a time to `mlflow models serve`, one worker, a LightGBM of 100 trees of 15 leaves."""
    _save_model(folder / "model")
    mlflow = str(Path(sys.executable).parent / "mlflow")
    command = [
        mlflow,
        "models",
        "serve",
        "-m",
        str(folder / "model"),
        "--env-manager",
        "local",
        "-h",
        "127.0.0.1",
        "-p",
        "{port}",
        "-w",
        "1",
    ]
    rows = np.random.default_rng(2).random((100, _COLUMNS)).tolist()
    requests = [post("/invocations", {"inputs": [row]}) for row in rows]
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    with served(command, ready="/ping", environment=environment, log=folder / "mlflow.log") as running:
        return warmed(running, requests, seconds)


def _save_model(folder: Path) -> None:
    rng = np.random.default_rng(1)
    known = rng.random((2_000, _COLUMNS))
    told = lightgbm.Dataset(known, (known[:, 0] + known[:, 1] > rng.random(2_000)).astype(float))
    booster = lightgbm.train({"objective": "binary", "num_leaves": 15, "num_threads": 1, "verbose": -1}, told, 100)
    mlflow.lightgbm.save_model(booster, str(folder), pip_requirements=["lightgbm"])
