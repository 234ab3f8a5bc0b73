"""The policy that a server decides with: the shop's rules, the settings' seed and shares, the champion models that it asks."""

from decisions.policy import Policy, default_policy
from serving.champions import Champions
from serving.settings import ServingSettings
from serving.shop_rules import ShopRules


def make_policy(settings: ServingSettings, currency: str, rules: ShopRules, champions: Champions) -> Policy:
    """The policy of these rules and models, in the home's currency."""
    return default_policy(
        rules.catalogue,
        rules.limits,
        champions.response,
        journey=champions.journey,
        models={kind: card.version for kind, card in champions.cards.items()},
        seed=settings.seed,
        holdout_share=settings.holdout_share,
        random_share=settings.random_share,
        currency=currency,
    )
