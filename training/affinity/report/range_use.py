"""What recommending does to the range: how much of it is shown to anybody, how evenly, how popular it is, how varied one list is."""

from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.affinity.catalogue import UNKNOWN
from training.affinity.history import Ints
from training.affinity.model import likeness_of
from training.affinity.recall import Range, Recall
from training.affinity.report.shown import Shown
from training.affinity.sources.product_similarity import ProductSimilarity

LISTS: Final = 150
"""Lists whose diversity is measured, at most: their products are compared with one another at once."""
DECILES: Final = 10


def coverage(column: Ints, products: int) -> float:
    """The share of the range that is shown to anybody: |union of the lists| / |range| (catalogue coverage: Ge, Delgado-Battenfeld and
    Jannach, 2010); 0 for an empty range."""
    return len(np.unique(column)) / products if products else 0.0


def gini(counts: NDArray[np.integer]) -> float:
    """How unevenly something is spread: sum_i (2 i - n - 1) x_i / (n sum_i x_i), x ascending, i from 1 (as of exposure: Fleder and Hosanagar,
    2009). 0 where all have the same, (n - 1) / n where one has all; 0 where there is nothing to spread."""
    x = np.sort(counts).astype(float)
    if not x.sum():
        return 0.0
    i = np.arange(1, len(x) + 1)
    return float(((2 * i - len(x) - 1) * x).sum() / (len(x) * x.sum()))


def mean_popularity_rank(column: Ints) -> float:
    """The mean place in the order of popularity, 1 for the most popular: columns of a range stand in it. NaN of nothing."""
    return float(column.mean()) + 1.0 if len(column) else float("nan")


def most_shown(lists: list[Ints], products: int) -> float:
    """The share of lists that hold the product which stands on most of them; NaN of no lists."""
    return float(np.bincount(np.concatenate(lists), minlength=products).max()) / len(lists) if lists else float("nan")


def novelty(shown: Shown) -> float:
    """The share of what is shown that its customer never bought before (Vargas and Castells, 2011: discovery); NaN where nothing is."""
    return float((~shown.had).mean()) if len(shown.had) else float("nan")


def diversity(lists: list[Ints], alike: NDArray[np.floating], columns: Ints) -> float:
    """The mean over lists of the mean of 1 - likeness over their pairs (intra-list diversity: Smyth and McClave, 2001; Ziegler and others, 2005).

    `alike` holds the likeness of `columns`, sorted, with one another. Lists of fewer than two have no pairs and do not count; NaN of none.
    """
    means = []
    for one in lists:
        if len(one) > 1:
            place = np.searchsorted(columns, one)
            pairs = alike[np.ix_(place, place)][np.triu_indices(len(one), 1)]
            means.append(1.0 - float(pairs.mean()))
    return float(np.mean(means)) if means else float("nan")


def categories_per_list(lists: list[Ints], category: Ints) -> float:
    """How many categories a list has on average; products without one do not count. NaN where the range names none, or nothing is shown."""
    if not len(lists) or (category == UNKNOWN).all():
        return float("nan")
    return float(np.mean([len(np.unique(category[one][category[one] != UNKNOWN])) for one in lists]))


def range_row(found: Shown, recall: Recall, rng: np.random.Generator) -> dict[str, float]:
    """All of it for what one way shows: coverage, gini, popularity rank, novelty, diversity, and categories per list."""
    products = len(recall.range.product_ids)
    lists = np.split(found.column, np.flatnonzero(np.diff(found.row)) + 1) if len(found.row) else []
    return {
        **exposure(found.column, products),
        "lists with the most shown product, %": 100.0 * most_shown(lists, products),
        "new to the customer, %": 100.0 * novelty(found),
        "diversity in a list": _measured_diversity(lists, recall, rng),
        "categories in a list": categories_per_list(lists, recall.range.catalogue.category),
    }


def exposure(column: Ints, products: int) -> dict[str, float]:
    """Coverage, Gini coefficient and popularity of what was shown, or of what was bought; one entry of `column` per showing or purchase."""
    return {
        "range shown, %": 100.0 * coverage(column, products),
        "Gini of exposure": gini(np.bincount(column, minlength=products)),
        "mean popularity rank": mean_popularity_rank(column),
    }


def deciles_table(shown_column: Ints, bought_column: Ints, products: int) -> pd.DataFrame:
    """products by popularity, share of what is shown, share of what was bought: ten rows of equally many products, the most popular first.

    Popularity bias is the difference between the two (Steck, 2011; Abdollahpouri and others, 2019). A range of fewer than ten has as many rows.
    """
    parts = min(DECILES, products)
    shares = [100.0 * _shares(column, products, parts) for column in (shown_column, bought_column)]
    edges = [products * at // parts for at in range(parts + 1)]
    names = [f"{low + 1:,} to {high:,}" if high - low > 1 else f"{high:,}" for low, high in pairwise(edges)]
    return pd.DataFrame({"products by popularity": names, "of what is shown, %": shares[0], "of what was bought, %": shares[1]})


def _shares(column: Ints, products: int, parts: int) -> NDArray[np.float64]:
    edges = np.asarray([products * at // parts for at in range(1, parts)])
    counts = np.bincount(np.searchsorted(edges, column, side="right"), minlength=parts)
    return np.asarray(counts / max(len(column), 1), float)


def _measured_diversity(lists: list[Ints], recall: Recall, rng: np.random.Generator) -> float:
    drawn = lists if len(lists) <= LISTS else [lists[at] for at in rng.choice(len(lists), LISTS, replace=False)]
    if not drawn:
        return float("nan")
    columns = np.unique(np.concatenate(drawn))
    return diversity(drawn, _likeness(recall, recall.range, columns), columns)


def _likeness(recall: Recall, shop: Range, columns: Ints) -> NDArray[np.floating]:
    source = recall.source("product_similarity")
    return likeness_of(shop, source.near if isinstance(source, ProductSimilarity) else None, columns)
