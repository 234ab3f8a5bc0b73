"""The champion models in memory, read from the folders that the registry exports; what is missing has a named fallback."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from features.errors import InputError
from features.home import Home
from serving.log import Log
from training.affinity.model import AffinityModel
from training.artifacts import MODEL
from training.churn import ChurnModel
from training.journey_value import JourneyValues
from training.loading import load
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
KINDS: Final = tuple(FALLBACKS)


@dataclass(frozen=True)
class Card:
    """What a loaded model says about itself. `is_proven`: it said what it said when it was trained (`training.golden`)."""

    version: str
    as_of: datetime | None
    horizon_days: int | None
    metrics: Mapping[str, float | None]
    is_proven: bool


@dataclass(frozen=True)
class Champions:
    """The models in use and their cards by kind; for each missing kind why it is and what answers instead.

    `refused` says of each kind whose newest champion cannot be used why that is, and what answers in its place.
    """

    churn: ChurnModel | None = None
    value: ValueModel | None = None
    affinity: AffinityModel | None = None
    response: ResponseModel | None = None
    personas: PersonaModel | None = None
    journey: JourneyValues | None = None
    cards: Mapping[str, Card] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=lambda: dict(FALLBACKS))
    refused: Mapping[str, str] = field(default_factory=dict)

    def version(self, kind: str) -> str | None:
        """The version of the model of this kind; None where it is missing."""
        card = self.cards.get(kind)
        return card.version if card else None

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the models in use, in sentences."""
        unproven = [kind for kind, card in self.cards.items() if not card.is_proven]
        said = (
            f"No golden predictions are kept with {', '.join(unproven)}: whether they still say what they said is not known. Train again."
        )
        return [*self.refused.values(), *([said] if unproven else [])]


def load_champions(
    home: Home,
    log: Log,
    *,
    not_after: datetime | None = None,
    before: Champions | None = None,
    kinds: Collection[str] = KINDS,
) -> Champions:
    """Every champion that the home exports and that can be used; a damaged one is logged and refused, never a failure.

    `before` are those in use: of them all but these `kinds` stay, and one stays whose successor is refused.
    `not_after` is a pinned clock: a model that was made from later rows has seen that clock's future, and is refused.
    """
    before = before or Champions(missing={})
    models = {kind: getattr(before, kind) for kind in KINDS}
    cards, missing, refused = dict(before.cards), dict(before.missing), dict(before.refused)
    for kind in kinds:
        link = home.champions / kind
        try:
            cards[kind], models[kind] = _read(kind, link, not_after)
            missing.pop(kind, None)
            refused.pop(kind, None)
        except InputError as error:
            instead = f"Version {cards[kind].version} stays in use." if kind in cards else f"Answers come from {FALLBACKS[kind]}."
            why = f"{error.problem} {instead} {error.remedy}"
            if kind not in cards:
                missing[kind] = why
            if kind in cards or link.is_symlink():
                refused[kind] = why
                log.warning("model_refused", kind=kind, why=error.problem, instead=instead)
            else:
                log.warning("model_missing", kind=kind, why=error.problem)
    return Champions(**models, cards={kind: cards[kind] for kind in KINDS if kind in cards}, missing=missing, refused=refused)


def _read(kind: str, link: Path, not_after: datetime | None) -> tuple[Card, Any]:
    folder = link.resolve()  # once: the link may be turned to another version between two files
    if not folder.is_dir():
        raise InputError(f"There is no champion {kind} model.", remedy="Run: nextbest train")
    loaded = load(kind, folder, threads=THREADS)
    card = _card(json.loads((folder / MODEL).read_text(encoding="utf-8")), is_proven=loaded.is_proven)
    if not_after is not None and card.as_of is not None and card.as_of > not_after:
        raise InputError(
            f"The {kind} model knows rows up to {card.as_of:%Y-%m-%d}, after the pinned clock ({not_after:%Y-%m-%d}).",
            remedy=f"Train one for it: nextbest train --as-of {not_after:%Y-%m-%d}",
        )
    return card, loaded.model


def _card(header: Mapping[str, Any], *, is_proven: bool) -> Card:
    metrics = {name: float(value) if _finite(value) else None for name, value in header.get("metrics", {}).items()}
    as_of = header.get("as_of")
    at = datetime.fromisoformat(as_of) if as_of else None
    return Card(str(header.get("version", "unregistered")), at, header.get("horizon_days"), metrics, is_proven)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
