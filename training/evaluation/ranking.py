"""How good lists of products are: recall, NDCG and hit rate at k, per customer and on average.

A list's hits are a row of booleans, best rank first. Customers who wanted nothing have no value and are left out before.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import CUSTOMER_ID, PRODUCT_ID

Floats = NDArray[np.float64]
Hits = NDArray[np.bool_]


def recall_at(hits: Hits, wanted: NDArray[np.int64], k: int) -> Floats:
    """recall@k = |list[:k] & wanted| / |wanted|, one per customer; `hits` (customers, ranks), `wanted` (customers,), all above 0."""
    return np.asarray(hits[:, :k].sum(axis=1) / wanted, float)


def ndcg_at(hits: Hits, wanted: NDArray[np.int64], k: int) -> Floats:
    """NDCG@k with gain 1 and discount log2(rank + 1), its ideal over min(k, |wanted|); one per customer (Järvelin and Kekäläinen, 2002)."""
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gained = hits[:, :k] @ discount[: hits[:, :k].shape[1]]
    ideal = np.cumsum(discount)[np.minimum(wanted, k) - 1]
    return np.asarray(gained / ideal, float)


def hit_at(hits: Hits, k: int) -> Floats:
    """1.0 where any of the first k is wanted, one per customer."""
    return hits[:, :k].any(axis=1).astype(float)


def hits_of(recommended: pd.DataFrame, wanted: pd.DataFrame, k: int) -> tuple[Hits, NDArray[np.int64], NDArray[np.str_]]:
    """Hits (customers, k), how many products each wanted, and the customer ids, sorted: everybody who wants something.

    `recommended` has customer_id, product_id, rank (1 is best); `wanted` has customer_id, product_id. A customer without a list has no hits.
    """
    pairs = wanted[[CUSTOMER_ID, PRODUCT_ID]].drop_duplicates()
    customers = np.unique(np.asarray(pairs[CUSTOMER_ID], dtype=str))
    counts = np.bincount(np.searchsorted(customers, np.asarray(pairs[CUSTOMER_ID], dtype=str)), minlength=len(customers)).astype(np.int64)
    first = recommended[recommended["rank"] <= k]
    found = first[[CUSTOMER_ID, PRODUCT_ID, "rank"]].merge(pairs, on=[CUSTOMER_ID, PRODUCT_ID])
    hits = np.zeros((len(customers), k), bool)
    hits[np.searchsorted(customers, np.asarray(found[CUSTOMER_ID], dtype=str)), found["rank"].to_numpy(int) - 1] = True
    return hits, counts, customers


def summary(hits: Hits, wanted: NDArray[np.int64], k: int) -> dict[str, float]:
    """Means over the customers: recall, ndcg and hit_rate at k, the standard error of ndcg, and the number of customers.

    No customers give only `customers`, 0.
    """
    if len(wanted) == 0:
        return {"customers": 0.0}
    ndcg = ndcg_at(hits, wanted, k)
    spread = float(ndcg.std(ddof=1)) / np.sqrt(len(ndcg)) if len(ndcg) > 1 else 0.0
    return {
        f"recall_at_{k}": float(recall_at(hits, wanted, k).mean()),
        f"ndcg_at_{k}": float(ndcg.mean()),
        f"ndcg_at_{k}_standard_error": float(spread),
        f"hit_rate_at_{k}": float(hit_at(hits, k).mean()),
        "customers": float(len(wanted)),
    }
