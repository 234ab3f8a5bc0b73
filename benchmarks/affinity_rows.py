"""Rows of the affinity benchmark, one per history and mode, and the rule that ours is held to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.affinity_ours import Ours
from benchmarks.affinity_peers import FREQUENCY, Measured
from benchmarks.affinity_protocol import MODES, Found
from benchmarks.affinity_published import PROTOTYPE, Figures, published
from training.evaluation.gate import difference

OURS: Final = "ours"
LEAST_GAIN: Final = 0.05
HALF_OF_THE_LAST_DIGIT: Final = 0.0005
"""Reference figures have three digits: who rounds to them has reached them."""


@dataclass(frozen=True)
class Row:
    """One history in one mode: how well every system did on the same customers, and with which parameters the peers."""

    case: str
    mode: str
    found: Mapping[str, Found]
    settings: Mapping[str, str]

    @property
    def customers(self) -> int:
        """Customers of whom something is to be found."""
        return len(next(iter(self.found.values())).ndcgs)

    @property
    def best_peer(self) -> str:
        """The peer with the highest NDCG@10."""
        return max((name for name in self.found if name != OURS), key=lambda name: self.found[name].ndcg)

    @property
    def gain(self) -> float:
        """By which share the NDCG@10 of ours is above the best peer's."""
        return self.found[OURS].ndcg / max(self.found[self.best_peer].ndcg, 1e-12) - 1.0

    @property
    def above_frequency(self) -> float:
        """NDCG@10 of ours less that of personal frequency."""
        return self.found[OURS].ndcg - self.found[FREQUENCY].ndcg

    @property
    def error(self) -> float:
        """The standard error of the difference in NDCG@10 between ours and the best peer, customer by customer."""
        return difference(self.found[OURS].ndcgs, self.found[self.best_peer].ndcgs).standard_error

    @property
    def reached(self) -> bool | None:
        """Whether ours reaches the reference figures in recall@10 and NDCG@10; None where there are none."""
        wanted = published(self.case, self.mode).get(PROTOTYPE)
        return None if wanted is None else reaches(self.found[OURS], wanted)


@dataclass(frozen=True)
class Verdict:
    """The rule over some rows: mean gain over each row's best peer, rows below personal frequency, rows that miss the reference figures."""

    rows: int
    mean_gain: float
    below_frequency: Sequence[str]
    not_reached: Sequence[str]

    @property
    def kept(self) -> bool:
        """Whether all three parts of the rule hold."""
        return self.mean_gain >= LEAST_GAIN and not self.below_frequency and not self.not_reached

    def __str__(self) -> str:
        said = [f"mean gain in NDCG@10 over the best peer of each of {self.rows} rows {self.mean_gain:+.1%} (at least {LEAST_GAIN:+.0%})"]
        said.append("below personal frequency: " + ("; ".join(self.below_frequency) or "nowhere"))
        said.append("reference figures not reached: " + ("; ".join(self.not_reached) or "none"))
        return f"{'KEPT' if self.kept else 'BROKEN'}: " + ". ".join(said) + "."


def rows_of(case: str, peers: Mapping[str, Mapping[str, Measured]], ours: Ours | None) -> list[Row]:
    """A row per mode in which anybody's wish is known; without `ours` those of the peers alone."""
    rows = []
    for mode in MODES:
        found = {name: by_mode[mode].found for name, by_mode in peers.items()} | ({OURS: ours.found[mode]} if ours else {})
        rows.append(Row(case, mode, found, {name: parameters(by_mode[mode].setting) for name, by_mode in peers.items()}))
    return rows


def parameters(setting: Any) -> str:
    """The parameters of a peer, as a table shows them."""
    return ", ".join(f"{name} {value:g}" for name, value in vars(setting).items())


def reaches(found: Found, wanted: Figures) -> bool:
    """Whether both measures are at least those, to the third digit."""
    return found.recall >= wanted.recall - HALF_OF_THE_LAST_DIGIT and found.ndcg >= wanted.ndcg - HALF_OF_THE_LAST_DIGIT


def verdict(rows: Sequence[Row]) -> Verdict:
    """The rule over these rows, of which there must be one."""
    return Verdict(
        len(rows),
        float(np.mean([row.gain for row in rows])),
        [f"{row.case}, {row.mode} {row.above_frequency:+.4f}" for row in rows if row.above_frequency < 0],
        [f"{row.case}, {row.mode}" for row in rows if row.reached is False],
    )


def reference_verdict(rows: Sequence[Row]) -> Verdict:
    """The rule over these rows, all of which have reference figures, with the peers of those figures instead of this run's."""
    gains, below = [], []
    for row in rows:
        figures = dict(published(row.case, row.mode))
        del figures[PROTOTYPE]
        gains.append(row.found[OURS].ndcg / max(peer.ndcg for peer in figures.values()) - 1.0)
        if (above := row.found[OURS].ndcg - figures[FREQUENCY].ndcg) < -HALF_OF_THE_LAST_DIGIT:
            below.append(f"{row.case}, {row.mode} {above:+.4f}")
    return Verdict(len(rows), float(np.mean(gains)), below, [f"{row.case}, {row.mode}" for row in rows if row.reached is False])


def row_json(row: Row) -> dict[str, Any]:
    """Every figure of a row."""
    systems = {
        name: {"recall@10": f.recall, "ndcg@10": f.ndcg, "ndcg@10_se": f.ndcg_error, "parameters": row.settings.get(name)}
        for name, f in row.found.items()
    }
    said = {"case": row.case, "mode": row.mode, "customers": row.customers, "systems": systems, "best_peer": row.best_peer}
    if OURS in row.found:
        said |= {"gain": row.gain, "difference_se": row.error, "above_personal_frequency": row.above_frequency, "reached": row.reached}
    return said | {"reference": {name: vars(figures) for name, figures in published(row.case, row.mode).items()}}
