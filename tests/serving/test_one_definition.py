"""One customer in a request and everybody in a batch: the same habits, the same products, under the same rules of merchandising."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from decisions.limits import Limits
from decisions.merchandising import Rules
from decisions.merchandising.rules import Block, Selection
from decisions.policy import default_policy
from decisions.situation import Situation
from decisions.situations import Knowledge, habits_of_shop, situations
from features.journey import load_stages
from serving.champions import Champions
from serving.current import Reader
from serving.decision_rows import Subject
from serving.desk import Desk
from serving.offering import Offering
from serving.older_policies import OlderPolicies
from serving.shop import Shops
from serving.situations import Situations
from serving.state.database import open_state
from training.affinity.model import AffinityModel

NOW = datetime(2025, 3, 1)


@pytest.fixture(scope="module")
def pair(known: Any, published: Path) -> tuple[dict[str, Situation], dict[str, Situation]]:
    """(as the API sees them, as a batch sees them): the situations of some customers."""
    model = AffinityModel.load((known.models / "affinity").resolve())
    category = known.tables.products.to_pandas().category.mode()[0]
    rules = Rules(blocks=(Block(Selection(categories=(category,))),))
    batch = {each.customer_id: each for each in situations(known.tables, NOW, Knowledge({}, model, load_stages(), rules=rules))}
    policy = default_policy(limits=Limits())
    made = Situations(Champions(affinity=model), policy, Offering(rules, model))
    desk = Desk(Reader(Shops({}), load_stages()), made, OlderPolicies(policy))
    state = open_state(f"sqlite:///{published}")
    with state.reading() as connection:
        online = {who: desk.read(connection, Subject(who), NOW)[1] for who in sorted(batch)[:60]}
    state.close()
    shown = {product.category for each in online.values() for products in each.products.values() for product in products}
    assert shown
    assert category not in shown
    return online, batch


def test_habits_are_the_same(pair: tuple[dict[str, Situation], dict[str, Situation]], known: Any) -> None:
    online, batch = pair
    for who, situation in online.items():
        assert situation.hours == batch[who].hours, who
        assert situation.answers == batch[who].answers, who
        assert situation.timezone == batch[who].timezone == ""
        assert situation.shop == batch[who].shop
    shop = next(iter(online.values())).shop
    assert shop == habits_of_shop(known.tables, NOW)
    assert sum(shop.hours) > 1_000
    assert shop.answers["email"][0] > shop.answers["email"][1] > 0


def test_an_older_publication_tells_no_habits(published: Path, tmp_path: Path) -> None:
    older = shutil.copy(published, tmp_path / "state.db")
    with closing(sqlite3.connect(older)) as opened, opened:
        (facts,) = opened.execute("SELECT facts FROM publications").fetchone()
        assert json.loads(facts)["habits"]["answers"]["email"]
        opened.execute("UPDATE publications SET facts = json_remove(facts, '$.habits')")
    state = open_state(f"sqlite:///{older}")
    with state.reading() as connection:
        told = Shops({}).current(connection).habits
    state.close()
    assert (told.answers, sum(told.hours), told.timezone) == ({}, 0.0, "UTC")


def test_products_are_the_same(pair: tuple[dict[str, Situation], dict[str, Situation]]) -> None:
    online, batch = pair
    for who, situation in online.items():
        assert situation.products == batch[who].products, who
    assert {source for each in online.values() for source in each.products} == {"cart", "viewed", "repeat", "affinity"}
