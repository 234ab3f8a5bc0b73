"""Everybody's ranked products under the shop's rules of merchandising: what `score affinity` writes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from serving.cli.affinity_engine import Scoring, scoring
from serving.cli.console import note
from serving.cli.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from decisions.merchandising import Exclusions, Plan, Removed
    from features.interactions import Interactions

MOST_ROWS: Final = 2_000_000
"""Candidates in memory at a time, where rules need more of them than are shown."""

DEEPER: Final = 4
"""Lists that exclusions leave too short are asked again, so many times as deep."""


@dataclass(frozen=True)
class AffinityLists:
    """`lists`: customer_id, product_id, rank, score, source, model_version. `hidden` counts the products of the range that nobody may be
    shown, by reason; `removed` what was left out of single lists besides, over all of them."""

    lists: "pd.DataFrame"
    hidden: "Removed"
    removed: "Removed"

    def sentences(self) -> Iterator[str]:
        """What was not shown and why, in words; nothing where nothing was."""
        for text, counts in (("not shown, of the range", self.hidden), ("left out of lists", self.removed)):
            if counts:
                yield f"    {text}: {in_words(counts)}"

    def counts(self) -> dict[str, dict[str, int]]:
        """The same as numbers by reason."""
        return {name: {str(why): count for why, count in of.items()} for name, of in (("hidden", self.hidden), ("removed", self.removed))}


def in_words(counts: "Removed") -> str:
    """1,203 sold out, 14 blocked by a rule: the most frequent first."""
    from decisions.merchandising import MEANINGS

    return ", ".join(f"{count:,} {MEANINGS[reason]}" for reason, count in counts.most_common())


def affinity_lists(work: Workspace, model: Any, tables: Any, at: datetime, top: int, *, exclude_purchased: bool = False) -> AffinityLists:
    """The `top` products of everybody who bought before `at`, as config/recommendations.yaml of the home wants them shown."""
    import pandas as pd

    from features.interactions import interactions

    plan, excluded = _rules(work, model, tables, at)
    known = interactions(tables, at)
    bought = known.purchases
    withheld = _with_bought_pins(plan, excluded, bought) if exclude_purchased else excluded
    asking = _Asking(model, scoring(work, tables, model), plan, withheld, known, at, top, exclude_purchased)
    apart = bought.customer_id.isin(excluded.keys())
    if apart.any():
        parts = [*asking.at_depth(bought[~apart]), *asking.deep_enough(bought[apart])]
        lists = pd.concat(parts, ignore_index=True).sort_values(["customer_id", "rank"], ignore_index=True)
    else:
        lists = pd.concat(asking.at_depth(bought), ignore_index=True)
    if exclude_purchased:
        asking.removed["already_bought"] += _bought_before(plan, bought)
    return AffinityLists(lists, plan.removed, +asking.removed)


def _rules(work: Workspace, model: Any, tables: Any, at: datetime) -> tuple["Plan", dict[str, "Exclusions"]]:
    """What may be shown to everybody, and what must not be shown to whom."""
    from decisions.merchandising import DEFAULT_RECOMMENDATIONS, exclusions_by_customer, load_rules, prepare, product_range, unknown_names

    path = work.rules(DEFAULT_RECOMMENDATIONS)
    rules = load_rules(path, timezone=work.home().timezone)
    products = product_range(model.product_ids, tables.products.to_pandas(), stock_column=rules.columns.stock)
    for problem in unknown_names(rules, products):
        note(f"    {path}: {problem}")
    wanted = ("customer_id", rules.columns.excluded_products, rules.columns.excluded_categories)
    kept = [column for column in dict.fromkeys(wanted) if column in tables.customers.columns]
    excluded = exclusions_by_customer(tables.customers.select(*kept).to_pandas(), rules.columns, products) if len(kept) > 1 else {}
    return prepare(products, rules, at=at), excluded


def _with_bought_pins(plan: "Plan", excluded: Mapping[str, "Exclusions"], bought: "pd.DataFrame") -> dict[str, "Exclusions"]:
    """The exclusions, and for those who bought pinned products these besides: the model leaves out the others itself."""
    from decisions.merchandising import Exclusions

    pinned = {plan.products.product_ids[row] for row in plan.pins.values()}
    own = bought[bought.product_id.isin(pinned)].groupby("customer_id").product_id.agg(frozenset)
    again = {str(customer_id): frozenset(products) for customer_id, products in own.items()}
    return {**excluded, **{name: replace(excluded.get(name, Exclusions()), bought=products) for name, products in again.items()}}


def _bought_before(plan: "Plan", bought: "pd.DataFrame") -> int:
    """How many products that might be shown the customers have bought before, each counted once a customer."""
    once = bought[["customer_id", "product_id"]].drop_duplicates()
    row = {name: number for number, name in enumerate(plan.products.product_ids[: plan.products.ranked_count])}
    known = once.product_id.map(row).dropna().astype("int64").to_numpy()
    return int(plan.may_be_shown[known].sum())


@dataclass
class _Asking:
    """Asks the model for as many candidates as the rules need, arranges them, and counts what is `removed`."""

    model: Any
    scored: Scoring
    plan: "Plan"
    withheld: Mapping[str, "Exclusions"]
    known: "Interactions"
    at: datetime
    top: int
    exclude_purchased: bool
    removed: "Removed" = field(default_factory=Counter)

    def at_depth(self, bought: "pd.DataFrame") -> Iterator["pd.DataFrame"]:
        """The lists of these customers, whom nothing is excluded for; of nobody, an empty one."""
        depth = self.plan.depth(self.top)
        if self.plan.idle:
            yield self._ranked(bought, depth)
            return
        for some in _groups(bought, depth):
            yield self._arranged(self._ranked(some, depth))

    def deep_enough(self, bought: "pd.DataFrame") -> Iterator["pd.DataFrame"]:
        """The lists of these customers, whom something is excluded for: of as many candidates besides as everybody's."""
        from decisions.merchandising.batch import admitted_counts

        depth = DEEPER * self.plan.depth(self.top)
        while not bought.empty:
            waiting: list[str] = []
            for some in _groups(bought, depth):
                candidates = self._ranked(some, depth)
                given = candidates.groupby("customer_id").size()
                admitted = admitted_counts(self.plan, candidates, self.withheld)
                short = given.index[(given == depth) & (admitted.reindex(given.index) < self.plan.depth(self.top))]
                yield self._arranged(candidates[~candidates.customer_id.isin(short)])
                waiting.extend(short)
            bought, depth = bought[bought.customer_id.isin(waiting)], DEEPER * depth

    def _ranked(self, bought: "pd.DataFrame", depth: int) -> "pd.DataFrame":
        known, offered = replace(self.known, purchases=bought), self.plan.offered
        return self.scored(known, depth, as_of=self.at, exclude_purchased=self.exclude_purchased, offered=offered)

    def _arranged(self, candidates: "pd.DataFrame") -> "pd.DataFrame":
        from decisions.merchandising.batch import arrange_lists

        lists, removed = arrange_lists(self.plan, candidates, self.top, self.withheld, likeness=self.model.likeness)
        self.removed.update(removed)
        return lists


def _groups(bought: "pd.DataFrame", depth: int) -> Iterator["pd.DataFrame"]:
    """The rows of as many customers at a time as have candidates of this depth in memory, in the order of their ids."""
    import pandas as pd

    codes, names = pd.factorize(bought.customer_id, sort=True)
    customers = max(MOST_ROWS // depth, 1)
    for start in range(0, max(len(names), 1), customers):
        yield bought[(codes >= start) & (codes < start + customers)]
