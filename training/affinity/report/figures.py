"""All figures of one backtest as chapters of tables, and its examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import PRODUCT_ID
from training.affinity.backtest import Backtest
from training.affinity.history import History
from training.affinity.orders import PLAIN, RANKER
from training.affinity.recall import Recall, columns_of
from training.affinity.report import gains
from training.affinity.report.by_source import MOST, Found, candidates_recall, found_by_source, recall_table, sampled
from training.affinity.report.by_way import baskets_before, groups_table, way_name, ways_table
from training.affinity.report.examples import Example, examples
from training.affinity.report.parts import Bars, Chapter, Part
from training.affinity.report.range_use import deciles_table, exposure, range_row
from training.affinity.report.shown import Shown, shown
from training.affinity.sheets import ALL, AT, NEW

TITLES: Final = {ALL: "All products, repeats counted", NEW: "Products that a customer never bought"}


@dataclass(frozen=True)
class Figures:
    """What the report tells: sentences, chapters of tables, and examples."""

    facts: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    examples: tuple[Example, ...]


def figures(tried: Backtest, history: History, products: pd.DataFrame, *, seed: int = 0) -> Figures:
    """Everything, of the newest cut; `products` as Interactions.products has them. Without a backtest there are facts alone."""
    recall = tried.recall
    if recall is None or not tried.sheets:
        return Figures(("There is too little history for a backtest: it is personal frequency and popularity, unmeasured.",), (), ())
    rng = np.random.default_rng(seed)
    lists = {mode: {way: shown(sheet, order) for way, order in tried.rivals[mode].items()} for mode, sheet in tried.sheets.items()}
    customers = sampled(tried, MOST, rng)
    found = found_by_source(history, tried.asked, recall, customers)
    mode_chapter = _ModeChapters(tried, history, recall, rng)
    chapters = tuple(
        mode_chapter.chapter(mode, found[mode], lists[mode], np.isin(tried.asked[mode].customers, customers)) for mode in tried.sheets
    )
    named = dict(zip(products[PRODUCT_ID].tolist(), products["name"].str.strip().tolist(), strict=True))
    chosen = {mode: one[tried.orders.ways[mode]] for mode, one in lists.items()}
    return Figures(_facts(tried, recall), chapters, examples(tried, chosen, history, named, rng))


def _facts(tried: Backtest, recall: Recall) -> tuple[str, ...]:
    cut = tried.cuts[-1]
    taught = "the other half of its customers" if len(tried.cuts) == 1 else f"{len(tried.cuts) - 1} earlier cuts"
    chosen = "; ".join(f"{TITLES[mode].lower()}: {way_name(tried.orders.ways[mode], mode)}" for mode in tried.sheets)
    return (
        f"Asked as of {cut:%Y-%m-%d %H:%M} for what customers bought in the {tried.horizon_days} days after, which nothing measured here had seen.",
        f"Rankers and blends learned from {taught}. The range held {len(recall.range.product_ids):,} products.",
        f"Chosen for {chosen}.",
    )


@dataclass(frozen=True)
class _ModeChapters:
    tried: Backtest
    history: History
    recall: Recall
    rng: np.random.Generator

    def chapter(self, mode: str, found: Found, lists: dict[str, Shown], among: NDArray[np.bool_]) -> Chapter:
        parts = [*self._quality(mode), self._sources(mode, found, among), *self._gains(mode), *self._range(mode, lists)]
        return Chapter(TITLES[mode], tuple(parts))

    def _quality(self, mode: str) -> list[Part]:
        ways = ways_table(self.tried, mode)
        groups = groups_table(self.tried, mode, baskets_before(self.history, self.tried.asked[mode]))
        chosen, plain = (way_name(way, mode) for way in (self.tried.orders.ways[mode], PLAIN))
        drawn = (chosen,) if chosen == plain else (plain, chosen)
        return [
            Part(
                "How good the lists are",
                f"NDCG@{AT} is 1 where everything bought stands at the top of the list of {AT}, 0 where none of it is on it; recall is the share "
                "of what a customer bought that is on it, the hit rate the share of customers of whose purchases anything is. "
                "Two standard errors on both sides hold the true value 19 times in 20.",
                ways,
                Bars(f"NDCG@{AT} by way", "way", (f"NDCG@{AT}",), "standard error"),
            ),
            Part(
                "For whom it works",
                f"NDCG@{AT} by the number of days on which a customer had bought before. Ahead: {chosen} less {plain}.",
                groups,
                Bars(f"NDCG@{AT} by how often customers bought before", "earlier baskets", drawn),
            ),
        ]

    def _sources(self, mode: str, found: Found, among: NDArray[np.bool_]) -> Part:
        together = candidates_recall(self.tried.sheets[mode], among)
        table = recall_table(found, together, self.tried.sources)
        return Part(
            "What each source finds",
            f"The share of what customers bought that stands among the first 10 and the first 60 of one source alone; of {len(together):,} customers. "
            "The ranker puts in order what all sources in use have found: what is not among the candidates cannot be recommended. "
            "Found by it alone: of all that any source found, what no other had.",
            table,
            Bars("Recall by source, %", "source", tuple(name for name in _numbers(table) if name.startswith("recall"))),
        )

    def _gains(self, mode: str) -> list[Part]:
        gained, sources = self.tried.gains.get(mode, {}), self.tried.sheets[mode].sources
        if RANKER not in self.tried.rivals[mode] or not sum(gained.values()):
            return []
        words = "Shares of all that the ranker's trees gained in learning. A source without gain may still bring candidates that others find, too."
        return [
            Part("Gain per source", words, gains.by_source(gained, sources), Bars("Gain per source, %", "source", ("together, %",))),
            Part(
                "Gain per family of features",
                "What the ranker listens to: the same shares, by what a feature tells of.",
                gains.by_family(gained, sources),
                Bars("Gain per family, %", "family", ("gain, %",)),
            ),
        ]

    def _range(self, mode: str, lists: dict[str, Shown]) -> list[Part]:
        products = len(self.recall.range.product_ids)
        exam = self.tried.asked[mode]
        bought = columns_of(self.recall.range, self.history)[exam.product]
        rows = [{"lists of": way_name(way, mode), **range_row(found, self.recall, self.rng)} for way, found in lists.items()]
        chosen = self.tried.orders.ways[mode]
        deciles = deciles_table(lists[chosen].column, bought, products)
        return [
            Part(
                "How much of the range is shown",
                f"Lists of {AT} for {len(exam.customers):,} customers, beside what they then bought. Range shown: products on anybody's list. Gini: 0 "
                "where every product is shown as often, 1 where one product takes all. Popularity rank: 1 is the product that sells best. "
                "Diversity: 0 where products of one list are all alike to shoppers, 1 where none are.",
                pd.DataFrame([*rows, {"lists of": "what they then bought", **exposure(bought, products)}]),
                Bars("Products on anybody's list, % of the range", "lists of", ("range shown, %",)),
            ),
            Part(
                "Popularity",
                f"The range in tenths from the best-selling to the least: how much of what is shown by {way_name(chosen, mode)}, and of what was "
                "bought, lies in each. More shown than bought at the top is popularity bias.",
                deciles,
                Bars("Shown and bought by popularity, %", "products by popularity", tuple(_numbers(deciles))),
            ),
        ]


def _numbers(table: pd.DataFrame) -> Sequence[str]:
    return [str(name) for name in table if pd.api.types.is_numeric_dtype(table[name])]
