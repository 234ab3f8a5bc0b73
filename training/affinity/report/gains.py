"""Where a ranker's trees gain: each source's and each family of features' share of the total loss that splits on it took away."""

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from training.affinity.pair_features import CATALOGUE, CUSTOMER, INTEREST, PAIR, PRODUCT

FAMILIES: Final = {
    "this product in their own history": PAIR,
    "the customer": CUSTOMER,
    "the product": PRODUCT,
    "category, brand, price": CATALOGUE,
    "looks and carts": INTEREST,
}


def by_source(gains: Mapping[str, float], sources: Sequence[str]) -> pd.DataFrame:
    """source, by its scores, by its ranks, together: shares of the whole gain in percent, greatest first."""
    rows = [(name, 100.0 * gains.get(f"score_{name}", 0.0), 100.0 * gains.get(f"rank_{name}", 0.0)) for name in sources]
    table = pd.DataFrame(rows, columns=["source", "by its scores, %", "by its ranks, %"])
    table["together, %"] = table["by its scores, %"] + table["by its ranks, %"]
    table["source"] = table["source"].str.replace("_", " ")
    return table.sort_values("together, %", ascending=False, kind="stable", ignore_index=True)


def by_family(gains: Mapping[str, float], sources: Sequence[str]) -> pd.DataFrame:
    """family, gain: shares of the whole gain in percent, greatest first; the families add to 100, as every feature is of one."""
    said = sum(gains.get(f"{kind}_{name}", 0.0) for name in sources for kind in ("score", "rank"))
    rows = [("what single sources say", 100.0 * said), ("all sources' ranks fused", 100.0 * gains.get("fused", 0.0))]
    rows += [(family, 100.0 * sum(gains.get(name, 0.0) for name in names)) for family, names in FAMILIES.items()]
    table = pd.DataFrame(rows, columns=["family", "gain, %"])
    return table.sort_values("gain, %", ascending=False, kind="stable", ignore_index=True)
