"""Affinity on Spark: factors that rank as well as implicit's, and the same lists as on this machine."""

import functools
import sys
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from features.engine import connect
from features.interactions import Interactions
from serving.cli.main import main
from training.affinity.engines import factoriser
from training.affinity.model import COLUMNS, AffinityModel
from training.affinity.orders import BLEND, Order, Orders
from training.affinity.saved import flat, recommend_saved
from training.affinity.sources.factors import factorise

TYPES = dict(zip(COLUMNS, ("str", "str", "int64", "float64", "str"), strict=True))


@pytest.fixture(scope="module")
def engine(spark_master):
    return connect(engine="spark", spark_master=spark_master)


@pytest.fixture(scope="module")
def product_factors(engine):
    from features.spark.factorisation import product_factors  # noqa: PLC0415 - it needs pyspark

    return functools.partial(product_factors, engine)


@pytest.fixture(scope="module")
def map_customers(engine):
    from features.spark.customer_groups import map_customers  # noqa: PLC0415 - it needs pyspark

    return functools.partial(map_customers, engine)


@pytest.fixture(scope="module")
def tastes():
    """600 customers of five tastes, who bought about a third of the 80 products of theirs and few others; and what was held out."""
    rng = np.random.default_rng(3)
    own = np.arange(400)[None, :] // 80 == np.arange(600)[:, None] % 5
    bought = np.where(own, rng.random(own.shape) < 0.3, rng.random(own.shape) < 0.002)
    held_out = bought & own & (rng.random(own.shape) < 0.3)
    weight = (bought & ~held_out) * rng.exponential(1.0, own.shape)
    return csr_matrix(weight.astype(np.float32)), held_out


def recall(factors, frequency, held_out):
    """Of what each customer bought and was not shown, the share among the best 80 that they were not shown to have bought."""
    folded = np.stack([factors.fold_in(own.indices, own.data.astype(float)) for own in map(frequency.getrow, range(frequency.shape[0]))])
    scores = np.where(frequency.toarray() > 0, -1.0, folded @ factors.products.T)
    best = np.argsort(-scores, axis=1)[:, :80]
    return np.take_along_axis(held_out, best, axis=1).sum() / held_out.sum()


def test_factors_rank_what_was_held_out_as_well_as_those_of_implicit(product_factors, tastes):
    frequency, held_out = tastes
    ours = factorise(frequency, np.random.default_rng(0), threads=1)
    theirs = factoriser(product_factors)(frequency, np.random.default_rng(0))
    assert theirs.products.shape == ours.products.shape
    chance = 80 / 400
    assert recall(ours, frequency, held_out) > 3 * chance
    assert abs(recall(theirs, frequency, held_out) - recall(ours, frequency, held_out)) < 0.03


def test_the_same_seed_gives_the_same_factors_and_products_without_rows_none(product_factors):
    rng = np.random.default_rng(0)
    rows = pa.table({"customer": np.repeat(np.arange(20), 5), "product": np.tile([0, 1, 2, 4, 6], 20), "weight": rng.exponential(1.0, 100)})
    settings = {"products": 8, "factors": 3, "regularization": 1.0, "confidence": 5.0, "iterations": 4}
    found = product_factors(rows, seed=1, **settings)
    assert found.shape == (8, 3)
    assert found.any(axis=1).tolist() == [True, True, True, False, True, False, True, False]
    np.testing.assert_allclose(product_factors(rows, seed=1, **settings), found, rtol=1e-4)


def test_too_few_customers_or_products_have_no_factors():
    def never(*_rows, **_settings):
        raise AssertionError("there is nothing to learn from")

    assert factoriser(never)(csr_matrix(np.ones((2, 9), np.float32)), np.random.default_rng(0)) is None


@pytest.fixture(scope="module")
def purchases():
    """Rows of 90 customers, whose ids are in other scripts, in no order of theirs."""
    rng = np.random.default_rng(5)
    rows = 1500
    customer, product = rng.integers(90, size=rows), rng.integers(40, size=rows)
    at = [datetime(2025, 1, 1) + timedelta(hours=int(h)) for h in np.sort(rng.integers(2400, size=rows))]
    return pd.DataFrame(
        {
            "customer_id": pd.Series([f"khách-{c}é" if c % 2 else f"c {c}" for c in customer], dtype="str"),
            "product_id": pd.Series([f"P{(p + c % 3 * 9) % 40}" for c, p in zip(customer, product, strict=True)], dtype="str"),
            "order_id": pd.Series([f"o{n}" for n in range(rows)], dtype="str"),
            "ordered_at": pd.Series(at, dtype="datetime64[us]"),
            "quantity": 1.0,
        }
    )


def test_everybody_gets_the_list_that_they_get_here(map_customers, purchases, tmp_path):
    others = purchases.product_id.to_numpy()[::-1]
    seen = purchases[["customer_id"]].assign(product_id=others, event_type="product_view", occurred_at=datetime(2025, 4, 1)).iloc[::3]
    known = Interactions(purchases, seen.astype({"event_type": "str", "occurred_at": "datetime64[us]"}))
    orders, sources = Orders({"all": Order(BLEND, 0.3), "new": Order(BLEND, 1.0)}), ("matrix_factorisation", "bought_together", "looked_at")
    model = AffinityModel(orders, sources=sources, threads=1).fit(known, as_of=datetime(2025, 4, 20))
    model.save(tmp_path)
    offered = np.arange(len(model.product_ids)) % 5 != 0
    options = {"offered": offered, "exclude_purchased": True}
    expected = model.recommend(known, 7, **options)
    assert expected.customer_id.nunique() == 90
    assert "looked_at" in set(expected.source)
    found = map_customers(functools.partial(recommend_saved, folder=tmp_path, n=7, **options), flat(known), TYPES, part=200)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_command_trains_and_scores_on_spark(spark_master, monkeypatch, tmp_path):
    """`nextbest --engine spark`: factors of MLlib's, lists by the workers, the same as this machine makes with that champion."""
    rng = np.random.default_rng(0)
    rows = [
        (f"c{c}", f"p{5 * (c % 4) + p}", datetime(2025, 1, 1) + timedelta(days=7 * week + c % 7))
        for c in range(80)
        for week in range(20)
        for p in rng.choice(5, 2, replace=False)
    ]
    orders = pd.DataFrame(rows, columns=["customer_id", "product_id", "ordered_at"]).assign(quantity=1, unit_price=5.0)
    orders.to_csv(tmp_path / "orders.csv", index=False)
    monkeypatch.setenv("NEXTBEST_SPARK_MASTER", spark_master)
    from features.spark import customer_groups, factorisation  # noqa: PLC0415 - they need pyspark

    asked = []
    monkeypatch.setattr(factorisation, "product_factors", counted(factorisation.product_factors, asked))
    monkeypatch.setattr(customer_groups, "map_customers", counted(customer_groups.map_customers, asked))
    nextbest(tmp_path, "ingest", "--orders", tmp_path / "orders.csv")
    nextbest(tmp_path, "--engine", "spark", "train", "affinity", "--horizon-days", 14)
    assert asked.count("product_factors") > 1, "at each cut, and at last"
    nextbest(tmp_path, "--engine", "spark", "score", "affinity", "--top", 4, "--output", tmp_path / "there.parquet")
    assert asked.count("map_customers") == 1
    nextbest(tmp_path, "score", "affinity", "--top", 4, "--output", tmp_path / "here.parquet")
    assert asked.count("map_customers") == 1
    there = pd.read_parquet(tmp_path / "there.parquet")
    assert there.customer_id.nunique() == 80
    pd.testing.assert_frame_equal(there, pd.read_parquet(tmp_path / "here.parquet"))


def counted(function, names):
    """The function, its name noted at every call."""

    @functools.wraps(function)
    def called(*arguments, **settings):
        names.append(function.__name__)
        return function(*arguments, **settings)

    return called


def nextbest(folder, *words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["nextbest", "--home", str(folder / "home"), *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code


def test_a_part_holds_whole_customers_in_their_order(map_customers, purchases):
    def told(rows):
        assert rows.dtypes.astype(str).tolist() == types
        lists = rows.groupby("customer_id", sort=False).order_id
        return lists.agg(",".join).reset_index(name="source").assign(rank=len(rows))

    types = purchases.dtypes.astype(str).tolist()
    columns = {"customer_id": "str", "source": "str", "rank": "int64"}
    found = map_customers(told, purchases, columns, part=200)
    expected = told(purchases).sort_values("customer_id", ignore_index=True)
    assert found.customer_id.tolist() == expected.customer_id.tolist()
    assert found.source.tolist() == expected.source.tolist()
    assert found["rank"].max() < len(purchases) / 2
    assert found["rank"].nunique() > 3


def test_no_rows_have_the_answer_of_no_rows(map_customers, purchases):
    assert map_customers(lambda rows: rows.assign(rank=1), purchases[:0], TYPES).columns.tolist() == [*purchases.columns, "rank"]
