"""`nextbest promote` and `rollback` turn the link to nothing that cannot be used."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.home import Home, open_home
from training import artifacts, golden
from training.registry import Registry
from training.response import ResponseModel


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


@pytest.fixture
def record(home: Home, tmp_path: Path) -> Callable[[float], str]:
    """Registers a response model that was believed to say `times` as much as it says."""
    registry = Registry(home)

    def made(times: float) -> str:
        folder = tmp_path / f"times-{times}-{len(registry.versions('response'))}"
        folder.mkdir()
        model = ResponseModel().fit(
            pd.DataFrame({"action_id": ["letter"], "stage": ["retention"], "answered": [True], "unsubscribed": [False]}),
            {"letter": 0.1},
            as_of=datetime(2025, 1, 1),
        )
        model.save(folder)
        golden.write(folder, "response", model)
        path = folder / golden.GOLDEN
        kept = json.loads(path.read_text())
        kept["answers"]["answered"] = [said * times for said in kept["answers"]["answered"]]
        path.write_text(json.dumps(kept))
        artifacts.save_manifest(folder)
        return registry.record("response", folder, {}, {}, {"as_of": "2025-01-01T00:00:00", "data_hash": "x"})

    return made


def test_a_version_that_says_something_else_is_not_promoted_nor_rolled_back_to(
    home: Home, record: Callable[[float], str], nextbest: Any
) -> None:
    good, wrong, better = record(1.0), record(1.1), record(1.0)
    link = home.champions / "response"
    assert nextbest("promote", "response", good).code == 0
    before = link.resolve()
    refused = nextbest("promote", "response", wrong)
    assert refused.code != 0
    assert "does not say what it said when it was trained" in refused.err
    assert "Traceback" not in refused.err
    assert link.resolve() == before
    assert (champion := Registry(home).champion("response")) is not None
    assert champion.version == good

    Registry(home).promote("response", wrong)  # as an older nextbest did, which did not ask
    assert nextbest("promote", "response", better).code == 0
    before = link.resolve()
    refused = nextbest("rollback", "response")
    assert refused.code != 0
    assert "does not say what it said" in refused.err
    assert link.resolve() == before
    assert (champion := Registry(home).champion("response")) is not None
    assert champion.version == better
