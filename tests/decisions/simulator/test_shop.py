from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from decisions.actions import Catalogue
from decisions.catalogue import load_catalogue
from decisions.simulator import Shop, simulate, write
from features.contract import EVENT_TYPES, LINE_KIND, OUTCOME_TYPES, POSTED_LINE, RETURNED_ORDER_DERIVED, RETURNED_ORDER_ID, STAGES, TABLES
from features.errors import InputError

UNSAID = [LINE_KIND, POSTED_LINE, RETURNED_ORDER_DERIVED, RETURNED_ORDER_ID]  # files of shops say none of these, or little
PANDAS_KINDS = {"text": {"str"}, "json": {"str"}, "instant": {"datetime64[us]"}, "number": {"float64"}, "flag": {"bool"}}


def small(catalogue: Catalogue, *, seed: int = 3, customers: int = 80, months: int = 4) -> Shop:
    return simulate(customers=customers, months=months, seed=seed, catalogue=catalogue)


def test_the_same_seed_gives_identical_tables(catalogue: Catalogue) -> None:
    one, two = small(catalogue), small(catalogue)
    for first, second in ((one.tables, two.tables), (one.truth, two.truth)):
        assert first.keys() == second.keys()
        for name in first:
            assert_frame_equal(first[name], second[name])


def test_another_seed_gives_another_shop(catalogue: Catalogue) -> None:
    one, two = small(catalogue), small(catalogue, seed=4)
    assert not one.tables["orders"].equals(two.tables["orders"])
    assert not one.tables["products"].list_price.equals(two.tables["products"].list_price)


def test_what_the_shop_offers_does_not_reshuffle_who_its_customers_are(catalogue: Catalogue, shorter: Catalogue) -> None:
    one, two = small(catalogue), small(shorter)
    for topic in ("customers", "tastes", "staples"):
        assert_frame_equal(one.truth[topic], two.truth[topic])
    assert_frame_equal(one.tables["products"], two.tables["products"])


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_the_contracts_columns_and_types(shop: Shop, name: str) -> None:
    table, contract = shop.tables[name], TABLES[name]
    assert list(table.columns[: len(contract.names)]) == list(contract.names)
    for column in contract.columns:
        assert str(table[column.name].dtype) in PANDAS_KINDS[column.kind], column.name
        if column.required and column.name != "customer_id":
            assert table[column.name].notna().all(), column.name
    if contract.instant:
        assert table[contract.instant].is_monotonic_increasing
        assert table[contract.instant].between("2024-01-01", "2025-01-01", inclusive="left").all()


def test_ids_are_unique(shop: Shop) -> None:
    for name in ("products", "customers", "events", "decisions", "outcomes"):
        assert not shop.tables[name].duplicated(list(TABLES[name].key)).any(), name
    sales = shop.tables["orders"].query("line_kind == 'sale'")
    assert not sales.duplicated(["order_id", "product_id"]).any()
    assert sales.groupby("order_id").ordered_at.nunique().eq(1).all()
    assert sales.groupby("order_id").customer_id.nunique(dropna=False).eq(1).all()


def test_every_reference_leads_somewhere(shop: Shop) -> None:
    orders, events = shop.tables["orders"], shop.tables["events"]
    products, customers = set(shop.tables["products"].product_id), set(shop.tables["customers"].customer_id)
    decisions = set(shop.tables["decisions"].decision_id)
    assert set(orders[orders.line_kind != "fee"].product_id) <= products
    assert set(orders[orders.line_kind == "fee"].product_id).isdisjoint(products)
    assert set(events.product_id.dropna()) <= products
    for table in (orders, events, shop.tables["decisions"]):
        assert set(table.customer_id.dropna()) <= customers
    assert set(events.decision_id.dropna()) <= decisions
    assert set(shop.tables["outcomes"].decision_id) <= decisions
    assert events[["customer_id", "visitor_id"]].notna().any(axis=1).all()


def test_words_are_the_contracts(shop: Shop) -> None:
    assert set(shop.tables["events"].event_type) == set(EVENT_TYPES)
    assert set(shop.tables["outcomes"].outcome_type) == set(OUTCOME_TYPES)
    assert set(shop.tables["decisions"].stage) == set(STAGES)


def test_purchase_events_are_the_orders_of_known_customers(shop: Shop) -> None:
    orders, events = shop.tables["orders"], shop.tables["events"]
    sales = orders[(orders.line_kind == "sale") & orders.customer_id.notna()]
    paid = (sales.quantity * sales.unit_price - sales.discount_amount).groupby(sales.order_id).sum()
    bought = events[events.event_type == "purchase"]
    bought = pd.Series(bought.value.to_numpy(), index=bought.properties.str.extract(r'"order_id": "(\d+)"')[0]).sort_index()
    assert bought.index.tolist() == paid.index.tolist()
    assert bought.to_numpy() == pytest.approx(paid.to_numpy())


def test_ingest_has_something_to_do(shop: Shop) -> None:
    orders, customers, products = (shop.tables[name] for name in ("orders", "customers", "products"))
    assert {"sale", "return", "fee"} == set(orders.line_kind)
    assert 0.005 < orders.customer_id.isna().mean() < 0.04
    returned = orders[orders.line_kind == "return"]
    assert (returned.quantity < 0).all()
    assert returned.order_id.str.startswith("C").all()
    assert returned.order_id.str.removeprefix("C").isin(orders.order_id).all()
    assert (orders[orders.line_kind == "sale"].unit_price == 0).any()
    assert set(customers.locale) == {"vi", "en"}
    assert customers.name.str.contains("Nguyễn").any()
    assert products.category.str.count(" > ").eq(2).all()
    assert {"consent_email", "consent_app", "consent_sms"} <= set(customers.columns)


def test_a_start_with_a_zone_is_that_instant_in_utc(catalogue: Catalogue) -> None:
    hanoi = datetime(2024, 3, 4, 7, tzinfo=timezone(timedelta(hours=7)))
    shop = simulate(customers=30, months=2, seed=1, start=hanoi, catalogue=catalogue)
    same = simulate(customers=30, months=2, seed=1, start=hanoi.astimezone(UTC).replace(tzinfo=None), catalogue=catalogue)
    assert_frame_equal(shop.tables["events"], same.tables["events"])
    assert shop.tables["events"].occurred_at.min() >= pd.Timestamp("2024-03-04")


@pytest.mark.parametrize("seed", range(5))
def test_one_customer_and_one_month_are_enough(catalogue: Catalogue, seed: int) -> None:
    shop = small(catalogue, seed=seed, customers=1, months=1)
    assert len(shop.tables["customers"]) == 1
    for name, table in TABLES.items():
        assert list(shop.tables[name].columns[: len(table.names)]) == list(table.names)


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ({"customers": 0, "months": 3, "seed": 1}, "--customers"),
        ({"customers": -5, "months": 3, "seed": 1}, "--customers"),
        ({"customers": 5, "months": 0, "seed": 1}, "--months"),
        ({"customers": 5, "months": -1, "seed": 1}, "--months"),
        ({"customers": 5, "months": 10_000, "seed": 1}, "--months"),
        ({"customers": 5, "months": 3, "seed": -1}, "--seed"),
    ],
)
def test_what_cannot_be_simulated_is_said_with_a_remedy(catalogue: Catalogue, arguments: dict[str, int], option: str) -> None:
    with pytest.raises(InputError) as raised:
        simulate(**arguments, catalogue=catalogue)
    assert option in raised.value.remedy


def test_written_files_read_back_as_the_tables(catalogue: Catalogue, tmp_path: Path) -> None:
    shop = small(catalogue)
    paths = write(shop, tmp_path / "csv")
    names = {str(path.relative_to(tmp_path / "csv")) for path in paths}
    assert {"orders.csv.gz", "products.csv", "customers.csv", "events.csv.gz", "decisions.csv.gz", "outcomes.csv.gz"} <= names
    assert "truth/customers.csv" in names
    for name, table in shop.tables.items():
        path = next(path for path in paths if path.parent.name == "csv" and path.name.startswith(name))
        texts = {c: "str" for c in table.columns if table[c].dtype == "str"}
        instants = [c for c in table.columns if table[c].dtype.kind == "M"]
        read = pd.read_csv(path, dtype=texts, parse_dates=instants)
        assert_frame_equal(read.drop(columns=LINE_KIND, errors="ignore"), table.drop(columns=UNSAID, errors="ignore"), check_dtype=False)


def test_parquet_keeps_types_and_states_only_fees(catalogue: Catalogue, tmp_path: Path) -> None:
    shop = small(catalogue)
    write(shop, tmp_path, "parquet")
    read = pd.read_parquet(tmp_path / "orders.parquet")
    assert_frame_equal(read.drop(columns=LINE_KIND), shop.tables["orders"].drop(columns=UNSAID))
    assert (read.line_kind.fillna("") == shop.tables["orders"].line_kind.where(lambda kind: kind == "fee").fillna("")).all()


def test_equal_shops_make_equal_files(catalogue: Catalogue, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(small(catalogue), tmp_path / folder)
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path


def test_a_folder_that_cannot_be_written_is_said_with_a_remedy(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="--out"):
        write(small(catalogue), tmp_path / "taken")


def test_the_default_catalogues_actions_are_tried_in_their_stages() -> None:
    catalogue = load_catalogue(None)
    decisions = simulate(customers=1200, months=9, seed=5).tables["decisions"]
    last_of_series = {series.action_ids[-1] for series in catalogue.series}  # few come so far
    assert set(decisions.action_id) | last_of_series == {action.action_id for action in catalogue.actions}
    for (action_id, stage), _ in decisions.groupby(["action_id", "stage"]):
        action = catalogue.action(str(action_id))
        assert action is not None
        assert not action.stages or stage in action.stages


def test_the_default_limits_hold_in_the_log() -> None:
    shop = simulate(customers=600, months=9, seed=5)
    decisions = shop.tables["decisions"].sort_values(["customer_id", "decided_at"])
    for group, days, most in (("offer", 30, 3), ("feedback", 30, 1)):
        ids = {action.action_id for action in load_catalogue(None).actions if group in action.groups}
        theirs = decisions[decisions.action_id.isin(ids)]
        assert len(theirs) > 100
        before = theirs.groupby("customer_id").decided_at.shift(most)
        # the week's beginning decides, up to an hour before the contact is made
        assert not (theirs.decided_at - before < pd.Timedelta(days=days) - pd.Timedelta(hours=1)).any(), group
    turns = decisions[decisions.action_id.isin(load_catalogue(None).series[0].action_ids)]
    assert len(turns) > 50
    assert not turns.duplicated(["customer_id", "action_id"]).any()
