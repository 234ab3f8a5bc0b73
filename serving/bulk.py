"""What a server decides with, for a job that decides about many: the same parts, made in the same way, of the same home and database."""

from collections.abc import Callable
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Final

import orjson

from serving.app import create_app
from serving.dependencies import Serving
from serving.desk import Desk
from serving.log import Log
from serving.settings import ServingSettings

_SAID: Final = ("catalogue", "model_missing", "model_refused", "outdated_publication", "facts_of_later_time")


def desk_at(settings: ServingSettings, at: datetime, note: Callable[[str], None], *, catalogue: Path | None = None) -> Desk:
    """The desk of a server whose clock is pinned to this time; what such a server would warn of is noted. InputError as `create_app` raises it."""
    logged = StringIO()
    given = {"as_of": at, "host": "127.0.0.1", **({} if catalogue is None else {"catalogue": catalogue})}
    serving: Serving = create_app(settings.model_copy(update=given), log=Log(logged)).state.serving
    serving.state.close()
    for line in map(orjson.loads, logged.getvalue().splitlines()):
        if line["event"] in _SAID:
            note(f"    {line['why']}")
    return serving.desk
