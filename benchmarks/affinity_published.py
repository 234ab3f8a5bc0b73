"""Reference figures of the public histories: recall@10 and NDCG@10 by the protocol of `affinity_protocol`, measured once, independently of this code.

They are there so that whoever reads a run sees at once whether its peers are implemented as well as they were elsewhere.
For Ta-Feng the literature reports TIFU-KNN at .130/.101 (its next basket split differs a little).
"""

from dataclasses import dataclass
from typing import Final

from benchmarks.affinity_protocol import ALL, NEW


@dataclass(frozen=True)
class Figures:
    """recall@10 and NDCG@10."""

    recall: float
    ndcg: float

    def __str__(self) -> str:
        return f"{short(self.recall)}/{short(self.ndcg)}"


PROTOTYPE: Final = "to beat"
_COLUMNS: Final = ("personal frequency", "UP-CF", "TIFU-KNN", "ALS", "EASE", PROTOTYPE)
_ROWS: Final = {
    ("online_retail temporal 2011-11-09, 30 d", ALL): (
        (0.178, 0.342),
        (0.174, 0.339),
        (0.180, 0.347),
        (0.153, 0.283),
        (0.116, 0.253),
        (0.196, 0.375),
    ),
    ("online_retail temporal 2011-11-09, 30 d", NEW): (
        (0.018, 0.033),
        (0.053, 0.078),
        (0.037, 0.061),
        (0.061, 0.094),
        (0.063, 0.097),
        (0.069, 0.108),
    ),
    ("online_retail last", ALL): ((0.200, 0.289), (0.202, 0.295), (0.200, 0.289), (0.162, 0.230), (0.122, 0.198), (0.220, 0.322)),
    ("online_retail last", NEW): ((0.017, 0.026), (0.055, 0.064), (0.041, 0.056), (0.062, 0.077), (0.066, 0.079), (0.073, 0.091)),
    ("tafeng last", ALL): ((0.135, 0.124), (0.137, 0.126), (0.130, 0.113), (0.096, 0.088), (0.106, 0.086), (0.164, 0.152)),
    ("tafeng last", NEW): ((0.058, 0.062), (0.070, 0.062), (0.083, 0.075), (0.045, 0.034), (0.074, 0.064), (0.083, 0.075)),
}


def published(case: str, mode: str) -> dict[str, Figures]:
    """The reference figures of a row by column; empty where there are none. PROTOTYPE is what ours has to reach."""
    row = _ROWS.get((case, mode), ())
    return {name: Figures(*pair) for name, pair in zip(_COLUMNS, row, strict=bool(row))}


def short(value: float) -> str:
    """.123"""
    return f"{value:.3f}".removeprefix("0")
