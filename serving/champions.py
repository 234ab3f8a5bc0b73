"""The champion models in memory, read from the folders that the registry exports; what is missing has a named fallback."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from features.attributes import PREFIX
from features.definitions import NAMES
from features.errors import InputError
from features.home import Home
from training.affinity.model import AffinityModel
from training.artifacts import MODEL
from training.churn import ChurnModel
from training.journey_value import JourneyValues
from training.response import ResponseModel
from training.segments.personas import PersonaModel
from training.value import ValueModel

THREADS: Final = 1
"""Per prediction: one request is one row, and requests already run side by side."""

FALLBACKS: Final[Mapping[str, str]] = {
    "churn": "the published score, where there is one",
    "value": "the published values, where there are any",
    "affinity": "the customer's own purchases, then what is bought most",
    "response": "the response priors of the catalogue",
    "personas": "the published personas, where there are any",
    "journey": "the values of the catalogue",
}


@dataclass(frozen=True)
class Card:
    """What a loaded model says about itself."""

    version: str
    as_of: datetime | None
    horizon_days: int | None
    metrics: Mapping[str, float | None]


@dataclass(frozen=True)
class Champions:
    """The models in use, their cards by kind, and for each missing kind why it is and what answers instead."""

    churn: ChurnModel | None = None
    value: ValueModel | None = None
    affinity: AffinityModel | None = None
    response: ResponseModel | None = None
    personas: PersonaModel | None = None
    journey: JourneyValues | None = None
    cards: Mapping[str, Card] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=lambda: dict(FALLBACKS))

    def version(self, kind: str) -> str | None:
        """The version of the model of this kind; None where it is missing."""
        card = self.cards.get(kind)
        return card.version if card else None


def load_champions(home: Home, log: FilteringBoundLogger, *, not_after: datetime | None = None) -> Champions:
    """Every champion that the home exports and that can be used; a damaged one is logged and left out, never a failure.

    `not_after` is a pinned clock: a model that was made from later rows has seen that clock's future, and is left out.
    """
    models: dict[str, Any] = {}
    cards: dict[str, Card] = {}
    missing: dict[str, str] = {}
    for kind, load in _LOADERS.items():
        try:
            cards[kind], models[kind] = _read(kind, home.champions / kind, load, not_after)
        except InputError as error:
            missing[kind] = f"{error.problem} Answers come from {FALLBACKS[kind]}. {error.remedy}"
            log.warning("model_missing", kind=kind, why=error.problem)
    return Champions(**models, cards=cards, missing=missing)


def _read(kind: str, link: Path, load: Callable[[Path], Any], not_after: datetime | None) -> tuple[Card, Any]:
    folder = link.resolve()  # once: the link may be turned to another version between two files
    if not (folder / MODEL).exists():
        raise InputError(f"There is no champion {kind} model.", remedy="Run: nextbest train")
    model = load(folder)
    if unknown := [name for name in getattr(model, "feature_names", ()) if name not in NAMES and not name.startswith(PREFIX)]:
        raise InputError(f"The {kind} model learned from {unknown[0]}, which this version does not know.", remedy="Run: nextbest train")
    card = _card(json.loads((folder / MODEL).read_text(encoding="utf-8")))
    if not_after is not None and card.as_of is not None and card.as_of > not_after:
        raise InputError(
            f"The {kind} model knows rows up to {card.as_of:%Y-%m-%d}, after the pinned clock ({not_after:%Y-%m-%d}).",
            remedy=f"Train one for it: nextbest train --as-of {not_after:%Y-%m-%d}",
        )
    return card, model


def _card(header: Mapping[str, Any]) -> Card:
    metrics = {name: float(value) if _finite(value) else None for name, value in header.get("metrics", {}).items()}
    as_of = header.get("as_of")
    return Card(
        str(header.get("version", "unregistered")), datetime.fromisoformat(as_of) if as_of else None, header.get("horizon_days"), metrics
    )


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


_LOADERS: Final[Mapping[str, Callable[[Path], Any]]] = {
    "churn": lambda folder: ChurnModel.load(folder, threads=THREADS),
    "value": lambda folder: ValueModel.load(folder, threads=THREADS),
    "affinity": AffinityModel.load,
    "response": ResponseModel.load,
    "personas": PersonaModel.load,
    "journey": JourneyValues.load,
}
