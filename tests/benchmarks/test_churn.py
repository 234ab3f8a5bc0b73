"""The churn benchmark measures what it says: its truth by hand, its rule on made figures, its rivals and ours on a small simulated shop."""

import gzip
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import churn
from benchmarks.churn_histories import Case, public_cases, simulated_cases
from benchmarks.churn_pictures import churned_by_decile, draw, drawn_models
from benchmarks.churn_rivals import NAMES
from benchmarks.churn_rows import KEPT, OURS, ChurnRow, Found, ValueRow, at_level, mean_gains, measured_rows, verdict_of
from benchmarks.churn_small import small_table
from benchmarks.churn_speed import LAW, drawn_buyers
from benchmarks.churn_truth import customer_days, truth
from training.churn_choice import CANDIDATES
from training.clv import bg_nbd

AS_OF = datetime(2026, 3, 1)
TINY = {"tiny": (140, 12, 3, 60)}


def lines(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"], format="ISO8601"))


@pytest.fixture(scope="module")
def case() -> Case:
    (made,) = simulated_cases(TINY)
    return made


@pytest.fixture(scope="module")
def measured(case: Case) -> tuple[ChurnRow, ValueRow]:
    return measured_rows(case, trials=2, threads=1)


def test_an_event_is_a_customer_and_a_day():
    days = customer_days(
        lines(("a", "2026-01-05T00:00", 2.0), ("a", "2026-01-05T23:59", 3.0), ("a", "2026-01-06", 5.0), ("b", "2026-01-05", 7.0))
    )
    assert days.to_numpy().tolist() == [
        ["a", pd.Timestamp("2026-01-05"), 5.0],
        ["a", pd.Timestamp("2026-01-06"), 5.0],
        ["b", pd.Timestamp("2026-01-05"), 7.0],
    ]


def test_truth_by_hand():
    days = customer_days(
        lines(
            ("comes at once", "2026-02-20", 1.0),
            ("comes at once", "2026-03-01T08:00", 4.0),  # the first day of the window
            ("comes at once", "2026-03-05", 5.0),
            ("comes too late", "2026-02-20", 1.0),
            ("comes too late", "2026-03-11", 9.0),  # the first day after the window of ten days
            ("comes on the last day", "2026-02-28T23:59", 1.0),
            ("comes on the last day", "2026-03-10T23:59", 6.0),
            ("just active", "2026-02-09", 1.0),  # twenty days ago: two horizons
            ("long gone", "2025-02-01", 3.0),  # more than a year ago
            ("long gone", "2025-12-25", 1.0),
            ("long gone", "2026-02-08", 4.0),  # twenty-one days ago
            ("not yet known", "2026-03-01", 1.0),
        )
    )
    found = truth(days, AS_OF, 10)
    assert found.index.tolist() == ["comes at once", "comes on the last day", "comes too late", "just active", "long gone"]
    assert found["churned"].tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert found["spend"].tolist() == [9.0, 6.0, 0.0, 0.0, 0.0]
    assert found["active"].tolist() == [True, True, True, True, False]
    assert found["days_to_next_order"].fillna(-1).tolist() == [0, 9, -1, -1, -1]
    assert found["yearly_spend"].tolist() == [1.0, 1.0, 1.0, 1.0, 5.0]
    assert found["gap_mean_days"].fillna(-1).tolist() == [-1, -1, -1, -1, (327 + 45) / 2]


def test_what_comes_later_changes_nothing_that_was_known():
    past = lines(("a", "2026-01-01", 1.0), ("a", "2026-02-01", 1.0), ("b", "2026-02-10", 2.0))
    known = ["last_on", "gap_mean_days", "yearly_spend", "active"]
    later = pd.concat([past, lines(("a", "2026-03-01", 5.0), ("b", "2026-04-01", 5.0))])
    pd.testing.assert_frame_equal(truth(customer_days(past), AS_OF, 30)[known], truth(customer_days(later), AS_OF, 30)[known])


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        (Found(0.747, 0.2009), [KEPT]),  # within .003 of the best AUC and .001 of the best Brier score
        (Found(0.746, 0.2000), ["AUC -0.0040 than ranks"]),
        (Found(0.760, 0.2020), ["Brier +0.0020 than errs little"]),
        (Found(0.700, 0.2100), ["AUC -0.0500 than ranks", "Brier +0.0100 than errs little"]),
    ],
)
def test_the_rule_asks_the_best_rival_in_each_measure(ours: Found, said: list[str]):
    rivals = {"ranks": Found(0.750, 0.300), "errs little": Found(0.700, 0.200), "neither": Found(0.600, 0.400)}
    assert verdict_of({**rivals, OURS: ours}) == "; ".join(said)


def test_gains_are_means_over_the_rows_and_above_zero_where_ours_is_better():
    rows: list[Mapping[str, Found]] = [
        {"rival": Found(0.70, 0.20), OURS: Found(0.72, 0.19)},
        {"rival": Found(0.70, 0.20), OURS: Found(0.71, 0.22)},
    ]
    gain = mean_gains(rows)["rival"]
    assert gain.auc == pytest.approx(0.015)
    assert gain.brier == pytest.approx(-0.005)


def test_a_wrong_level_alone_is_told_from_a_wrong_shape():
    odds = np.log(np.array([0.2, 0.5, 0.8]) / np.array([0.8, 0.5, 0.2]))
    churned, too_high = np.repeat([0.0, 1.0, 0.0, 1.0, 0.0, 1.0], [8, 2, 5, 5, 2, 8]), 1.0 / (1.0 + np.exp(-np.repeat(odds + 0.7, 10)))
    np.testing.assert_allclose(at_level(churned, too_high), np.repeat([0.2, 0.5, 0.8], 10), atol=1e-9)


def test_rivals_and_ours_are_measured_on_the_same_active_customers(case: Case, measured: tuple[ChurnRow, ValueRow]):
    row, _ = measured
    known = truth(case.history.days, case.as_of, case.horizon_days)
    active = known[known["active"]]
    assert set(row.probabilities) == {*NAMES, OURS}
    assert row.churned.tolist() == active["churned"].tolist()
    for p in row.probabilities.values():
        assert len(p) == len(active)
        assert ((p > 0) & (p < 1)).all()
    assert row.blend in CANDIDATES
    assert all(row.found[name].auc > 0.55 for name in (OURS, "recency", "BG/NBD"))  # a row out of its place would be a coin
    since = (pd.Timestamp(case.as_of) - active["last_on"]).dt.days
    assert since.corr(pd.Series(row.probabilities["recency"], index=active.index), method="spearman") > 0.95


def test_value_is_measured_on_everybody_and_on_who_ordered(case: Case, measured: tuple[ChurnRow, ValueRow]):
    _, row = measured
    known = truth(case.history.days, case.as_of, case.horizon_days)
    assert row.ordered == known["days_to_next_order"].notna().sum()
    assert set(row.spend) == {OURS, "BG/NBD x Gamma-Gamma", "last year's rate"}
    assert all(gini > 0.2 and 0.2 < off < 5 for gini, off in row.spend.values())
    assert all(0 <= error < case.horizon_days for error in row.next_order.values())
    assert 0.5 < row.coverage <= 1.0


def test_a_history_that_ends_at_the_cut_off_gives_the_same_models(case: Case, measured: tuple[ChurnRow, ValueRow]):
    orders = case.history.tables.orders
    cut = orders.filter(orders.ordered_at < case.as_of)
    blind = type(case.history.tables)(**{**vars(case.history.tables), "orders": cut})
    again, _ = measured_rows(
        Case(type(case.history)("blind", blind, case.history.days), case.as_of, case.horizon_days), trials=2, threads=1
    )
    for name, p in measured[0].probabilities.items():
        np.testing.assert_allclose(again.probabilities[name], p, atol=1e-9)


def test_purchases_of_the_public_files_are_sales_of_products_at_a_price(tmp_path: Path):
    (tmp_path / "online_retail").mkdir()
    text = (
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "1,10001,cup,2,2011-01-05 10:00:00,3.5,17850,UK\n"
        "2,10001A,cup,1,2011-01-05 12:00:00,4.0,17850,UK\n"
        "3,10002,bowl,1,2011-01-06 10:00:00,0,17850,UK\n"
        "C4,10001,cup,-1,2011-01-07 10:00:00,3.5,17850,UK\n"
        "5,POST,postage,1,2011-01-08 10:00:00,9.0,17850,UK\n"
        "6,10001,cup,1,2011-01-09 10:00:00,3.5,,UK\n"
    )
    (tmp_path / "online_retail" / "online_retail.csv.gz").write_bytes(gzip.compress(text.encode()))
    plain, *_ = public_cases(tmp_path, more=False, as_ingested=False)
    full, *_ = public_cases(tmp_path, more=False, as_ingested=True)
    assert plain.history.days.to_numpy().tolist() == [["17850", pd.Timestamp("2011-01-05"), 11.0]]
    pd.testing.assert_frame_equal(full.history.days, plain.history.days)
    assert plain.history.tables.orders.count().execute() == 2
    assert full.history.tables.orders.count().execute() == 5
    assert full.history.tables.customers.count().execute() == 1


def test_the_riskiest_tenth_comes_first():
    probability = np.linspace(0.0, 1.0, 20)
    churned = (probability > 0.5).astype(float)
    assert churned_by_decile(churned, probability).tolist() == [1.0] * 5 + [0.0] * 5


def test_pictures_are_the_same_at_every_run_and_show_the_best_rivals(tmp_path: Path, measured: tuple[ChurnRow, ValueRow]):
    row, _ = measured
    first = draw(row, tmp_path)
    before = first.read_bytes()
    second = draw(row, tmp_path)
    assert first == second
    assert second.read_bytes() == before
    assert len(before) < 60_000
    found = row.found
    best = sorted(NAMES, key=lambda name: found[name].brier)[:2]
    assert drawn_models(row) == [OURS, *best]
    assert all(f">{name}<" in before.decode() for name in drawn_models(row))


def test_the_table_by_size_has_every_blend(case: Case, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("benchmarks.churn_small.SIZES", (40, 120))
    monkeypatch.setattr("benchmarks.churn_small.DRAWS", 2)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in small_table([case]).splitlines()]
    assert cells[0] == ["blend", "40 customers", "120 customers"]
    assert [row[0] for row in cells[2:]] == list(CANDIDATES)
    for column in (1, 2):
        values = [float(row[column].strip("*")) for row in cells[2:]]
        assert all(0.02 < value < 0.35 for value in values)
        assert [row[column].startswith("**") for row in cells[2:]].count(True) >= 1
        assert min(values) == min(float(row[column].strip("*")) for row in cells[2:] if row[column].startswith("**"))


def test_the_buyers_of_the_speed_table_live_by_their_law():
    x, t_x, T = drawn_buyers(40_000, np.random.default_rng(1))
    assert ((t_x <= T) & ((x > 0) | (t_x == 0))).all()
    fitted = bg_nbd.fit(x, t_x, T)
    expected = LAW.expected_purchases(np.zeros(1), np.zeros(1), np.zeros(1), 500.0)[0]
    assert fitted.r == pytest.approx(LAW.r, rel=0.1)
    assert fitted.expected_purchases(np.zeros(1), np.zeros(1), np.zeros(1), 500.0)[0] == pytest.approx(expected, rel=0.1)


def test_one_run_prints_every_table_for_ones_own_orders(
    tmp_path: Path, case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    orders = case.history.tables.orders.to_pandas()[
        ["customer_id", "order_id", "product_id", "ordered_at", "quantity", "unit_price", "discount_amount"]
    ]
    orders.to_csv(tmp_path / "shop.csv", index=False)
    given = [
        "--orders",
        str(tmp_path / "shop.csv"),
        "--as-of",
        f"{case.as_of:%Y-%m-%d}",
        "--trials",
        "1",
        "--output",
        str(tmp_path / "rows.json"),
    ]
    monkeypatch.setattr(sys, "argv", ["churn.py", *given, "--pictures", str(tmp_path)])
    churn.main()
    printed = capsys.readouterr().out
    assert all(
        f"| {head}" in printed
        for head in (
            "data, as of, horizon",
            "ours less the rival: AUC, Brier score",
            "spend: Gini, bias",
            "next order",
        )
    )
    (row,) = json.loads((tmp_path / "rows.json").read_text())
    known = truth(case.history.days, case.as_of, 60)
    assert row["customers"] == known["active"].sum()
    assert row["churn_rate"] == pytest.approx(known.loc[known["active"], "churned"].mean())
    assert set(row["churn"]) == {*NAMES, OURS}
    assert f"{row['churn'][OURS]['auc']:.3f}".removeprefix("0") in printed
    assert [path.suffix for path in tmp_path.glob("churn-*")] == [".svg"]


def test_ones_own_orders_need_a_cut_off(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["churn.py", "--orders", "shop.csv"])
    with pytest.raises(SystemExit):
        churn.main()
    assert "--orders needs --as-of" in capsys.readouterr().err
