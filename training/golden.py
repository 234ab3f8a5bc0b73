"""Golden predictions: what a model says to a few made-up questions, kept beside it, so that whoever loads it can ask again.

A hash proves that a file is the one that was written; this proves that it is still understood as it was: by another version of this program or
of a library, on another machine.
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from features.definitions import NAMES
from features.errors import InputError
from features.instants import DAY_US, microseconds
from training import artifacts
from training.affinity.signals import Signals
from training.journey.states import STATES
from training.matrix import Matrix

GOLDEN: Final = "golden.json"
TOLERANCE: Final = 1e-9
FLOAT32_TOLERANCE: Final = 1e-5
"""Affinity scores are sums of float32, whose order is the processor's."""
SEED: Final = 20
ROWS: Final = 5
UNKNOWN_SHARE: Final = 0.2
_PLAIN: Final = ("repeat_day_count", "recency_days", "customer_age_days", "days_since_last_order", "order_day_count", "value_total")
"""What members read that do not learn from feature_names."""
_NEWEST_FIRST: Final = (1, 3, 10, 40, 200)
"""Days before the training's time on which the customer of the golden question bought."""
_LIST: Final = 10

Answers = dict[str, list[Any]]


def write(folder: Path, kind: str, model: Any) -> None:
    """Asks the model, keeps questions and answers in golden.json, and writes the manifest anew."""
    asked = _ASKED[kind](model)
    kept = {"kind": kind, "asked": asked, "answers": _ANSWERED[kind](model, asked)}
    (folder / GOLDEN).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    artifacts.save_manifest(folder)


def check(folder: Path, kind: str, model: Any) -> bool:
    """Whether the model said the same again; False where the folder was written before there were golden predictions.

    Raises InputError where an answer differs: numbers by more than TOLERANCE of their size, anything else at all.
    """
    path = folder / GOLDEN
    if not path.exists():
        return False
    kept = json.loads(path.read_text(encoding="utf-8"))
    tolerance = FLOAT32_TOLERANCE if kind == "affinity" else TOLERANCE
    now = _ANSWERED[kind](model, kept["asked"])
    for name in kept["answers"].keys() | now.keys():
        told, said = kept["answers"].get(name, []), now.get(name, [])
        wrong = [n for n in range(max(len(told), len(said))) if not _same(told[n : n + 1], said[n : n + 1], tolerance)]
        if wrong:
            n = wrong[0]
            raise InputError(
                f"The {kind} model in {folder} does not say what it said when it was trained: {len(wrong)} of {len(told)} answers differ, "
                f"first {name}[{n}]: {said[n : n + 1]} and not {told[n : n + 1]}.",
                remedy="Use the nextbest that trained it, roll back, or train again.",
            )
    return True


def _same(told: Any, said: Any, tolerance: float) -> bool:
    if isinstance(told, list) and isinstance(said, list):
        return len(told) == len(said) and all(_same(one, other, tolerance) for one, other in zip(told, said, strict=True))
    if isinstance(told, float | int) and isinstance(said, float | int):
        return math.isclose(told, said, rel_tol=tolerance) or (math.isnan(told) and math.isnan(said))
    return bool(told == said)


def _rows(names: tuple[str, ...]) -> dict[str, Any]:
    """Made-up customers: sizes over some powers of ten, some values unknown; the last one has none at all."""
    rng = np.random.default_rng(SEED)
    values = np.round(rng.lognormal(2.0, 1.5, (ROWS, len(names))), 3)
    values[rng.random(values.shape) < UNKNOWN_SHARE] = np.nan
    values[-1] = np.nan
    return {"names": list(names), "rows": [_plain(row) for row in values]}


def _of_features(model: Any) -> dict[str, Any]:
    return _rows((*model.feature_names, *(name for name in (*_PLAIN, "gap_mean_days") if name not in model.feature_names)))


def _of_traits(_: Any) -> dict[str, Any]:
    return _rows(NAMES)


def _of_products(model: Any) -> dict[str, Any]:
    """A customer who bought products from all over the range, and looked at the last one of them."""
    ids = model.product_ids
    places = np.linspace(0, len(ids) - 1, len(_NEWEST_FIRST)).round().astype(int)
    midday = microseconds(model.as_of - timedelta(hours=12))
    bought = [[str(ids[place]), midday - days * DAY_US, 1.0] for place, days in zip(places, _NEWEST_FIRST, strict=True)]
    return {"purchases": bought, "related_to": str(ids[0])}


def _of_actions(model: Any) -> dict[str, Any]:
    actions = sorted({*model.priors, *model.answered.actions, *model.unsubscribed.actions, "an action that nobody knows"})
    stages = sorted({stage for counts in (model.answered, model.unsubscribed) for _, stage in counts.stages})
    return {"asked": [[action, stage] for action in actions for stage in (None, *stages)]}


def _of_states(_: Any) -> dict[str, Any]:
    return {"order_counts": [0, 1, 2, 3, 5, 10], "stages": sorted({stage for stage, _ in STATES})}


def _matrix(asked: Mapping[str, Any]) -> Matrix:
    return Matrix(tuple(asked["names"]), np.array(asked["rows"], dtype=float))


def _churn(model: Any, asked: Mapping[str, Any]) -> Answers:
    return {"probability": _plain(model.predict(_matrix(asked)))}


def _value(model: Any, asked: Mapping[str, Any]) -> Answers:
    return {name: _plain(column) for name, column in model.expected(_matrix(asked)).items()}


def _affinity(model: Any, asked: Mapping[str, Any]) -> Answers:
    signals = Signals([(product_id, int(at), float(pieces)) for product_id, at, pieces in asked["purchases"]])
    own, related = model.recommend_one(signals, model.as_of, _LIST), model.similar(asked["related_to"], _LIST)
    return {
        name: [[one.product_id, float(one.score)] for one in found]
        for name, found in (("recommended", own), ("popular", model.popular(_LIST)), ("similar", related))
    }


def _response(model: Any, asked: Mapping[str, Any]) -> Answers:
    pairs = asked["asked"]
    return {
        "answered": [model.probability(action, stage) for action, stage in pairs],
        "unsubscribed": [model.unsubscribe_probability(action, stage) for action, stage in pairs],
        "evidence": [model.evidence(action, stage) for action, stage in pairs],
    }


def _personas(model: Any, asked: Mapping[str, Any]) -> Answers:
    return {"label": model.labels(_matrix(asked))}


def _journey(model: Any, asked: Mapping[str, Any]) -> Answers:
    stages, counts = asked["stages"], asked["order_counts"]
    return {
        "worth": [model.worth(stage, count) for stage in stages for count in counts],
        "difference": [model.difference(stage, count, to) for stage in stages for to in stages for count in counts],
        "leaving_share": [model.leaving_share],
    }


def _plain(values: Any) -> list[Any]:
    """Numbers as floats, null where there is none; days as text."""
    if values.dtype.kind == "M":
        return list(values.astype(str).tolist())
    return [None if math.isnan(value) else float(value) for value in values.tolist()]


_ASKED: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {
    "churn": _of_features,
    "value": _of_features,
    "affinity": _of_products,
    "response": _of_actions,
    "personas": _of_traits,
    "journey": _of_states,
}
_ANSWERED: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], Answers]]] = {
    "churn": _churn,
    "value": _value,
    "affinity": _affinity,
    "response": _response,
    "personas": _personas,
    "journey": _journey,
}
