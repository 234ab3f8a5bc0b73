"""A policy: everything that decides, beside the customer's situation. The same policy, situation and ask give the same decision."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Final

from decisions.actions import Catalogue
from decisions.arbitration import PriorResponse, Response
from decisions.catalogue import load_catalogue
from decisions.exploration import Exploration
from decisions.limits import Limits, load_limits
from features.errors import InputError

RULES_VERSION: Final = 1
"""Rises when the same policy would decide otherwise: a change of gates, arbitration or exploration in the program itself."""
HOLDOUT_SHARE: Final = 0.05


@dataclass(frozen=True)
class Policy:
    """What may be done (catalogue, limits), how likely it is answered (response), and how it is drawn (exploration, holdout, seed).

    `version` names all of that: two policies of one version decide alike. `holdout_share` of the customers get no action, to measure
    what the others' actions bring; keep the seed of a home, since it says who they are. `currency` is for messages.
    """

    catalogue: Catalogue
    limits: Limits
    response: Response
    version: str
    seed: int
    exploration: Exploration
    holdout_share: float
    currency: str


def default_policy(
    catalogue: Catalogue | None = None,
    limits: Limits | None = None,
    response: Response | None = None,
    *,
    response_version: str = "",
    seed: int = 0,
    exploration: Exploration | None = None,
    holdout_share: float = HOLDOUT_SHARE,
    currency: str = "EUR",
) -> Policy:
    """The policy of these parts; what is left out is the default: catalogue, limits, the catalogue's response priors.

    Give `response_version` with a trained response model: it is part of the policy's version. Raises InputError for a share outside 0 to 1.
    """
    if not 0 <= holdout_share <= 1:
        raise InputError(f"The holdout share is {holdout_share}.", remedy="Give a share from 0 to 1.")
    catalogue = catalogue or load_catalogue(currency=currency)
    limits = limits or load_limits(channels=catalogue.channels)
    exploration = exploration or Exploration()
    response = response or PriorResponse()
    known_by = [type(response).__name__, response_version]
    parts = [RULES_VERSION, catalogue.digest, limits.digest, known_by, seed, asdict(exploration), holdout_share, currency]
    version = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
    return Policy(catalogue, limits, response, version, seed, exploration, holdout_share, currency)
