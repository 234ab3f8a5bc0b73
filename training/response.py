"""The response model: how likely an action is answered, and how likely it makes someone unsubscribe, from what happened before.

Rates are counted per action, and per action and journey stage, and drawn towards what is believed without data (empirical Bayes with a
beta-binomial): a stage's rate towards the action's, the action's towards its prior from the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import pandas as pd

from training import artifacts

PRIOR_STRENGTH: Final = 20.0  # the prior counts like this many decisions
UNSUBSCRIBE_PRIOR: Final = 0.002
UNSUBSCRIBE_STRENGTH: Final = 500.0
ANSWERED: Final = "answered"
UNSUBSCRIBED: Final = "unsubscribed"


@dataclass
class Counts:
    """Decisions, and those with the outcome, per action and per (action, stage)."""

    actions: dict[str, tuple[float, float]] = field(default_factory=dict)
    stages: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def rate(self, action_id: str, stage: str | None, prior: float, strength: float) -> float:
        """The shrunk rate of an action in a stage; the action's own where the stage is None or unseen, the prior where both are."""
        action = _shrunk(self.actions.get(action_id), prior, strength)
        return action if stage is None else _shrunk(self.stages.get((action_id, stage)), action, strength)


class ResponseModel:
    """Shrunk rates of answers and unsubscriptions by action and stage. Without any data, exactly the priors."""

    as_of: datetime
    prior_strength = PRIOR_STRENGTH

    def __init__(self) -> None:
        self.answered = Counts()
        self.unsubscribed = Counts()
        self.priors: dict[str, float] = {}
        self.metrics: dict[str, float] = {}
        self.data_hash = ""
        self.version: str | None = None

    def fit(self, table: pd.DataFrame, priors: Mapping[str, float], *, as_of: datetime) -> Self:
        """Counts `table` (features.contacts.response_table: action_id, stage, answered, unsubscribed), which may be empty."""
        self.as_of, self.priors = as_of, dict(priors)
        self.answered, self.unsubscribed = _counts(table, ANSWERED), _counts(table, UNSUBSCRIBED)
        return self

    def probability(self, action_id: str, stage: str | None, prior: float | None = None) -> float:
        """P(answered | action, stage). `prior` stands in for the one given at fit; an action unknown to both has 0."""
        believed = self.priors.get(action_id, 0.0) if prior is None else prior
        return self.answered.rate(action_id, stage, believed, PRIOR_STRENGTH)

    def unsubscribe_probability(self, action_id: str, stage: str | None, prior: float = UNSUBSCRIBE_PRIOR) -> float:
        """P(unsubscribes | action, stage), drawn more strongly to its prior, since it is rare."""
        return self.unsubscribed.rate(action_id, stage, prior, UNSUBSCRIBE_STRENGTH)

    def evidence(self, action_id: str, stage: str | None) -> float:
        """Decisions counted for the action in the stage (in all stages where it is None); 0 where there were none."""
        counted = self.answered.actions.get(action_id) if stage is None else self.answered.stages.get((action_id, stage))
        return counted[0] if counted else 0.0

    def to_plain(self) -> dict[str, Any]:
        """The whole model as JSON data: `from_plain` gives back an equal one."""
        return {
            "as_of": self.as_of.isoformat(),
            "parameters": {"prior_strength": PRIOR_STRENGTH, "unsubscribe_strength": UNSUBSCRIBE_STRENGTH, "priors": dict(self.priors)},
            "counts": {ANSWERED: _to_rows(self.answered), UNSUBSCRIBED: _to_rows(self.unsubscribed)},
            "metrics": dict(self.metrics),
            "data_hash": self.data_hash,
            "version": self.version,
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Self:
        """The model that `to_plain` described."""
        model = cls()
        model.as_of = datetime.fromisoformat(data["as_of"])
        model.priors = dict(data["parameters"]["priors"])
        model.answered, model.unsubscribed = (_from_rows(data["counts"][name]) for name in (ANSWERED, UNSUBSCRIBED))
        model.metrics, model.data_hash, model.version = dict(data["metrics"]), str(data["data_hash"]), data.get("version")
        return model

    def save(self, folder: Path) -> None:
        """Writes the model into an existing, empty folder; the version is the registry's to give."""
        plain = self.to_plain()
        del plain["version"]
        artifacts.write_model(folder, {"kind": "response", "horizon_days": None, "feature_names": ["action_id", "stage"], **plain})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote. Raises InputError where the folder is damaged or holds another kind."""
        return cls.from_plain(artifacts.read_model(folder, "response"))


def _shrunk(counted: tuple[float, float] | None, prior: float, strength: float) -> float:
    n, hits = counted or (0.0, 0.0)
    return (hits + strength * prior) / (n + strength)


def _counts(table: pd.DataFrame, outcome: str) -> Counts:
    by_action = table.groupby("action_id")[outcome].agg(["size", "sum"])
    by_stage = table.dropna(subset=["stage"]).groupby(["action_id", "stage"])[outcome].agg(["size", "sum"])
    return Counts(
        {str(action): (float(n), float(hits)) for action, n, hits in by_action.itertuples()},
        {(str(action), str(stage)): (float(n), float(hits)) for (action, stage), n, hits in by_stage.itertuples()},
    )


def _to_rows(counts: Counts) -> list[list[str | float | None]]:
    actions: list[list[str | float | None]] = [[action, None, n, hits] for action, (n, hits) in counts.actions.items()]
    return actions + [[action, stage, n, hits] for (action, stage), (n, hits) in counts.stages.items()]


def _from_rows(rows: list[tuple[str, str | None, float, float]]) -> Counts:
    counts = Counts()
    for action, stage, n, hits in rows:
        if stage is None:
            counts.actions[action] = (n, hits)
        else:
            counts.stages[action, stage] = (n, hits)
    return counts
