"""Loads an exported champion for a bulk job, as serving does for a request: without MLflow."""

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from features.errors import InputError
from features.home import Home


def has_champion(home: Home, kind: str) -> bool:
    """Whether a champion of this kind is exported."""
    return (home.champions / kind).is_dir()


def champions_time(home: Home) -> datetime | None:
    """Up to when the newest champion knows rows; None without champions. A damaged one is found when it is loaded."""
    times = []
    for path in home.champions.glob("[!.]*/model.json"):
        with suppress(ValueError, KeyError, TypeError):
            times.append(datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["as_of"]))
    return max(times, default=None)


def load_champion(home: Home, kind: str, at: datetime, *, hindsight: bool = False) -> Any:
    """The champion of this kind. InputError where there is none, or it knows rows after `at` and hindsight is not allowed."""
    from training.loading import load

    if not has_champion(home, kind):
        raise InputError(f"There is no {kind} champion in this home.", remedy=f"Train one: nextbest train {kind}")
    model = load(kind, (home.champions / kind).resolve()).model  # one version, though another be swapped in
    if model.as_of > at and not hindsight:
        raise InputError(
            f"The {kind} champion knows rows up to {model.as_of:%Y-%m-%d %H:%M}, after {at:%Y-%m-%d %H:%M}: it has seen that future.",
            remedy=f"Train one for that time (nextbest train {kind} --as-of {at:%Y-%m-%d}), or ask for a later one; the score commands take --allow-hindsight.",
        )
    return model
