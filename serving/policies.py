"""The policy that a server decides with: the home's rules, the settings' seed and holdout, the champion response model."""

from collections.abc import Collection

from structlog.typing import FilteringBoundLogger

from decisions.catalogue import load_catalogue
from decisions.default_catalogue import home_catalogue
from decisions.limits import DEFAULT_LIMITS, load_limits
from decisions.policy import Policy, default_policy
from features.home import Home, config_file
from serving.champions import Champions
from serving.settings import ServingSettings


def make_policy(
    settings: ServingSettings, home: Home, champions: Champions, log: FilteringBoundLogger, *, attributes: Collection[str] = ()
) -> Policy:
    """The policy of this home, whose rules may name these further `attributes` of customers.

    InputError names what in the catalogue or the limits cannot be used.
    """
    catalogue = load_catalogue(settings.catalogue or home_catalogue(home), attributes=attributes, currency=home.currency)
    limits = load_limits(config_file(home, DEFAULT_LIMITS), catalogue=catalogue)
    for warning in (*catalogue.warnings, *limits.warnings):
        log.warning("catalogue", why=warning)
    return default_policy(
        catalogue,
        limits,
        champions.response,
        journey=champions.journey,
        models={kind: card.version for kind, card in champions.cards.items()},
        seed=settings.seed,
        holdout_share=settings.holdout_share,
        random_share=settings.random_share,
        currency=home.currency,
    )
