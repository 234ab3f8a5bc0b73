"""Recommendations beside their peers, on public purchase histories and simulated shops: one run, one table, and the rule.

    .venv/bin/python -P benchmarks/affinity.py                          two simulated shops: no data needed
    .venv/bin/python -P benchmarks/affinity.py --data FOLDER            and the public files below FOLDER (or NEXTBEST_DATA)
    .venv/bin/python -P benchmarks/affinity.py --data FOLDER --peers    the peers alone
    .venv/bin/python -P benchmarks/affinity.py --speed                  one customer's list right now, beside implicit's

FOLDER holds online_retail/online_retail.csv.gz and tafeng/baskets.parquet. Ours is `nextbest ingest`, `train affinity` and `score affinity`
with nothing chosen by hand. Peers have the parameters that were best one step earlier in the same history. Protocol: affinity_protocol.py.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # beside this file lies a features.py, which is not the package

from benchmarks.affinity_histories import SIMULATED, Case, missing, public_cases, simulated_cases
from benchmarks.affinity_ours import Ours, measured_ours
from benchmarks.affinity_peers import measured_peers
from benchmarks.affinity_pictures import draw
from benchmarks.affinity_rows import Row, row_json, rows_of
from benchmarks.affinity_speed import speed_table
from benchmarks.affinity_tables import cost_table, parameter_table, quality_table, reference_table, verdicts
from features.errors import InputError

QUICKLY: Final = {name: shop for name, shop in SIMULATED.items() if "400" in name}


def main() -> None:
    """Runs what was asked for, and prints its tables."""
    given = _arguments()
    try:
        if given.speed:
            print(speed_table(given.threads))
        else:
            _compare(given)
    except InputError as error:
        raise SystemExit(f"{error}") from error


def _compare(given: Any) -> None:
    rows: list[Row] = []
    costs: dict[str, Ours] = {}
    for case in _cases(given):
        ours = None if given.peers else measured_ours(case, given.threads)
        peers = {}
        for name, measured in measured_peers(case):
            peers[name] = measured
            _say(f"{case.name}: {name} " + ", ".join(f"{mode} {m.found.ndcg:.4f}" for mode, m in measured.items()))
        rows += rows_of(case.name, peers, ours)
        if ours:
            costs[case.name] = ours
            _say(f"{case.name}: ours " + ", ".join(f"{mode} {found.ndcg:.4f}" for mode, found in ours.found.items()))
    tables = [quality_table(rows), reference_table(rows), cost_table(costs), parameter_table(rows), verdicts(rows)]
    print("\n" + "\n\n".join(table for table in tables if table))
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
        draw(rows, given.pictures)
    if given.json:
        taken = {name: {"training": vars(ours.training), "scoring": vars(ours.scoring)} for name, ours in costs.items()}
        figures = {"rows": [row_json(row) for row in rows], "costs": taken, "verdicts": verdicts(rows).splitlines()}
        given.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def _cases(given: Any) -> Iterator[Case]:
    everything = _everything(given)
    return (case for case in everything if not given.only or given.only in case.name)


def _everything(given: Any) -> Iterator[Case]:
    if given.data:
        for file in missing(given.data):
            _say(f"{file} is not there: its rows are left out.")
        yield from public_cases(given.data)
    else:
        _say("No public histories: give their folder by --data or NEXTBEST_DATA. Simulated shops alone.")
    yield from simulated_cases(QUICKLY if given.quick else SIMULATED)


def _say(text: str) -> None:
    print(text, flush=True)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    there = os.environ.get("NEXTBEST_DATA")
    parser.add_argument("--data", type=Path, default=Path(there) if there else None, help="the folder of the public files (NEXTBEST_DATA)")
    parser.add_argument("--quick", action="store_true", help="of the simulated shops the smaller one only")
    parser.add_argument("--only", default="", help="only the histories with this in their names, e.g. 'tafeng last'")
    parser.add_argument("--peers", action="store_true", help="without ours")
    parser.add_argument("--threads", type=int, default=2, help="that ours may use (%(default)s)")
    parser.add_argument(
        "--speed", action="store_true", help="instead: the time of one customer's list, with ranges of 10,000 and 100,000 products"
    )
    parser.add_argument("--pictures", type=Path, help="draw the rows into this folder")
    parser.add_argument("--json", type=Path, help="also write every figure of the rows")
    return parser.parse_args()


if __name__ == "__main__":
    main()
