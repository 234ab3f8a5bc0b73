"""Runs the server: one process, or several that share the port."""

import os
from collections.abc import Mapping
from typing import Any

import uvicorn

from serving.app import create_app
from serving.settings import ServingSettings, load_settings

FACTORY = "serving.app:app_from_environment"


def run(settings: ServingSettings, given: Mapping[str, Any], *, workers: int = 1) -> None:
    """Serves until stopped. `given` settings stand above the environment's.

    Everything that can be wrong is found before the port is opened. Several workers read their settings from the environment, which
    this sets for them.
    """
    chosen = load_settings(**{**settings.model_dump(exclude_unset=True), **given})
    options: dict[str, Any] = {
        "host": chosen.host,
        "port": chosen.port,
        "access_log": False,
        "server_header": False,
        "log_level": "warning",
    }
    if workers == 1:
        uvicorn.run(create_app(chosen), **options)
        return
    create_app(chosen).state.serving.state.close()
    os.environ.update({f"NEXTBEST_{name.upper()}": str(value) for name, value in _environment(chosen, given).items()})
    uvicorn.run(FACTORY, factory=True, workers=workers, **options)


def _environment(chosen: ServingSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"home": chosen.home.absolute(), **{name: value for name, value in given.items() if name != "home"}}
