"""How likely actions are answered, as arbitration asks for it: customers x actions. Learned rates, or the catalogue's priors before there are any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from decisions.actions import Action, Catalogue
from features.contract import STAGES
from training.response import PRIOR_STRENGTH, UNSUBSCRIBE_PRIOR, ResponseModel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What is believed about answers, each customers x actions: the probability, how many decisions it counts like (its strength), how many of
    these were really made (evidence), and the probability that the contact makes the customer unsubscribe (leaving; by a pushed channel)."""

    probability: Floats
    strength: Floats
    evidence: Floats
    leaving: Floats

    def of(self, rows: Ints) -> "Beliefs":
        """These rows."""
        return Beliefs(self.probability[rows], self.strength[rows], self.evidence[rows], self.leaving[rows])


class Response(Protocol):
    """Whatever knows how likely the actions of a catalogue are answered."""

    def beliefs(self, stages: Ints) -> Beliefs:
        """What is believed of customers in these stages (places in `features.contract.STAGES`)."""

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON, of which `response_from_plain` makes an equal one."""


@dataclass(frozen=True, eq=False)
class StageRates:
    """Rates by action and stage: a response model's, or the catalogue's priors where there is no model."""

    model: ResponseModel | None
    by_stage: Beliefs

    @classmethod
    def of(cls, model: ResponseModel | None, catalogue: Catalogue) -> Self:
        """The rates of every action of the catalogue in every stage; what the model never saw has the catalogue's prior."""
        cells = [[_cell(model, action, stage) for action in catalogue.actions] for stage in STAGES]
        table = np.array(cells, dtype=np.float64)
        return cls(model, Beliefs(*(np.ascontiguousarray(table[:, :, part]) for part in range(4))))

    def beliefs(self, stages: Ints) -> Beliefs:
        """The rates of these stages."""
        return self.by_stage.of(stages)

    def to_plain(self) -> dict[str, Any]:
        """The model; empty for the priors alone."""
        return {} if self.model is None else self.model.to_plain()


def response_from_plain(plain: Mapping[str, Any], catalogue: Catalogue) -> StageRates:
    """The rates that `to_plain` told of."""
    return StageRates.of(ResponseModel.from_plain(dict(plain)) if plain else None, catalogue)


_NOTHING: Final = (0.0, 1.0, 0.0, 0.0)


def _cell(model: ResponseModel | None, action: Action, stage: str) -> Sequence[float]:
    if not action.response_prior and model is None:
        return _NOTHING
    if model is None:
        return action.response_prior, PRIOR_STRENGTH, 0.0, UNSUBSCRIBE_PRIOR
    evidence = model.evidence(action.action_id, stage)
    probability = model.probability(action.action_id, stage, action.response_prior)
    return probability, evidence + PRIOR_STRENGTH, evidence, model.unsubscribe_probability(action.action_id, stage)
