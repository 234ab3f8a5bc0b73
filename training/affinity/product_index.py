"""The products with the greatest inner product with a customer's factors: exactly as long as that is cheap, else nearly, from a graph.

What is cheap is counted and not timed, so that the same factors get the same index everywhere. A graph that finds less than it must is refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from training.affinity.exact_search import Columns, ExactSearch, Found, Mask, best_first
from training.affinity.proximity_graph import ProximityGraph

Floats32 = NDArray[np.float32]

EXACT: Final = "exact"
APPROXIMATE: Final = "approximate"
HEADER: Final = "product_index.json"
GRAPH: Final = "product_index.usearch"

CHEAP: Final = 200_000  # products that an exact search may look at on average (1 to 3 ms); where it looks at more, a graph is tried
LEAST_RECALL: Final = 0.97
WIDTHS: Final = (400, 800, 1600, 3200)
TOP: Final = 200  # for lists up to this long the graph's recall is measured; longer ones are exact
SAMPLE: Final = 500  # queries that are measured with


@dataclass(frozen=True)
class ProductIndex:
    """A search over product vectors; `graph` is None where it is exact.

    `recall` is the share of the exact best 200 that the graph finds on average, `refused_recall` that of a graph that was too poor, and
    `looked_at` how many products an exact search looks at on average; `reason` says in words why the search is of its kind.
    """

    exact: ExactSearch
    graph: ProximityGraph | None
    recall: float | None
    refused_recall: float | None
    looked_at: float
    reason: str

    @property
    def kind(self) -> str:
        """EXACT or APPROXIMATE."""
        return EXACT if self.graph is None else APPROXIMATE

    def top(self, queries: Floats32, k: int, allowed: Mask | None = None) -> tuple[Columns, Floats32]:
        """The best `k` products of each query (m, d), best first, equal scores by column: columns and scores, (m, k).

        `allowed` (products,) marks those that may be named. Where there are fewer than `k`, there are as many columns as products that
        may be named; none give (m, 0).
        """
        shown = len(self.exact.products) if allowed is None else int(np.count_nonzero(allowed))
        found = [self.top_of_one(query, min(k, shown), allowed) for query in np.asarray(queries, np.float32)]
        width = min(max(k, 0), shown)
        columns = np.asarray([one.columns for one in found], np.int64).reshape(len(queries), width)
        return columns, np.asarray([one.scores for one in found], np.float32).reshape(len(queries), width)

    def top_of_one(self, query: Floats32, k: int, allowed: Mask | None = None) -> Found:
        """The best `k` for one query (d,), and how many products were looked at; see `top`."""
        if self.graph is not None and 0 < k <= TOP and query.any():
            near = self.graph.near(query, k if allowed is None else TOP)
            columns = near if allowed is None else near[allowed[near]]
            if len(columns) >= k:
                return Found(*best_first(self.exact.products, columns, query, k), len(near))
        return self.exact.top(query, k, allowed)

    def write(self, folder: Path) -> None:
        """Writes what was measured, and the graph if there is one, into a model's folder; vectors are the model's to keep."""
        header = {
            "width": None if self.graph is None else self.graph.width,
            "recall": self.recall,
            "refused_recall": self.refused_recall,
            "looked_at": self.looked_at,
            "reason": self.reason,
        }
        (folder / HEADER).write_text(json.dumps(header, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        if self.graph is not None:
            self.graph.write(folder / GRAPH)

    @classmethod
    def read(cls, folder: Path, vectors: Floats32) -> Self:
        """The index that was written into `folder`, over the vectors it was built of.

        Raises InputError where it is missing or of other products. Whether files are whole is for the model's manifest to say.
        """
        try:
            told = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder} has no index of its products.", remedy="Train again, or roll back.") from error
        width = told.pop("width")
        graph = None if width is None else ProximityGraph.read(folder / GRAPH, (len(vectors), vectors.shape[1]), width)
        return cls(ExactSearch.over(vectors), graph, **told)


def build_index(vectors: Floats32, queries: Floats32, *, threads: int, seed: int, cheap: int = CHEAP) -> ProductIndex:
    """An index over `vectors` (products, d), measured with `queries` (m, d), which should be drawn as customers will ask.

    Where exact searches look at no more than `cheap` products, of up to 200,000 therefore always, it is exact. Otherwise a graph is built,
    on `threads`, and walked ever wider until it finds .97 of the exact best 200; one that never does is refused, and the index is exact, as
    it is where usearch is not installed. The same `seed` gives the same index on one thread.
    """
    exact = ExactSearch.over(np.ascontiguousarray(vectors, np.float32))
    rng = np.random.default_rng(seed)
    asked = _sample(np.asarray(queries, np.float32), rng)
    best = [exact.top(query, TOP) for query in asked]
    looked_at = float(np.mean([found.looked_at for found in best])) if best else 0.0
    if looked_at <= cheap:
        return ProductIndex(exact, None, None, None, looked_at, f"An exact search looks at {looked_at:,.0f} of {len(vectors):,} products.")
    try:
        graph = ProximityGraph.over(exact.products, width=WIDTHS[0], threads=threads, rng=rng)
    except InputError as error:
        return ProductIndex(exact, None, None, None, looked_at, f"{error} Every search is exact.")
    return gated(exact, graph, asked, [found.columns for found in best], looked_at)


def gated(exact: ExactSearch, graph: ProximityGraph, queries: Floats32, best: list[Columns], looked_at: float) -> ProductIndex:
    """The graph with the least of WIDTHS that finds enough of the `best` columns of these queries; exact where none does."""
    recall = 0.0
    for width in WIDTHS:
        wider = graph.with_width(width)
        recall = recall_of(wider, queries, best)
        if recall >= LEAST_RECALL:
            reason = (
                f"An exact search looks at {looked_at:,.0f} of {len(exact.products):,} products; the graph finds {recall:.3f} of its best."
            )
            return ProductIndex(exact, wider, recall, None, looked_at, reason)
    reason = f"The graph finds {recall:.3f} of the best products, and must find {LEAST_RECALL}: every search is exact."
    return ProductIndex(exact, None, None, recall, looked_at, reason)


def recall_of(graph: ProximityGraph, queries: Floats32, best: list[Columns]) -> float:
    """The mean share of each query's `best` columns that the graph finds; 1 where there is nothing to find."""
    found = [len(np.intersect1d(graph.near(q, len(b)), b)) / len(b) for q, b in zip(queries, best, strict=True) if len(b)]
    return float(np.mean(found)) if found else 1.0


def _sample(queries: Floats32, rng: np.random.Generator) -> Floats32:
    """Some of those that are no zero, which no graph is asked with."""
    real = np.flatnonzero(queries.any(axis=1))
    drawn: Floats32 = queries[np.sort(rng.choice(real, min(SAMPLE, len(real)), replace=False))]
    return drawn
