"""Churn and value beside their rivals, on public purchase histories, one's own and simulated shops: one run, one table.

    .venv/bin/python -P benchmarks/churn.py                                  two simulated shops: half a minute, no data needed
    .venv/bin/python -P benchmarks/churn.py --data FOLDER                    and the public files below FOLDER: four minutes
    .venv/bin/python -P benchmarks/churn.py --orders FILE --mapping M --as-of 2026-01-01 --horizon-days 60
    .venv/bin/python -P benchmarks/churn.py --small --data FOLDER            blends by the number of customers
    .venv/bin/python -P benchmarks/churn.py --speed --data FOLDER            training, scoring and fitting in time and memory

FOLDER holds cdnow/CDNOW_master.txt.gz and online_retail/online_retail.csv.gz, as they are downloaded. Ours is the whole automatic
configuration of `nextbest train churn` and `nextbest train value`. What is measured, and what came out: docs/churn.md.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # beside this file lies a features.py, which is not the package

from benchmarks.churn_histories import SIMULATED, SIMULATED_NAME, Case, own_case, public_cases, simulated_cases
from benchmarks.churn_pictures import draw
from benchmarks.churn_rivals import NAMES
from benchmarks.churn_rows import OURS, ChurnRow, ValueRow, at_level, mean_gains, measured_rows, row_json
from benchmarks.churn_small import small_table
from benchmarks.churn_speed import speed_table
from features.errors import InputError
from training.evaluation.classification import calibration_error
from training.recipes import TRIALS

QUICKLY: Final = {name: shop for name, shop in SIMULATED.items() if "400" in name}


def main() -> None:
    """Runs what was asked for, and prints its tables."""
    given = _arguments()
    try:
        if given.speed:
            print(speed_table(given.data, given.threads))
        elif given.small:
            print(small_table(_cases(given), say=_say))
        else:
            _compare(given)
    except InputError as error:
        raise SystemExit(f"{error}") from error


def _compare(given: Any) -> None:
    rows = []
    for case in _cases(given):
        rows.append(measured_rows(case, trials=given.trials, threads=given.threads))
        _say(f"{case.name}: {rows[-1][0].verdict}")
        if given.pictures:
            given.pictures.mkdir(parents=True, exist_ok=True)
            draw(rows[-1][0], given.pictures)
    churn, value = [row for row, _ in rows], [row for _, row in rows]
    print("\n\n".join(("", churn_table(churn), calibration_table(churn), gains_table(churn), spend_table(value), next_order_table(value))))
    if given.output:
        given.output.write_text(json.dumps([row_json(*row) for row in rows], indent=2), encoding="utf-8")


def churn_table(rows: list[ChurnRow]) -> str:
    """AUC / Brier score of everybody, on active customers."""
    lines = []
    for row in rows:
        found = row.found
        cells = [f"{_short(found[name].auc)}/{_short(found[name].brier)}" for name in (*NAMES, OURS)]
        lines.append([row.name, f"{len(row.churned):,}", f"{row.churned.mean():.1%}", *cells, row.verdict])
    return _markdown(["data, as of, horizon", "active", "churned", *NAMES, OURS, "the rule"], lines)


def calibration_table(rows: list[ChurnRow]) -> str:
    """Which blend ours was, its expected calibration error beside what chance alone makes of it, and beside the least of the rivals.

    Once more with the level set right: what is left is the shape's, not the season's.
    """
    lines = []
    for row in rows:
        error, rivals = row.calibration, {name: calibration_error(row.churned, row.probabilities[name]) for name in NAMES}
        least = min(rivals, key=lambda name: rivals[name])
        where = "inside" if error.value <= error.high else "above"
        lines.append([row.name, row.blend, _short(error.value), f"{_short(error.low)} to {_short(error.high)}", where])
        levelled = calibration_error(row.churned, at_level(row.churned, row.probabilities[OURS]))
        lines[-1] += [_short(levelled), f"{_short(rivals[least])} {least}"]
    return _markdown(
        ["data, as of, horizon", "blend", "calibration error", "of a perfect model", "", "its level set right", "least of the rivals"],
        lines,
    )


def gains_table(rows: list[ChurnRow]) -> str:
    """By how much ours differs from each rival, on average over all rows, and over those that are not simulated."""
    real = [row for row in rows if not row.name.startswith(SIMULATED_NAME)]
    groups = {f"all {len(rows)} rows": rows} | ({f"the {len(real)} of real shops": real} if 0 < len(real) < len(rows) else {})
    gains = [mean_gains([row.found for row in group]) for group in groups.values()]
    lines = [[name, *(f"{gain[name].auc:+.4f}, {-gain[name].brier:+.4f}" for gain in gains)] for name in NAMES]
    return _markdown(["ours less the rival: AUC, Brier score", *(f"mean of {name}" for name in groups)], lines)


def spend_table(rows: list[ValueRow]) -> str:
    """Normalised Gini and bias of expected spend, on all customers."""
    names = list(rows[0].spend)
    lines = [[row.name, *(f"{_short(row.spend[n][0])}, {row.spend[n][1]:.2f}" for n in names)] for row in rows]
    return _markdown(["spend: Gini, bias", *names], lines)


def next_order_table(rows: list[ValueRow]) -> str:
    """Median absolute error in days, of those who ordered within the horizon, and how many of them our 80 % interval held."""
    names = list(rows[0].next_order)
    lines = [[row.name, f"{row.ordered:,}", *(f"{row.next_order[n]:.1f}" for n in names), f"{row.coverage:.0%}"] for row in rows]
    return _markdown(["next order: median error in days", "ordered", *names, "in our 80 % interval"], lines)


def _cases(given: Any) -> Iterator[Case]:
    if given.orders:
        yield own_case(given.orders, given.mapping, datetime.combine(given.as_of, time()), given.horizon_days)
        return
    if given.data:
        yield from public_cases(given.data, more=given.more, as_ingested=given.as_ingested)
    if not given.small or not given.data:
        yield from simulated_cases(QUICKLY if given.quick else SIMULATED)


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *lines)).replace("| --- ", "|---")


def _say(text: str) -> None:
    print(text, flush=True)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder of the public files, as they are downloaded")
    parser.add_argument("--more", action="store_true", help="seven more cut-offs of the public files")
    parser.add_argument("--as-ingested", action="store_true", help="models see returns, products and countries of the public files, too")
    parser.add_argument("--quick", action="store_true", help="the smaller simulated shop only")
    parser.add_argument("--orders", type=Path, help="a purchase history of one's own, instead of all others")
    parser.add_argument(
        "--mapping", default="", help="how to read it: a YAML file or a preset; nothing where its columns have the names of the data guide"
    )
    parser.add_argument("--as-of", type=date.fromisoformat, help="its cut-off, a date")
    parser.add_argument("--horizon-days", type=int, default=60, help="how far to look ahead (%(default)s)")
    parser.add_argument("--trials", type=int, default=TRIALS, help="shapes of trees compared (%(default)s, as train does)")
    parser.add_argument("--threads", type=int, default=0, help="0 is what the product takes")
    parser.add_argument("--small", action="store_true", help="instead: blends by the number of customers that they learn from")
    parser.add_argument("--speed", action="store_true", help="instead: time and memory of training, scoring and fitting")
    parser.add_argument("--pictures", type=Path, help="draw reliability and deciles of each row into this folder")
    parser.add_argument("--output", type=Path, help="also write the rows as JSON")
    given = parser.parse_args()
    if given.orders and not given.as_of:
        parser.error("--orders needs --as-of, a date before the last orders, so that there is something to be measured on")
    return given


if __name__ == "__main__":
    main()
