from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.batch import features
from features.definitions import NAMES
from features.engine import tables_from_frames
from features.errors import InputError
from training.segments.clusters import letters, match
from training.segments.personas import PersonaModel
from training.segments.traits import traits

AS_OF = datetime(2025, 6, 1)
KINDS = {  # orders, lines per order, value per order, discount, by app, in the evening, days since the last order
    "stock up": (12.0, 14.0, 150.0, 0.02, 0.1, 0.2, 12.0),
    "snack": (40.0, 1.5, 8.0, 0.02, 0.9, 0.7, 3.0),
    "bargain": (6.0, 4.0, 40.0, 0.4, 0.1, 0.3, 40.0),
    "once": (1.0, 3.0, 45.0, 0.05, 0.2, 0.3, 150.0),
}


def customers(each: int, seed: int = 1, *, first: int = 0) -> pd.DataFrame:
    """Customers of every kind, with noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for kind, (orders, lines, value, discount, app, evening, silence) in KINDS.items():
        n = np.maximum(1.0, np.round(orders * rng.lognormal(0, 0.2, each))) if orders > 1 else np.ones(each)
        of_order = value * rng.lognormal(0, 0.2, each)
        rows.append(
            pd.DataFrame(
                {
                    "kind": kind,
                    "order_day_count": n,
                    "lines_per_order_mean": lines * rng.lognormal(0, 0.2, each),
                    "value_per_order_mean": of_order,
                    "value_total": n * of_order,
                    "discount_share": np.clip(discount + rng.normal(0, 0.03, each), 0, 1),
                    "app_order_share": rng.binomial(n.astype(int), app) / n,
                    "evening_share": rng.binomial(n.astype(int), evening) / n,
                    "days_since_last_order": silence * rng.lognormal(0, 0.4, each),
                    "gap_mean_days": np.where(n > 1, 365.0 / n, np.nan),
                }
            )
        )
    frame = pd.concat(rows, ignore_index=True)
    frame["customer_id"] = [f"{kind}{first + i % each}" for i, kind in enumerate(frame.kind)]
    return frame.reindex(columns=[*frame.columns, *(name for name in NAMES if name not in frame)])


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    return customers(150)


@pytest.fixture(scope="module")
def model(shop: pd.DataFrame) -> PersonaModel:
    bought = pd.DataFrame({"customer_id": shop.customer_id, "category": shop.kind.map({"snack": "Coffee"}).fillna("Tea")})
    return PersonaModel().fit(shop, as_of=AS_OF, bought=bought)


def test_kinds_of_customers_are_found_and_told_apart(shop: pd.DataFrame, model: PersonaModel) -> None:
    found = pd.crosstab(shop.kind, model.predict(shop))
    assert found.shape == (4, 4), "as many groups as there are kinds, chosen by the data"
    assert (found.max(axis=1) >= 0.97 * 150).all()
    of = {kind: next(one for one in model.personas if one.label == found.loc[kind].idxmax()) for kind in KINDS}
    assert of["snack"].name() == "by app, in the evening"
    assert "big baskets" in of["stock up"].name()
    assert "discount hunters" in of["bargain"].name()
    assert "one-time buyers" in of["once"].name()
    assert "chỉ mua một lần" in of["once"].name("vi")
    assert len({one.name() for one in model.personas}) == 4
    assert sum(one.share for one in model.personas) == pytest.approx(1.0)


def test_descriptions_tell_what_is_typical(shop: pd.DataFrame, model: PersonaModel) -> None:
    snack = next(one for one in model.personas if one.label == model.predict(shop)[shop.kind == "snack"].mode()[0])
    said = snack.description(currency="EUR")
    assert said.startswith("25% of the customers; 1.5 products per order; ")
    assert "an order every 9 days, 40 so far, the last one 3 days ago" in said
    assert "% of orders by app" in said
    assert said.endswith("favourite categories: Coffee (100%).")
    assert "EUR per order" in said
    assert snack.description("vi").startswith("25% khách hàng; 1,5 sản phẩm mỗi đơn; ")
    for one in model.personas:
        for locale in ("en", "vi"):
            assert not set("{}[]@") & set(one.description(locale) + one.name(locale))


def test_labels_last_when_customers_join_and_a_week_passes(shop: pd.DataFrame, model: PersonaModel) -> None:
    before = model.predict(shop)
    more = pd.concat([shop, customers(8, 9, first=1000)], ignore_index=True)
    again = PersonaModel().fit(more, as_of=AS_OF + timedelta(days=7), previous=model)
    assert (again.predict(shop) == before).mean() >= 0.95
    older = shop.days_since_last_order + 7.0
    week = shop.assign(days_since_last_order=np.where(older > shop.gap_mean_days, older - shop.gap_mean_days.fillna(0.0), older))
    later = PersonaModel().fit(week, as_of=AS_OF + timedelta(days=7), previous=again)
    assert (later.predict(week) == before).mean() >= 0.95
    assert later.metrics["kept_share"] >= 0.95


def test_a_new_kind_gets_a_new_letter_and_a_letter_that_went_stays_away(shop: pd.DataFrame, model: PersonaModel) -> None:
    gone = model.predict(shop)[shop.kind == "snack"].mode()[0]
    without = shop[shop.kind != "snack"]
    second = PersonaModel().fit(without, as_of=AS_OF, previous=model)
    assert gone not in {one.label for one in second.personas}
    third = PersonaModel().fit(shop, as_of=AS_OF, previous=second)
    snack = third.predict(shop)[shop.kind == "snack"].mode()[0]
    assert snack not in set("ABCD") | set(second.used)
    kept = without.index
    assert (third.predict(shop)[kept] == model.predict(shop)[kept]).mean() >= 0.95, "the others keep theirs all the time"


def test_one_customer_is_in_the_same_persona_alone_as_among_all_also_after_loading(
    shop: pd.DataFrame, model: PersonaModel, tmp_path: Path
) -> None:
    model.save(tmp_path)
    loaded = PersonaModel.load(tmp_path)
    everybody = model.predict(shop)
    assert loaded.predict(shop).tolist() == everybody.tolist()
    assert loaded.personas == model.personas
    assert [loaded.predict(shop.iloc[[i]]).iloc[0] for i in range(0, 600, 7)] == everybody.iloc[::7].tolist()
    assert loaded.predict(shop.assign(order_day_count=np.nan)).isna().all()
    assert loaded.predict(shop.iloc[:0]).empty
    unknown = pd.DataFrame([{**dict.fromkeys(traits(), np.nan), "order_day_count": 2.0}])
    assert loaded.predict(unknown).iloc[0] in loaded.used


def test_too_few_customers_and_customers_all_alike_are_refused(shop: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="24 customers have bought; personas need 100"):
        PersonaModel().fit(shop.groupby("kind").head(6), as_of=AS_OF)
    with pytest.raises(InputError, match="do not differ"):
        PersonaModel().fit(shop.iloc[[0] * 300], as_of=AS_OF)


def test_a_real_shop_keeps_its_labels_with_more_customers_and_a_week_later(shop_orders: Callable[..., pd.DataFrame]) -> None:
    orders, more = shop_orders(450, 300), shop_orders(472, 300)
    at = datetime(2024, 10, 1)
    model = PersonaModel().fit(features(tables_from_frames({"orders": orders}), [at]), as_of=at)
    for table, when in ((orders, at + timedelta(days=7)), (pd.concat([orders, more[~more.customer_id.isin(orders.customer_id)]]), at)):
        known = features(tables_from_frames({"orders": table}), [when])
        again = PersonaModel().fit(known, as_of=when, previous=model)
        assert again.metrics["kept_share"] >= 0.9
        joined = known.set_index("customer_id")
        same = again.predict(joined) == model.predict(joined)
        assert same.mean() >= 0.9


GROUP = st.integers(0, 4)


@given(st.lists(st.tuples(GROUP, GROUP), min_size=20, max_size=80), st.integers(0, 1))
def test_labels_are_matched_one_to_one_and_never_used_twice(pairs: list[tuple[int, int]], extra: int) -> None:
    now, before = (np.array(column) for column in zip(*pairs, strict=True))
    former, used, near = tuple("ABCDE"), tuple("ABCDEF")[: 5 + extra], np.zeros((5, 5))
    found = match(now, before, near, former=former, used=used)
    assert len(set(found)) == 5
    assert all(label in former or label not in used for label in found)
    relabelled = match((now + 1) % 5, now, near, former=former, used=used)
    for group in set(now.tolist()):
        assert relabelled[(group + 1) % 5] == "ABCDE"[group], "the same customers in another order are the same groups"


def test_letters_go_on_after_z() -> None:
    fresh = letters({"A", "AB"})
    assert [next(fresh) for _ in range(27)] == [*"BCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AC"]


def test_what_is_unknown_counts_as_usual_and_what_lies_far_out_no_further(shop: pd.DataFrame, model: PersonaModel) -> None:
    scaled = model.scale.apply(shop.iloc[[0, 0, 0]].assign(value_per_order_mean=[np.nan, 1e6, 1e12]))
    j = model.scale.names.index("value_per_order_mean")
    assert scaled[0, j] == 0.0
    assert scaled[1, j] == scaled[2, j] == 3.0
