"""Watches the champions' links and the files of rules, and swaps what a running server answers with."""

import asyncio
import gc
from typing import Final

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from serving.dependencies import Serving
from serving.in_use import renewed
from serving.looks import looks_of

LOOK_SECONDS: Final = 1.0
SETTLED_SECONDS: Final = 0.1
"""How long a file must have looked the same before it is read: an editor may be in the middle of writing it."""
AFTER_DEFECT_SECONDS: Final = 30.0


async def watch(app: FastAPI) -> None:
    """Looks every second, for as long as the application runs; what is found wrong is told, and never ends it."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await look(app)
        except Exception as error:
            app.state.serving.log.error("not_renewed", why=f"{type(error).__name__}: {error}", again_in_seconds=AFTER_DEFECT_SECONDS)
            await asyncio.sleep(AFTER_DEFECT_SECONDS)


async def look(app: FastAPI) -> None:
    """Looks once. Where something changed, it is read in a thread, and all requests from then on are answered with it."""
    serving: Serving = app.state.serving
    looks = looks_of(serving.home, serving.rules.paths)
    if looks == serving.looks:
        return
    await asyncio.sleep(SETTLED_SECONDS)
    if looks != looks_of(serving.home, serving.rules.paths):
        return  # it is still being written: the next look will find it
    changed = sorted(name for name, now in looks.items() if now != serving.looks.get(name))
    made = await run_in_threadpool(renewed, serving, changed, looks)
    app.state.serving = made
    told(made, changed)
    if gc.get_freeze_count():  # as at the start: what is there now lasts
        gc.freeze()


def told(serving: Serving, changed: list[str]) -> None:
    """Logs and counts what became of these models and rules."""
    refused = {**serving.champions.refused, **serving.rules.refused}
    for what in changed:
        (serving.metrics.refused if what in refused else serving.metrics.taken).labels(what).inc()
    models = {kind: serving.champions.version(kind) for kind in changed if kind in serving.champions.cards}
    serving.log.info("renewed", changed=changed, refused=sorted(refused.keys() & set(changed)), models=models, edition=serving.edition)
