"""The public Instacart baskets: orders and their lines in files of their own, and dates from the days between orders."""

import shutil
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.contract import ORDERS
from features.errors import InputError
from features.home import Home, open_home
from features.ingest.binding import fitting_preset
from features.ingest.mapping import load_mapping, parse_mapping
from features.ingest.run import ingest

TODAY = datetime(2024, 6, 1)
SAMPLE = Path(__file__).parent / "samples" / "instacart"
FILES = tuple(SAMPLE / name for name in ("orders.csv", "order_products__prior.csv", "order_products__train.csv"))
RECONSTRUCTED = "ordered_at: reconstructed from days between orders"
HEAD = "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order\n"
# 2017-12-31 is a Sunday, and 0 stands for Saturday. Customer 1: last on a Wednesday (4), 7 days after a Wednesday, which is 30 or more after a
# Sunday (1): 31; 6 days after a Monday (2). Customer 2: the order without lines is on the last Saturday, 29 days after three orders in one hour.
EXPECTED = {
    "101": "2017-11-13 08:00:00",
    "102": "2017-11-19 14:00:00",
    "103": "2017-12-20 21:00:00",
    "104": "2017-12-27 09:00:00",
    "201": "2017-12-01 10:00:00",
    "202": "2017-12-01 10:00:01",
    "203": "2017-12-01 10:00:02",
    "301": "2017-12-31 00:00:00",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def take(home: Home, *files: Path, mapping=None, **more):
    return ingest(home, {"orders": files or FILES}, mapping or load_mapping("instacart"), today=TODAY, **more)


def instants(home: Home) -> dict[str, str]:
    table = pd.read_parquet(home.table("orders"))
    return dict(zip(table.order_id, table.ordered_at.astype(str), strict=True))


def counts(findings) -> dict[tuple[str, str], int]:
    return {(f.reason, Path(f.file).name): f.count for f in findings}


def copied(tmp_path: Path, name: str, text: str) -> Path:
    shutil.copytree(SAMPLE, tmp_path / "given", dirs_exist_ok=True)
    (tmp_path / "given" / name).write_text(text)
    return tmp_path / "given"


def mapped(**changed):
    gaps = load_mapping("instacart").orders.heads.ordered_at_from.model_dump(mode="json") | changed
    heads = {"key": "order_id", "take": ["user_id"], "ordered_at_from": gaps}
    columns = {"customer_id": "user_id", "order_id": "order_id", "product_id": "product_id"}
    return parse_mapping({"orders": {"columns": columns, "heads": heads}}, source="test")


def test_instants_follow_from_gaps_weekdays_and_hours(home) -> None:
    report = take(home).table("orders")
    assert instants(home) == EXPECTED
    table = pd.read_parquet(home.table("orders")).drop_duplicates("order_id").set_index("order_id").sort_index()
    heads = pd.read_csv(SAMPLE / "orders.csv", dtype={"order_id": str}).set_index("order_id").loc[table.index]
    assert (table.customer_id == heads.user_id.astype(str)).all()
    assert (table.ordered_at.dt.hour == heads.order_hour_of_day).all()
    assert ((table.ordered_at.dt.day_of_week + 2) % 7 == heads.order_dow).all()  # Saturday is pandas' 5
    gaps = table.groupby("customer_id").ordered_at.transform(lambda at: at.dt.normalize().diff().dt.days)
    given = heads.days_since_prior_order
    assert (gaps == given)[given.notna() & (given < 30)].all()
    assert gaps[given == 30].tolist() == [31]
    assert (report.rows_read, report.rows_written, report.rows_now) == (11, 10, 10)


def test_what_was_made_dropped_and_not_taken_is_counted(home) -> None:
    report = take(home).table("orders")
    repaired = counts(report.repaired)
    prior, train = FILES[1].name, FILES[2].name
    assert (repaired[RECONSTRUCTED, prior], repaired[RECONSTRUCTED, train]) == (7, 3)
    (headless,) = report.dropped
    assert (headless.reason, headless.count, headless.line, headless.file) == (
        "lines whose order stands in no file of orders, or without a customer there",
        1,
        9,
        str(FILES[1]),
    )
    assert counts(report.noted) == {
        ("orders read, for their lines in other files", "orders.csv"): 9,
        ("orders without lines in these files, not taken", "orders.csv"): 1,
    }


def test_files_in_any_order_and_again_change_nothing(home) -> None:
    assert take(home).table("orders").changed
    assert not take(home).table("orders").changed
    assert not take(home, *reversed(FILES)).table("orders").changed
    assert not take(home, FILES[2], FILES[0]).table("orders").changed


def test_the_folder_of_the_whole_export(home) -> None:
    report = ingest(home, {"orders": [SAMPLE], "products": [SAMPLE / "products.csv"]}, load_mapping("instacart"), today=TODAY)
    assert instants(home) == EXPECTED
    passed = [Path(f.file).name for f in report.table("orders").noted if f.reason.startswith("file of the folder")]
    assert passed == ["aisles.csv", "departments.csv", "products.csv", "sample_submission.csv"]
    products = pd.read_parquet(home.table("products")).set_index("product_id")
    assert products.loc["14084", ["name", "category", "aisle_id"]].tolist() == [
        'Organic Unsweetened Vanilla Almond Milk, "Original"',
        "dairy eggs",
        91,
    ]


def test_a_missing_or_foreign_file_is_named(home) -> None:
    with pytest.raises(InputError, match=r"file with the orders is missing: columns order_id, user_id, .*order_products__prior\.csv"):
        take(home, FILES[1])
    with pytest.raises(InputError, match=r"the lines of the orders is missing: columns order_id, product_id"):
        take(home, FILES[0])
    with pytest.raises(InputError, match=r"products\.csv is neither a file of orders") as caught:
        take(home, *FILES, SAMPLE / "products.csv")
    assert "--products" in caught.value.remedy
    assert not home.table("orders").exists()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1,1,prior,1,2,08,\n2,1,prior,3,2,08,7.0\n", "order_number: not the next number"),
        ("1,1,prior,1,2,08,\n2,1,prior,2,2,08,\n", "days_since_prior_order: empty, and not the customer's first"),
        ("1,1,prior,1,2,08,\n2,1,prior,2,2,08,1.5\n", "days_since_prior_order: not a whole number of days"),
        ("1,1,prior,1,7,08,\n2,1,prior,2,2,08,2\n", "order_dow: not 0 to 6"),
        ("1,1,prior,1,2,24,\n2,1,prior,2,2,08,2\n", "order_hour_of_day: not 0 to 23"),
        ("1,1,prior,1,2,08,\n1,1,prior,2,2,08,2\n", "orders stand there more than once"),
    ],
)
def test_orders_that_cannot_be_counted_with_are_refused(home, tmp_path, rows, said) -> None:
    heads, lines = tmp_path / "orders.csv", tmp_path / "lines.csv"
    heads.write_text(HEAD + rows)
    lines.write_text("order_id,product_id\n1,P\n2,P\n")
    with pytest.raises(InputError, match=said):
        take(home, heads, lines)


def test_bad_customers_are_left_out_when_asked(home, tmp_path) -> None:
    text = (SAMPLE / "orders.csv").read_text().replace("102,1,prior,2,1,14,6.0", "102,1,prior,2,1,14,x")
    report = take(home, copied(tmp_path, "orders.csv", text), drop_bad_rows=True).table("orders")
    assert instants(home) == {order: at for order, at in EXPECTED.items() if not order.startswith("1")}
    assert {f.reason: f.count for f in report.dropped if f.reason == "ordered_at: empty" and "prior" in f.file} == {"ordered_at: empty": 4}


def test_gaps_count_where_weekdays_contradict_them_and_newest_day_can_be_set(home, tmp_path) -> None:
    text = HEAD + "1,1,prior,1,2,08,\n2,1,prior,2,5,08,2.0\n"
    (tmp_path / "orders.csv").write_text(text)
    (tmp_path / "lines.csv").write_text("order_id,product_id\n1,P\n2,P\n")
    mapping = mapped(newest_day="2024-02-29", first_weekday="sunday")  # a Thursday; 5 is a Friday: the 23rd
    report = take(home, tmp_path / "orders.csv", tmp_path / "lines.csv", mapping=mapping).table("orders")
    assert instants(home) == {"1": "2024-02-21 08:00:00", "2": "2024-02-23 08:00:00"}
    assert [f.count for f in report.noted if "contradicts" in f.reason] == [1]


def test_heads_with_dates_of_their_own_are_joined_as_they_stand(home, tmp_path) -> None:
    (tmp_path / "bills.csv").write_text("Bill,Client,When\n1.0,A,2024-01-02\n2,,2024-01-03\n")
    (tmp_path / "items.csv").write_text("Bill,Item,Pieces\n1,P,2\n2,P,1\n")
    columns = {"order_id": "Bill", "customer_id": "Client", "ordered_at": "When", "product_id": "Item", "quantity": "Pieces"}
    mapping = parse_mapping({"orders": {"columns": columns, "heads": {"key": "Bill", "take": ["Client", "When"]}}}, source="test")
    report = take(home, tmp_path / "items.csv", tmp_path / "bills.csv", mapping=mapping).table("orders")
    assert instants(home) == {"1": "2024-01-02"}
    assert [f.count for f in report.dropped] == [1]
    assert ("orders without a customer", "bills.csv") in counts(report.noted)


def test_a_mapping_of_heads_must_say_who() -> None:
    with pytest.raises(InputError, match="customer_id is one of When"):
        parse_mapping({"orders": {"columns": {"order_id": "Bill"}, "heads": {"key": "Bill", "take": "When"}}}, source="test")
    with pytest.raises(InputError, match=r"orders\.heads\.kee.*Keys there: key"):
        parse_mapping({"orders": {"heads": {"kee": "Bill", "key": "order_id", "take": "customer_id"}}}, source="test")


def test_the_export_is_recognised_by_its_orders_alone() -> None:
    assert fitting_preset(tuple(HEAD.strip().split(",")), ORDERS) == "instacart"
    assert fitting_preset(("order_id", "user_id", "product_id", "time"), ORDERS) is None
