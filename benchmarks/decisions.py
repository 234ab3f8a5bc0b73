"""What deciding costs: one customer and its parts, a hundred thousand unrecorded and recorded, and win probabilities beside Thompson draws.

python -P benchmarks/decisions.py --customers 100000 --output decisions.json
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.decisions_batch import BATCH, WORKERS, Many, recorded, unrecorded
from benchmarks.decisions_one import one_decision
from benchmarks.decisions_winning import Way, winning

ONE_MICROSECONDS: Final = 500
UNRECORDED_SECONDS: Final = 5
RECORDED_SECONDS: Final = 20


def main() -> None:
    """Measures, prints the tables, and writes them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    if asked.customers < BATCH:
        parser.error(f"--customers: at least {BATCH}.")
    one = one_decision()
    print(f"One customer, CPU time; decide() at most {ONE_MICROSECONDS} us")
    print(
        *(f"{name:<58}{value:>9,.1f} us" if isinstance(value, float) else f"{name:<58}{value:>9,}" for name, value in one.items()), sep="\n"
    )
    ways = winning()
    print("Win probabilities of 12 actions", *ways, sep="\n")
    many = [*unrecorded(asked.customers)]
    with tempfile.TemporaryDirectory(prefix="nextbest-bench-") as folder:
        many += recorded(asked.customers, Path(folder))
    print(
        f"{asked.customers:,} customers on {WORKERS} cores; at most {UNRECORDED_SECONDS} s unrecorded, {RECORDED_SECONDS} s recorded",
        *many,
        sep="\n",
    )
    if asked.output:
        asked.output.write_text(json.dumps(_plain(one, ways, many), indent=2), encoding="utf-8")


def _plain(one: dict[str, float], ways: list[Way], many: list[Many]) -> dict[str, object]:
    return {"one": one, "winning": [asdict(each) for each in ways], "many": [asdict(each) for each in many]}


if __name__ == "__main__":
    main()
