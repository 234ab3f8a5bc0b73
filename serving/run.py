"""Runs the server: one process, or several that share the port."""

import gc
import os
import socket
from collections.abc import Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI

from features.errors import InputError
from serving.app import app_from_environment, create_app
from serving.settings import ServingSettings, load_settings

FACTORY = "serving.run:worker_app"


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
