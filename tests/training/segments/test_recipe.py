from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.batch import features
from features.engine import tables_from_frames
from features.errors import InputError
from features.home import open_home
from training.registry import Registry
from training.segments.personas import PersonaModel
from training.segments.recipe import categories_bought, train_personas

AT = datetime(2024, 10, 1)
Orders = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(open_home(tmp_path_factory.mktemp("shop") / "home"))


def test_personas_become_champion_with_their_evidence_and_are_carried_on(shop_orders: Orders, registry: Registry, tmp_path: Path) -> None:
    products = pd.DataFrame({"product_id": [f"p{i}" for i in range(20)], "category": ["Coffee > Beans"] * 15 + ["Tea"] * 5})
    tables = tables_from_frames({"orders": shop_orders(450, 300), "products": products})
    first = train_personas(tables, registry, AT, data_hash="abc")
    assert first.promoted
    second = train_personas(tables, registry, AT + timedelta(days=7))
    assert second.metrics["kept_share"] >= 0.9
    assert "of the customers keep theirs" in second.why
    registry.export_champions(tmp_path)
    loaded = PersonaModel.load((tmp_path / "personas").resolve())
    assert loaded.version == second.version
    assert all(dict(one.categories).keys() == {"Coffee", "Tea"} for one in loaded.personas)
    former = PersonaModel.load(registry.fetch("personas", first.version))
    known = features(tables, [AT])
    assert (former.predict(known) == loaded.predict(known)).mean() >= 0.9
    card = (registry.fetch("personas").parent / "model_card.md").read_text()
    assert f"persona {loaded.personas[0].label}: {loaded.personas[0].name()}" in card


def test_a_category_is_the_widest_part_and_missing_where_it_is_unknown(shop_orders: Orders) -> None:
    products = pd.DataFrame({"product_id": ["p1", "p2"], "category": ["Coffee > Beans", None]})
    bought = categories_bought(tables_from_frames({"orders": shop_orders(30, 100), "products": products}), AT)
    assert set(bought.category.dropna()) == {"Coffee"}
    assert bought.category.isna().any()


def test_too_few_customers_are_told(shop_orders: Orders, registry: Registry) -> None:
    with pytest.raises(InputError, match="30 customers have bought; personas need 100"):
        train_personas(tables_from_frames({"orders": shop_orders(30, 100)}), registry, AT)
