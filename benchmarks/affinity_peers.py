"""Whom affinity is compared with, and how fairly: each peer has the parameters that an earlier question of the same history chose."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks import affinity_ease, affinity_frequency, affinity_implicit, affinity_tifu_knn, affinity_up_cf
from benchmarks.affinity_baskets import Baskets, Ints, encode
from benchmarks.affinity_histories import Case
from benchmarks.affinity_protocol import MODES, NEW, Found, Split, found, targets
from benchmarks.affinity_scores import Scores, lists

FREQUENCY: Final = "personal frequency"
MOST_TO_CHOOSE: Final = 1_000
"""Customers on whom parameters are chosen: a sample tells the better half of a grid, and takes a tenth of the time."""


@dataclass(frozen=True)
class Peer:
    """A model to be compared with: its name in tables, the parameters that are tried, and how it learns."""

    name: str
    grid: Sequence[Any]
    fit: Callable[[Baskets, Any], Scores]


PEERS: Final = (
    Peer(FREQUENCY, affinity_frequency.GRID, affinity_frequency.fit),
    Peer("UP-CF", affinity_up_cf.GRID, affinity_up_cf.fit),
    Peer("TIFU-KNN", affinity_tifu_knn.GRID, affinity_tifu_knn.fit),
    Peer("ALS", affinity_implicit.ALS_GRID, affinity_implicit.fit_als),
    Peer("BM25", affinity_implicit.BM25_GRID, affinity_implicit.fit_bm25),
    Peer("EASE", affinity_ease.GRID, affinity_ease.fit),
)
NAMES: Final = tuple(peer.name for peer in PEERS)


@dataclass(frozen=True)
class Measured:
    """How well a peer did, and with which parameters."""

    found: Found
    setting: Any


@dataclass(frozen=True)
class Question:
    """A split as the peers see it: baskets, what is to be found by mode, and the rows of the customers of whom something is."""

    baskets: Baskets
    wanted: dict[str, dict[str, set[str]]]

    def rows(self, mode: str) -> Ints:
        """The rows of this mode's customers, in the order of their ids."""
        return np.searchsorted(self.baskets.customer_ids, np.array(list(self.wanted[mode]), str)).astype(np.int64)


def question(split: Split, most: int | None = None) -> Question:
    """The question that a split asks, about at most so many customers of each mode, drawn the same at every run."""
    wanted = {mode: targets(split, mode) for mode in MODES}
    return Question(encode(split.history), {mode: _drawn(of_mode, most) for mode, of_mode in wanted.items()})


def measured_peers(case: Case, peers: Sequence[Peer] = PEERS) -> Iterator[tuple[str, dict[str, Measured]]]:
    """Each peer's name and, by mode, how well it does with the parameters that were best one step earlier."""
    before, now = question(case.earlier(), MOST_TO_CHOOSE), question(case.split())
    for peer in peers:
        settings = chosen(peer, before)
        fitted = {setting: peer.fit(now.baskets, setting) for setting in set(settings.values())}
        yield peer.name, {mode: Measured(_asked(now, fitted[settings[mode]], mode), settings[mode]) for mode in MODES}


def chosen(peer: Peer, asked: Question) -> dict[str, Any]:
    """By mode, the parameters with the highest NDCG@10; the first of the grid where nothing is to be found."""
    best: dict[str, tuple[float, Any]] = dict.fromkeys(MODES, (-1.0, peer.grid[0]))
    for setting in peer.grid:
        scores = peer.fit(asked.baskets, setting)
        for mode in MODES:
            if asked.wanted[mode] and (value := _asked(asked, scores, mode).ndcg) > best[mode][0]:
                best[mode] = (value, setting)
    return {mode: setting for mode, (_, setting) in best.items()}


def _asked(asked: Question, scores: Scores, mode: str) -> Found:
    return found(lists(asked.baskets, scores, asked.rows(mode), new_only=mode == NEW), asked.wanted[mode])


def _drawn(wanted: dict[str, set[str]], most: int | None) -> dict[str, set[str]]:
    if most is None or len(wanted) <= most:
        return wanted
    kept = np.sort(np.random.default_rng(3).permutation(len(wanted))[:most])
    customers = list(wanted)
    return {customers[k]: wanted[customers[k]] for k in kept.tolist()}
