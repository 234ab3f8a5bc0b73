"""The 200 products with the greatest inner product, of a million: exact in full, exact by length, and nearly from a graph.

    python -P -m benchmarks.affinity_index [--products 1000000] [--threads 2]

Factors are learned by implicit on a shop of as many products in topics, with a long tail, and asked with customers' folded-in factors. The same
with lengths nearly evened out, and Gaussian noise, are the hard cases: there nothing can be left out, and neighbours are no clue.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from implicit.cpu.topk import topk
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from training.affinity.exact_search import Columns, ExactSearch, Floats32
from training.affinity.product_index import LEAST_RECALL, TOP, ProductIndex, build_index, recall_of
from training.affinity.proximity_graph import ProximityGraph
from training.affinity.sources.factors import FACTORS, factorise

ASKED: Final = 300
WIDTHS: Final = (400, 800, 1600, 3200)


def long_tailed_shop(products: int, rng: np.random.Generator) -> csr_matrix:
    """Customers (three tenths as many) x products: ten lines a product on average, Zipf within topics; each product is bought."""
    topics, customers, lines = max(50, products // 1000), products * 3 // 10, products * 10
    topic = np.sort(rng.integers(topics, size=products))
    size, start = np.bincount(topic, minlength=topics), np.searchsorted(topic, np.arange(topics))
    liked = np.arange(1, topics + 1) ** -0.7 / np.sum(np.arange(1, topics + 1) ** -0.7)
    favourites, zeal = rng.choice(topics, p=liked, size=(customers, 3)), rng.pareto(1.5, customers) + 0.3
    customer = rng.choice(customers, p=zeal / zeal.sum(), size=lines)
    of = favourites[customer, rng.choice(3, p=[0.6, 0.3, 0.1], size=lines)]
    of = np.where(rng.random(lines) < 0.1, rng.choice(topics, p=liked, size=lines), of)
    place = (np.exp(rng.random(lines) * np.log(size[of] + 1)) - 1).astype(int)  # its logarithm is even: Zipf's law
    product = start[of] + np.minimum(place, np.maximum(size[of] - 1, 0))
    unsold = np.setdiff1d(np.arange(products), product)
    buyer = np.concatenate([customer, rng.choice(customers, p=zeal / zeal.sum(), size=len(unsold))])
    bought = csr_matrix((np.ones(len(buyer), np.float32), (buyer, np.concatenate([product, unsold]))), shape=(customers, products))
    bought.data = np.log1p(bought.data)
    return bought


def vectors(products: int, threads: int) -> Iterator[tuple[str, Floats32, Floats32]]:
    """Name, products (products, factors) and queries of each case."""
    rng = np.random.default_rng(0)
    bought = long_tailed_shop(products, rng)
    factors = factorise(bought, rng, threads=threads)
    if factors is None:
        raise SystemExit("Too few products: ask for more.")
    customers = rng.choice(np.flatnonzero(np.diff(bought.indptr)), 2 * ASKED, replace=False)
    queries = factors.fold_in(bought[customers])
    yield "factors of a long-tailed shop", factors.products, queries
    length = np.maximum(np.linalg.norm(factors.products, axis=1, keepdims=True), 1e-3)
    yield "the same, lengths nearly even", (factors.products * length**-0.8).astype(np.float32), queries
    noise = rng.normal(size=(products + 2 * ASKED, FACTORS)).astype(np.float32)
    yield "Gaussian", noise[:products], noise[products:]


def timed(search: Callable[[Floats32], object], queries: Floats32) -> float:
    """CPU milliseconds per query, on one core."""
    start = time.process_time()
    for query in queries:
        search(query)
    return 1000 * (time.process_time() - start) / len(queries)


def peak_megabytes() -> float:
    """What this process has needed at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_full(products: Floats32, query: Floats32) -> Columns:
    """The best by every score."""
    scores = products @ query
    best: Columns = np.argpartition(scores, len(scores) - TOP)[len(scores) - TOP :]
    return best


def graph(products: Floats32, asked: Floats32, best: list[Columns], threads: int) -> None:
    """Builds the graph whether it is needed or not, and prints what it finds at each width."""
    before, cpu, wall = peak_megabytes(), time.process_time(), time.perf_counter()
    built = ProximityGraph.over(products, width=WIDTHS[0], threads=threads, rng=np.random.default_rng(0))
    cost = f"{time.process_time() - cpu:.0f} CPU-s, {time.perf_counter() - wall:.0f} s on {threads} threads"
    print(
        f"  graph: built in {cost}, peak memory +{peak_megabytes() - before:,.0f} MB, in a file {built.index.serialized_length / 2**20:,.0f} MB"
    )
    for width in WIDTHS:
        wider = built.with_width(width)
        milliseconds, recall = timed(lambda query, wider=wider: wider.near(query, TOP), asked), recall_of(wider, asked, best)  # type: ignore[misc]
        print(f"    width {width:5}   {milliseconds:7.2f} ms   recall {recall:.3f}{'' if recall >= LEAST_RECALL else '   refused'}")
        if recall >= LEAST_RECALL:
            return


def compared(name: str, products: Floats32, queries: Floats32, *, threads: int, graphs: bool) -> None:
    """Prints the costs of one case; the index is measured with half of the queries, and asked with the others."""
    sample, asked = queries[:ASKED], queries[ASKED:]
    print(f"\n{name}: {len(products):,} products, {products.shape[1]} factors, top {TOP}, one query at a time on one core")
    few = asked[:50]
    print(f"  NumPy, every score     {timed(lambda query: in_full(products, query), few):7.2f} ms   recall 1.000")
    print(f"  implicit, every score  {timed(lambda query: topk(products, query[None], TOP, num_threads=1), few):7.2f} ms   recall 1.000")
    start, before = time.process_time(), peak_megabytes()
    exact = ExactSearch.over(products)
    cost = f"sorted in {time.process_time() - start:.2f} CPU-s, peak memory +{peak_megabytes() - before:,.0f} MB"
    best, milliseconds = [exact.top(query, TOP) for query in asked], timed(lambda query: exact.top(query, TOP), asked)
    recall = np.mean([len(np.intersect1d(in_full(products, q), b.columns)) / TOP for q, b in zip(few, best, strict=False)])
    looked_at = np.mean([found.looked_at for found in best])
    print(f"  exact, longest first   {milliseconds:7.2f} ms   recall {recall:.3f}   looks at {looked_at:,.0f}; {cost}")
    if graphs:
        graph(products, asked, [found.columns for found in best], threads)
        return
    start = time.process_time()
    chosen: ProductIndex = build_index(products, sample, threads=threads, seed=0)
    print(f"  chosen: {chosen.kind}, {timed(lambda query: chosen.top_of_one(query, TOP), asked):.2f} ms, decided in", end=" ")
    print(f"{time.process_time() - start:.0f} CPU-s. {chosen.reason}")


def main() -> None:
    """Prints every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--graphs", action="store_true", help="build graphs, too, where none is needed: minutes each")
    given = parser.parse_args()
    with threadpool_limits(1, "blas"):
        for name, products, queries in vectors(given.products, given.threads):
            compared(name, products, queries, threads=given.threads, graphs=given.graphs)


if __name__ == "__main__":
    main()
