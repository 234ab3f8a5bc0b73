"""Products, customers, events, decisions and outcomes: keys, flags, JSON, words and attributes."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.contract import TABLES
from features.errors import InputError
from features.home import Home, open_home
from features.ingest.mapping import parse_mapping
from features.ingest.run import ingest

TODAY = datetime(2024, 6, 1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def take(home: Home, table: str, text: str, *, options: dict | None = None, **more):
    file = home.root.parent / f"{table}.csv"
    file.write_text(text, encoding="utf-8")
    return ingest(home, {table: [file]}, parse_mapping({table: options or {}}, source="test"), today=TODAY, **more)


def read(home: Home, table: str) -> pd.DataFrame:
    return pd.read_parquet(home.table(table))


def test_a_product_that_comes_again_changes_in_the_columns_that_it_brings(home) -> None:
    take(home, "products", "product_id,name,list_price,available\nP,Hat,10,yes\nQ,Cap,5,0\n")
    take(home, "products", "product_id,list_price,colour\nP,12,red\nR,1,\n")
    table = read(home, "products").set_index("product_id")
    assert table.list_price.to_dict() == {"P": 12.0, "Q": 5.0, "R": 1.0}
    assert table.name["P"] == "Hat"
    assert table.colour["P"] == "red"
    assert table.available[["P", "Q"]].tolist() == [True, False]


def test_the_last_of_two_rows_of_one_key_counts_and_that_is_reported(home) -> None:
    report = take(home, "products", "product_id,name\nP,old\nQ,x\nP,new\n").table("products")
    assert read(home, "products").set_index("product_id").name.to_dict() == {"P": "new", "Q": "x"}
    assert (report.rows_written, report.rows_now) == (2, 2)
    assert (report.dropped[0].count, report.dropped[0].line, report.dropped[0].value) == (1, 2, "P")


def test_customers_keep_consent_as_flags_and_attributes_as_numbers_or_text(home) -> None:
    take(
        home,
        "customers",
        "customer_id,Consent_Email,consent_sms,age,postcode,segment,joined_at\nA,1,no,31,01234,gold,2020-01-01\nB,,yes,,99999,x,\n",
    )
    table = read(home, "customers").set_index("customer_id")
    assert table.consent_email["A"] is True
    assert pd.isna(table.consent_email["B"])
    assert table.consent_sms.tolist() == [False, True]
    assert table.age["A"] == 31.0
    assert table.postcode.tolist() == ["01234", "99999"]
    assert list(table.columns[-5:]) == ["age", "consent_email", "consent_sms", "postcode", "segment"]


def test_an_attribute_that_turns_out_to_be_text_becomes_text(home) -> None:
    take(home, "customers", "customer_id,club\nA,1\nB,2.5\n")
    take(home, "customers", "customer_id,club\nC,gold\n")
    assert read(home, "customers").club.tolist() == ["1", "2.5", "gold"]


def test_a_consent_that_is_no_flag_is_refused(home) -> None:
    with pytest.raises(InputError, match=r"consent_email: neither true nor false: 1 of 1 rows, first at line 2: 'perhaps'"):
        take(home, "customers", "customer_id,consent_email\nA,perhaps\n")


EVENTS = "event_id,visitor_id,event_type,occurred_at,value,properties\n"


def test_events_are_kept_once_by_their_id(home) -> None:
    text = EVENTS + '1,v,Product_View,2024-01-01 10:00:00,,"{""page"": 1}"\n2,v,survey_answered,2024-01-02,9,\n'
    take(home, "events", text)
    before = home.table("events").read_bytes()
    again = take(home, "events", text)
    assert home.table("events").read_bytes() == before
    assert not again.table("events").changed
    assert read(home, "events").event_type.tolist() == ["product_view", "survey_answered"]
    assert read(home, "events").properties[0] == '{"page": 1}'


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,v,vue,2024-01-01,,", r"event_type: not one of impression"),
        ("1,,page_view,2024-01-01,,", "customer_id and visitor_id: empty"),
        (",v,page_view,2024-01-01,,", "event_id: empty"),
        ("1,v,page_view,2024-01-01,,{'a': 1}", "properties: not JSON"),
    ],
)
def test_events_that_are_none_are_refused(home, row: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        take(home, "events", EVENTS + row + "\n")


def test_a_shops_own_words_are_mapped(home) -> None:
    take(home, "events", EVENTS + "1,v,addtocart,2024-01-01,,\n", options={"values": {"event_type": {"addtocart": "add_to_cart"}}})
    assert read(home, "events").event_type.tolist() == ["add_to_cart"]


def test_events_need_somebody(home) -> None:
    with pytest.raises(InputError, match="lacks customer_id or visitor_id"):
        take(home, "events", "event_id,event_type,occurred_at\n1,page_view,2024-01-01\n")


def test_decisions_and_outcomes(home, tmp_path) -> None:
    decisions = pd.DataFrame(
        {
            "decision_id": ["d1"],
            "customer_id": ["A"],
            "decided_at": pd.to_datetime(["2024-01-01"]),
            "action_id": ["mens_email"],
            "action_probability": [1 / 3],
            "holdout": [False],
            "candidates": [[{"action_id": "mens_email", "allowed": True, "probability": 1 / 3}]],
        }
    )
    decisions.to_parquet(tmp_path / "decisions.parquet")
    (tmp_path / "outcomes.csv").write_text("event_id,decision_id,outcome_type,occurred_at,value\no1,d1,converted,2024-01-02,20\n")
    sources = {"decisions": [tmp_path / "decisions.parquet"], "outcomes": [tmp_path / "outcomes.csv"]}
    report = ingest(home, sources, today=TODAY)
    assert [t.table for t in report.tables] == ["decisions", "outcomes"]
    row = read(home, "decisions").iloc[0]
    assert row.candidates == '[{"action_id":"mens_email","allowed":true,"probability":0.3333333333333333}]'
    assert row.action_probability == pytest.approx(1 / 3)
    assert not row.holdout
    assert read(home, "outcomes").value.tolist() == [20.0]


def test_a_probability_of_zero_is_refused(home) -> None:
    text = "decision_id,customer_id,decided_at,action_id,action_probability\nd,A,2024-01-01,x,0\n"
    with pytest.raises(InputError, match="action_probability: not above 0 up to 1"):
        take(home, "decisions", text)


def test_every_table_round_trips_through_its_own_file(home, tmp_path) -> None:
    """What the home holds may be exported and ingested again: nothing changes."""
    rows = {
        "orders": "customer_id,order_id,product_id,ordered_at,quantity,unit_price\nA,1,P,2024-01-01,1,2\nA,2,P,2024-01-03,-1,2\n",
        "products": "product_id,name,available_from\nP,Hat,2023-05-01\n",
        "customers": "customer_id,joined_at,consent_email,age\nA,2023-01-01,true,30\n",
        "events": "event_id,customer_id,event_type,occurred_at\n1,A,page_view,2024-01-01\n",
        "decisions": "decision_id,customer_id,decided_at,action_id,action_probability,features\nd,A,2024-01-01,x,0.5,{}\n",
        "outcomes": "event_id,decision_id,outcome_type,occurred_at\no,d,viewed,2024-01-01\n",
    }
    assert set(rows) == set(TABLES)
    for table, text in rows.items():
        take(home, table, text)
    other = open_home(tmp_path / "other")
    ingest(other, {name: [home.table(name)] for name in TABLES}, today=TODAY)
    for name in TABLES:
        pd.testing.assert_frame_equal(read(other, name), read(home, name))
