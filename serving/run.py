"""Runs the server: one process, or several that share the port."""

import gc
import os
import socket
from collections.abc import Mapping
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from features.errors import InputError
from serving.app import app_from_environment, create_app
from serving.settings import ServingSettings, load_settings

FACTORY: Final = "serving.run:worker_app"
MOST_SECONDS_TO_END: Final = 30
"""How long requests that are under way when the server is told to end are waited for: a client that reads slowly must not hold it up for ever."""
LOOKED_THROUGH: Final = (20_000, 20, 50)
"""The garbage collector's thresholds: requests leave hardly any cycles behind, and looking through all that is kept holds everybody up."""
MOST_SECONDS_SILENT: Final = 30
"""A worker that does not move for so long is replaced: one that starts on a busy machine is not, and one that died is at once."""


def run(settings: ServingSettings, given: Mapping[str, Any], *, workers: int = 1) -> None:
    """Serves until stopped. `given` settings stand above the environment's.

    Told to end (SIGTERM, SIGINT) it takes no more requests, answers those under way, finishes the writes it accepted, and ends. Of several workers, one
    that dies is replaced. Everything that can be wrong is found before the port is opened. Several workers read their settings from the environment, which
    this sets for them.
    """
    chosen = load_settings(**{**settings.model_dump(exclude_unset=True), **given})
    options: dict[str, Any] = {
        "host": chosen.host,
        "port": chosen.port,
        "access_log": False,
        "server_header": False,
        "log_level": "warning",
        "timeout_graceful_shutdown": MOST_SECONDS_TO_END,
        "timeout_worker_healthcheck": MOST_SECONDS_SILENT,
    }
    _check_port(chosen.host, chosen.port)
    if workers == 1:
        uvicorn.run(_settled(create_app(chosen)), **options)
        return
    create_app(chosen).state.serving.state.close()
    os.environ.update({f"NEXTBEST_{name.upper()}": str(value) for name, value in _environment(chosen, given).items()})
    uvicorn.run(FACTORY, factory=True, workers=workers, **options)


def worker_app() -> FastAPI:
    """The application of one of several worker processes."""
    return _settled(app_from_environment())


def _settled(app: FastAPI) -> FastAPI:
    gc.set_threshold(*LOOKED_THROUGH)
    gc.collect()
    gc.freeze()  # what is there now lasts: looking through it again and again takes a quarter of the CPU time of a long list of scores
    return app


def _check_port(host: str, port: int) -> None:
    """InputError if nothing can listen there: the port is taken, or the address is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise InputError(
                f"Cannot listen on {host}:{port}: {error.strerror}.", remedy="Choose another --port or --host; 0 takes a free port."
            ) from error


def _environment(chosen: ServingSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"home": chosen.home.absolute(), **{name: value for name, value in given.items() if name != "home"}}
