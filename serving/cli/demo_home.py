"""Keeps the demo's simulated shop and a user's own orders in homes of their own."""

import json

from features.errors import InputError
from features.home import Home, replace_text

SIMULATED = "simulated shop"
OWN = "shop's own orders"


def refuse_simulated(home: Home) -> None:
    """InputError if the demo filled this home with a simulated shop."""
    if _found(home) == SIMULATED:
        raise InputError(
            f"{home.root} holds the demo's simulated shop.", remedy="Give your own data a home of its own: nextbest --home DIR ingest ..."
        )


def claim(home: Home, kind: str) -> None:
    """Says what this home holds. InputError if it holds the other kind already."""
    found = _found(home)
    if found not in (None, kind):
        raise InputError(f"{home.root} holds a {found}.", remedy="Give the other one a home of its own: nextbest --home DIR demo")
    replace_text(home.root / "demo.json", json.dumps({"kind": kind}))


def _found(home: Home) -> str | None:
    marker = home.root / "demo.json"
    if marker.exists():
        return str(json.loads(marker.read_text())["kind"])
    return OWN if any(home.tables.iterdir()) else None
