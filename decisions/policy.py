"""A policy: everything that decides, beside the customer's situation. The same policy, situation and ask give the same decision.

A policy can be told as plain data and made again of it, so that a decision can be replayed after the catalogue or a model has changed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from decisions import exploration as exploring
from decisions.actions import Catalogue
from decisions.arbitration import Arbiter
from decisions.catalogue import catalogue_of, load_catalogue
from decisions.exploration import Exploration, Thompson
from decisions.gates import Gates
from decisions.limits import Limits, limits_of, load_limits
from decisions.reading import document_of
from decisions.responses import Response, StageRates, response_from_plain
from decisions.value import Journey
from features.errors import InputError
from training.journey_value import JourneyValues
from training.response import ResponseModel

RULES_VERSION: Final = 2
"""Rises when the same policy would decide otherwise: a change of gates, arbitration or exploration in the program itself."""
HOLDOUT_SHARE: Final = 0.05
RANDOM_SHARE: Final = 0.02


@dataclass(frozen=True, eq=False)
class Policy:
    """What may be done (catalogue, limits), how likely it is answered (response), what that is worth (journey), and how it is drawn.

    `version` names all of that: two policies of one version decide alike. `holdout_share` of the customers get no action and `random_share` any
    allowed one, to measure what actions bring; keep the seed of a home, since it says who they are. `currency` is for messages. `models` are the
    versions of the models that were asked, by kind.
    """

    catalogue: Catalogue
    limits: Limits
    response: Response
    journey: Journey | None
    seed: int
    exploration: Exploration
    holdout_share: float
    random_share: float
    currency: str
    models: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """Changes with anything that may change a decision."""
        plain = {**self.to_plain(), "catalogue": self.catalogue.digest, "limits": self.limits.digest}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]

    @cached_property
    def gates(self) -> Gates:
        """Every gate, made ready."""
        return Gates(self.catalogue, self.limits)

    @cached_property
    def arbiter(self) -> Arbiter:
        """The terms, made ready."""
        return Arbiter(self.catalogue, self.gates, self.response, self.journey)

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON, of which `policy_from_plain` makes a policy that decides alike."""
        return {
            "rules_version": RULES_VERSION,
            "catalogue": {"text": self.catalogue.text, "attributes": list(self.catalogue.attributes)},
            "limits": self.limits.text,
            "response": self.response.to_plain(),
            "journey": None if self.journey is None else self.journey.to_plain(),
            "exploration": exploring.to_plain(self.exploration),
            "seed": self.seed,
            "holdout_share": self.holdout_share,
            "random_share": self.random_share,
            "currency": self.currency,
            "models": dict(self.models),
        }


def default_policy(
    catalogue: Catalogue | None = None,
    limits: Limits | None = None,
    response: ResponseModel | None = None,
    *,
    journey: Journey | None = None,
    seed: int = 0,
    exploration: Exploration | None = None,
    holdout_share: float = HOLDOUT_SHARE,
    random_share: float = RANDOM_SHARE,
    currency: str = "EUR",
    models: Mapping[str, str] | None = None,
) -> Policy:
    """The policy of these parts; what is left out is the default: catalogue, limits, the catalogue's response priors, Thompson's exploration.

    Raises InputError for a share outside 0 to 1; where both are more than everybody, the group without actions comes first.
    """
    for name, share in (("holdout", holdout_share), ("random", random_share)):
        if not 0 <= share <= 1:
            raise InputError(f"The {name} share is {share}.", remedy="Give a share from 0 to 1.")
    catalogue = catalogue or load_catalogue(currency=currency)
    limits = limits or load_limits(catalogue=catalogue)
    rates = StageRates.of(response, catalogue)
    drawn = exploration or Thompson()
    return Policy(catalogue, limits, rates, journey, seed, drawn, holdout_share, random_share, currency, dict(models or {}))


def policy_from_plain(plain: Mapping[str, Any]) -> Policy:
    """The policy that `to_plain` told of. InputError where another version of the program would decide otherwise."""
    if plain.get("rules_version") != RULES_VERSION:
        raise InputError(
            f"The policy is of the rules' version {plain.get('rules_version')}, this program's is {RULES_VERSION}.",
            remedy="Use the nextbest that made it.",
        )
    told = plain["catalogue"]
    catalogue = catalogue_of(document_of(told["text"], "catalogue.yaml"), attributes=told["attributes"], currency=plain["currency"])
    return Policy(
        catalogue=catalogue,
        limits=limits_of(document_of(plain["limits"], "limits.yaml"), catalogue=catalogue),
        response=response_from_plain(plain["response"], catalogue),
        journey=None if plain["journey"] is None else JourneyValues.from_plain(plain["journey"]),
        exploration=exploring.from_plain(plain["exploration"]),
        **{name: plain[name] for name in ("seed", "holdout_share", "random_share", "currency", "models")},
    )
