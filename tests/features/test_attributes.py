"""Customer attributes as features: one meaning in a table and in a profile, none that tells the future."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features import attributes, batch
from features.engine import tables_from_frames
from features.profiles import profiles

AS_OF = datetime(2025, 6, 1)
COUNT = 200


@pytest.fixture(scope="module")
def shop():
    rng = np.random.default_rng(5)
    orders = pd.DataFrame(
        {
            "customer_id": rng.integers(0, COUNT, 1500).astype(str),
            "order_id": np.arange(1500).astype(str),
            "ordered_at": [AS_OF - timedelta(hours=int(h)) for h in rng.integers(1, 9000, 1500)],
            "quantity": 1.0,
            "unit_price": rng.integers(1, 90, 1500).astype(float),
            "line_kind": "sale",
        }
    )
    spent = orders.groupby("customer_id").unit_price.sum()
    ids = [str(i) for i in range(COUNT)]
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "name": [f"Name {i % 4}" for i in range(COUNT)],
            "consent_email": [i % 2 == 0 for i in range(COUNT)],
            "city": [("Huế", "Hà Nội", None)[i % 3] for i in range(COUNT)],
            "vip": [i % 5 == 0 for i in range(COUNT)],
            "age": [None if i % 9 == 0 else float(20 + i * 37 % 60) for i in range(COUNT)],
            "note": [f"note {i}" for i in range(COUNT)],
            "same": "x",
            "total_spent": [float(spent.get(i, 0.0)) for i in ids],
            "joined_at": [AS_OF - timedelta(days=i * 7 % 300 - 20) for i in range(COUNT)],
        }
    )
    return tables_from_frames({"orders": orders, "customers": customers})


def test_numbers_instants_and_frequent_values_are_features(shop):
    names = attributes.attribute_names(shop, batch.features(shop, [AS_OF]))
    assert set(names) == {"attribute:city=Huế", "attribute:city=Hà Nội", "attribute:vip=true", "attribute:age", "attribute:joined_at"}


def test_a_profile_gives_what_the_table_gives(shop):
    known = batch.features(shop, [AS_OF])
    names = (*attributes.attribute_names(shop, known), "attribute:gone", "attribute:gone=x")
    table = attributes.beside(known, shop, names).set_index("customer_id")
    for customer_id, profile in profiles(shop).items():
        if customer_id in table.index:
            found = attributes.of_profile(profile, names, AS_OF)
            assert list(found) == list(names)
            np.testing.assert_allclose(list(found.values()), table.loc[customer_id, list(names)].to_numpy(float), err_msg=customer_id)
    assert table["attribute:joined_at"].isna().any()  # who joins later has not joined yet


def test_nobody_has_no_attributes():
    assert attributes.of_profile({}, ["attribute:city=Huế", "order_count"], AS_OF) == {"attribute:city=Huế": 0.0}
    assert np.isnan(attributes.of_profile({}, ["attribute:age"], AS_OF)["attribute:age"])
    zoned = attributes.of_profile({"joined_at": "2025-05-31T07:00:00+07:00"}, ["attribute:joined_at"], AS_OF)
    assert zoned == {"attribute:joined_at": 1.0}
