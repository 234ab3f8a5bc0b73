"""What a server answers with: models, rules, and all that hangs on them, made anew together when one of them changes."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from features.journey import Stages
from serving.champions import KINDS, load_champions
from serving.current import Reader
from serving.dependencies import Serving
from serving.looks import Looks
from serving.offering import Offering
from serving.policies import make_policy
from serving.shop import Shops
from serving.shop_rules import RuleReader
from serving.state import publications
from serving.state.database import State


def renewed(before: Serving, changed: Collection[str], looks: Looks) -> Serving:
    """The same server with these kinds of models and files of rules read again, as they looked; `before` goes on as it is.

    Parts that live as long as the server are the same objects: the database, its readers, the keys, counters, what is kept. Takes seconds, and is for
    a thread. What cannot be used is logged, counted and told (`Champions.refused`, `ShopRules.refused`); what was in use before stays.
    """
    rules, files = before.rules, [name for name in changed if name in before.rules.paths]
    if files:
        rules = RuleReader(before.home, attributes_of(before.state), before.log).again(rules, files)
    kinds = [kind for kind in KINDS if kind in changed]
    champions = load_champions(before.home, before.log, not_after=before.clock.pinned, before=before.champions, kinds=kinds)
    shops = before.reader.shops
    if rules.stages != before.rules.stages:
        shops = Shops(unreached(rules.stages), before.home.timezone)
    offering = before.offering
    if rules.recommendations is not before.rules.recommendations or champions.affinity is not before.champions.affinity:
        offering = Offering(rules.recommendations, champions.affinity)
    return replace(
        before,
        edition=before.edition + 1,
        looks=looks,
        rules=rules,
        champions=champions,
        reader=Reader(shops, rules.stages, rules.segments),
        reading=replace(before.reading, shops=shops),
        stored=replace(before.stored, model_version=champions.version("churn")),
        policy=make_policy(before.settings, before.home.currency, rules, champions),
        offering=offering,
    )


def attributes_of(state: State) -> list[str]:
    """The shop's own columns about customers, which its rules may name."""
    with state.reading() as connection:
        newest = publications.current(connection)
    return list(newest.facts.get("attributes", [])) if newest else []


def unreached(stages: Stages) -> dict[str, float]:
    """Levels that nobody reaches, for a shop that has published none."""
    return {level.name: np.inf for level in stages.levels}
