"""`nextbest evaluate affinity` measures and registers nothing; the report lies where it was asked for."""

import json
from datetime import datetime, timedelta

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = datetime(2025, 1, 1, 9)
CUSTOMERS = 40


@pytest.fixture
def shop(nextbest, tmp_path):
    """Everybody buys two products of their own every ten days, and now and then a third; product names carry markup."""
    rows = [
        (f"c{c:02}", f"p{product:02}", START + timedelta(days=day, minutes=c))
        for c in range(CUSTOMERS)
        for day in range(c % 10, 120, 10)
        for product in {c % 11, (c + 3) % 11, (c * 7 + day) % 13}
    ]
    orders = pd.DataFrame(rows, columns=["customer_id", "product_id", "ordered_at"]).assign(quantity=1, unit_price=5.0)
    names = [f"<b>Thing {i}</b>" for i in range(13)]
    orders.to_csv(tmp_path / "orders.csv", index=False)
    pd.DataFrame({"product_id": [f"p{i:02}" for i in range(13)], "name": names}).to_csv(tmp_path / "products.csv", index=False)
    assert nextbest("ingest", "--orders", tmp_path / "orders.csv", "--products", tmp_path / "products.csv").code == 0
    return tmp_path


def test_a_table_is_printed_and_the_report_written_into_the_home(nextbest, shop):
    ended = nextbest("evaluate", "affinity")
    assert ended.code == 0, ended.err
    for words in ("repeats counted", "never bought before", "personal frequency", "popularity", "ranker", "ndcg_at_10"):
        assert words in ended.out
    (file,) = (shop / "home" / "reports").iterdir()
    assert file.name in ended.out
    html = file.read_text(encoding="utf-8")
    assert "&lt;b&gt;Thing 1&lt;/b&gt;" in html
    assert "<b>" not in html
    assert nextbest("models", "--json").out.strip() == "[]"


def test_json_tells_both_modes_and_an_earlier_time_sees_no_later_rows(nextbest, shop):
    file = shop / "earlier.md"
    ended = nextbest("evaluate", "affinity", "--as-of", "2025-03-15", "--horizon-days", "10", "--output", file, "--json")
    told = json.loads(ended.out)
    assert told["as_of"] == "2025-03-15 00:00:00"
    assert told["cut"] == "2025-03-05 00:00:00"
    assert told["horizon_days"] == 10
    assert {(row["mode"], row["way"]) for row in told["ways"]} >= {("all", "personal_frequency"), ("all", "ranker"), ("all", "blend")}
    assert sum(row["chosen"] for row in told["ways"]) == len({row["mode"] for row in told["ways"]})
    assert told["report"] == str(file)
    first = file.read_text(encoding="utf-8")
    orders = pd.read_csv(shop / "orders.csv")
    kept = orders[orders.ordered_at < "2025-03-15"]
    kept.to_csv(shop / "orders.csv", index=False)
    assert nextbest("ingest", "--orders", shop / "orders.csv", "--products", shop / "products.csv", home=shop / "other").code == 0
    assert (
        nextbest("evaluate", "affinity", "--as-of", "2025-03-15", "--horizon-days", "10", "--output", file, home=shop / "other").code == 0
    )
    assert file.read_text(encoding="utf-8") == first


def test_too_little_history_is_said(nextbest, tmp_path):
    pd.DataFrame({"customer_id": ["a", "b"], "product_id": ["p", "q"], "ordered_at": ["2025-01-01", "2025-01-09"]}).to_csv(
        tmp_path / "few.csv", index=False
    )
    assert nextbest("ingest", "--orders", tmp_path / "few.csv").code == 0
    ended = nextbest("evaluate", "affinity")
    assert ended.code == 0
    assert "too little history" in ended.err
    assert "too little history" in next((tmp_path / "home" / "reports").iterdir()).read_text(encoding="utf-8")


def test_mistakes_are_told_before_anything_is_computed(nextbest, shop):
    wrong = nextbest("evaluate", "affinity", "--output", shop / "report.pdf")
    assert (wrong.code, "Let the report end in .html or .md." in wrong.err) == (2, True)
    nowhere = nextbest("evaluate", "affinity", "--output", shop / "nowhere" / "report.html")
    assert (nowhere.code, "cannot be written" in nowhere.err) == (2, True)
    early = nextbest("evaluate", "affinity", "--as-of", "2020-01-01")
    assert (early.code, "Traceback" in early.err) == (2, False)


def test_training_keeps_both_reports_beside_the_model_card(nextbest, shop):
    assert nextbest("train", "affinity").code == 0
    kept = {file.name for file in (shop / "home" / "mlflow" / "artifacts" / "affinity").rglob("*") if file.is_file()}
    assert {"model_card.md", "affinity_report.html", "affinity_report.md"} <= kept
