"""Lists obey their laws for every range and every set of rules, and are what the plainest reading of the rules gives."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from decisions.merchandising import UNRANKED, Arranged, Exclusions, arrange, prepare, product_range
from decisions.merchandising.plan import Plan
from decisions.merchandising.rules import Block, Boost, Caps, Pin, Rules, Selection

AT = datetime(2025, 6, 1)
IDS = [f"p{i:02}" for i in range(14)]
RANKED = IDS[:11]
NOT_LISTED = "somewhere else"
CATEGORIES = ("A", "A > B", "A > B > C", "D", None)
BRANDS = ("x", "y", None)


@dataclass(frozen=True)
class Case:
    """A range, rules, and one customer's candidates."""

    products: pd.DataFrame
    rules: Rules
    candidates: list[str]
    scores: list[float]
    n: int
    exclusions: Exclusions
    likeness: np.ndarray | None

    @property
    def plan(self) -> Plan:
        return prepare(product_range(RANKED, self.products), self.rules, at=AT)

    def arranged(self, **changed: Any) -> Arranged:
        case = replace(self, **changed)
        return arrange(case.plan, case.candidates, case.scores, case.n, exclusions=case.exclusions, likeness=case.alike)

    @property
    def alike(self):
        if self.likeness is None:
            return None
        at = {product_id: i for i, product_id in enumerate([*IDS, NOT_LISTED])}
        return lambda ids: self.likeness[np.ix_([at[i] for i in ids], [at[i] for i in ids])]


@st.composite
def cases(draw: st.DrawFn, *, busy: bool = True) -> Case:
    """Every kind of rule is drawn often; candidates repeat, are hidden, and are missing from the range."""
    size = len(IDS)
    products = pd.DataFrame(
        {
            "product_id": IDS,
            "category": draw(st.lists(st.sampled_from(CATEGORIES), min_size=size, max_size=size)),
            "brand": draw(st.lists(st.sampled_from(BRANDS), min_size=size, max_size=size)),
            "available": draw(st.lists(st.sampled_from((True, True, True, None, False)), min_size=size, max_size=size)),
        }
    )
    candidates = draw(st.lists(st.sampled_from([*RANKED, *RANKED, NOT_LISTED]), min_size=4, max_size=12))
    if draw(st.booleans()):
        candidates = list(dict.fromkeys(candidates))
    scores = sorted(draw(st.lists(st.integers(-4, 8), min_size=len(candidates), max_size=len(candidates))), reverse=True)
    grid = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 5, (size + 1, size + 1))
    rules = draw(busy_rules()) if busy else Rules()
    return Case(
        products,
        rules,
        candidates,
        [float(score) for score in scores],
        draw(st.integers(1, 8)),
        draw(exclusions()),
        draw(st.sampled_from((None, (np.maximum(grid, grid.T) / 4).astype(np.float32)))),
    )


@st.composite
def busy_rules(draw: st.DrawFn) -> Rules:
    chosen = st.builds(
        Selection,
        st.lists(st.sampled_from(IDS), max_size=2).map(tuple),
        st.lists(st.sampled_from(("A", "A > B", "D")), max_size=1).map(tuple),
        st.lists(st.sampled_from(("x", "y")), max_size=1).map(tuple),
    )
    boosts = st.builds(Boost, chosen, st.sampled_from((0.0, 0.5, 1.0, 2.0, 8.0)))
    pins = st.builds(Pin, st.sampled_from([*IDS, NOT_LISTED]), st.integers(1, 6))
    cap = st.sampled_from((None, 1, 1, 2))
    return Rules(
        diversity=draw(st.sampled_from((0.0, 0.25, 0.5, 1.0))),
        caps=Caps(draw(cap), draw(cap), draw(st.sampled_from((None, 1, 2)))),
        fill=draw(st.booleans()),
        pins=tuple(draw(st.lists(pins, max_size=4))),
        boosts=tuple(draw(st.lists(boosts, max_size=3))),
        blocks=tuple(Block(each) for each in draw(st.lists(chosen, max_size=1))),
    )


def exclusions() -> st.SearchStrategy[Exclusions]:
    some = st.lists(st.sampled_from(IDS), max_size=2).map(frozenset)
    within = st.lists(st.sampled_from(("A > B", "D")), max_size=1).map(tuple)
    return st.just(Exclusions()) | st.builds(Exclusions, some, within, some, some)


class Oracle:
    """The rules read as plainly as they are told, one product at a time, without arrays."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.rows = {row["product_id"]: row for row in case.products.astype(object).to_dict("records")}

    def text(self, product_id: str, column: str) -> str | None:
        value = self.rows.get(product_id, {}).get(column)
        return value if isinstance(value, str) else None

    def meant(self, product_id: str, chosen: Selection | Exclusions) -> bool:
        path = self.text(product_id, "category")
        inside = path is not None and any(f"{path} > ".startswith(f"{name} > ") for name in chosen.categories)
        branded = self.text(product_id, "brand") in getattr(chosen, "brands", ()) and self.text(product_id, "brand") is not None
        return inside or branded or (product_id in chosen.product_ids and product_id in self.rows)

    def hidden(self, product_id: str) -> str | None:
        if self.rows.get(product_id, {}).get("available") is False:
            return "sold_out"
        return "blocked" if any(self.meant(product_id, block.products) for block in self.case.rules.blocks) else None

    def withheld(self, product_id: str, seen: set[str]) -> str | None:
        told = self.case.exclusions
        if product_id in told.product_ids or self.meant(product_id, replace(told, product_ids=())):
            return "excluded_for_customer"
        if product_id in told.bought:
            return "already_bought"
        return "duplicate" if product_id in told.shown or product_id in seen else None

    def kind(self, product_id: str) -> tuple[str | None, str | None]:
        path, level = self.text(product_id, "category"), self.case.rules.caps.category_level
        cut = path if path is None or level is None else " > ".join(path.split(" > ")[:level])
        return cut, self.text(product_id, "brand")

    def over(self, product_id: str, shown: Sequence[str]) -> str | None:
        caps, (category, brand) = self.case.rules.caps, self.kind(product_id)
        if caps.category and category is not None and sum(self.kind(p)[0] == category for p in shown) >= caps.category:
            return "category_cap"
        if caps.brand and brand is not None and sum(self.kind(p)[1] == brand for p in shown) >= caps.brand:
            return "brand_cap"
        return None

    def likeness(self, a: str, b: str) -> float:
        if self.case.likeness is not None:
            return float(self.case.alike([a, b])[0, 1])
        (category, brand), (other, another) = ((self.text(p, "category"), self.text(p, "brand")) for p in (a, b))
        return 1.0 if category is not None and category == other else 0.5 if brand is not None and brand == another else 0.0

    def pins(self) -> dict[int, str]:
        """By position, of those that may be shown at all."""
        taken: dict[int, str] = {}
        for pin in sorted(self.case.rules.pins, key=lambda pin: pin.position):
            if pin.product_id in self.rows and pin.product_id not in taken.values() and self.hidden(pin.product_id) is None:
                taken[next(p for p in range(pin.position, 99) if p not in taken)] = pin.product_id
        return {position: taken[position] for position in sorted(taken)}

    def answer(self) -> tuple[list[str], Counter[str]]:
        removed: Counter[str] = Counter()
        admitted: dict[str, float] = {}
        for product_id, score in zip(self.case.candidates, self.case.scores, strict=True):
            why = self.hidden(product_id) or self.withheld(product_id, set(admitted))
            if why:
                removed[why] += 1
            else:
                admitted[product_id] = score
        pinned: dict[int, str] = {}
        for position, product_id in self.pins().items():
            if position > self.case.n or self.withheld(product_id, set()):
                continue
            why = self.over(product_id, list(pinned.values()))
            if why is None:
                pinned[position] = product_id
            elif admitted.pop(product_id, None) is not None:
                removed[why] += 1
        left = {p: score for p, score in admitted.items() if p not in pinned.values()}
        return self.merged(pinned, self.chosen(left, list(pinned.values()), removed)), removed

    def chosen(self, left: dict[str, float], shown: list[str], removed: Counter[str]) -> list[str]:
        relevant = self.relevance(left)
        highest, weight = max(1.0, *relevant.values(), 1.0), self.case.rules.diversity
        chosen: list[str] = []
        kept_out: list[tuple[str, str]] = []
        waiting, places = list(relevant), self.case.n - len(shown)
        while waiting and len(chosen) < places:
            worth = {
                p: -weight * max((self.likeness(p, s) for s in shown), default=0.0) + (1 - weight) * relevant[p] / highest for p in waiting
            }
            best = max(waiting, key=lambda p: worth[p] if weight else relevant[p])
            waiting.remove(best)
            if (why := self.over(best, shown)) is not None:
                kept_out.append((best, why))
            else:
                shown, chosen = [*shown, best], [*chosen, best]
        if self.case.rules.fill:
            filling = kept_out[: places - len(chosen)]
            kept_out, chosen = kept_out[len(filling) :], [*chosen, *(p for p, _ in filling)]
        removed.update(why for _, why in kept_out)
        return chosen

    def relevance(self, left: dict[str, float]) -> dict[str, float]:
        low, high = min(left.values(), default=0.0), max(left.values(), default=0.0)
        plain = {p: 1.0 if high == low else 0.1 + 0.9 * (score - low) / (high - low) for p, score in left.items()}
        for boost in self.case.rules.boosts:
            plain = {p: value * boost.factor if self.meant(p, boost.products) else value for p, value in plain.items()}
        return plain

    def merged(self, pinned: dict[int, str], chosen: list[str]) -> list[str]:
        shown = list(chosen)
        for position, product_id in pinned.items():
            shown.insert(position - 1, product_id)
        return shown


@given(cases())
def test_the_list_is_what_the_plainest_reading_gives(case: Case):
    found = case.arranged()
    expected, removed = Oracle(case).answer()
    assert list(found.product_ids) == expected
    assert found.removed == removed


@given(cases())
def test_every_candidate_is_shown_removed_or_left_and_counted_once(case: Case):
    found = case.arranged()
    ranked = [place for place in found.places if place != UNRANKED]
    assert len(ranked) + found.removed.total() + found.left == len(case.candidates)
    assert len(set(ranked)) == len(ranked)
    assert [case.candidates[place] for place in ranked] == [
        p for p, place in zip(found.product_ids, found.places, strict=True) if place != UNRANKED
    ]
    assert min(found.removed.values(), default=1) > 0


@given(cases())
def test_nothing_is_shown_that_may_not_be_and_nothing_twice(case: Case):
    shown = case.arranged().product_ids
    oracle = Oracle(case)
    assert len(set(shown)) == len(shown) <= case.n
    assert all(oracle.hidden(product_id) is None and oracle.withheld(product_id, set()) is None for product_id in shown)


@given(cases())
def test_caps_hold_on_what_is_returned(case: Case):
    rules = replace(case.rules, fill=False)
    shown = case.arranged(rules=rules).product_ids
    oracle = Oracle(case)
    kinds = [oracle.kind(product_id) for product_id in shown]
    for cap, named in ((rules.caps.category, [c for c, _ in kinds]), (rules.caps.brand, [b for _, b in kinds])):
        assert cap is None or max(Counter(name for name in named if name is not None).values(), default=0) <= cap


@given(cases())
def test_filling_only_adds_at_the_end(case: Case):
    rules = replace(case.rules, pins=())
    short, filled = (case.arranged(rules=replace(rules, fill=fill)).product_ids for fill in (False, True))
    assert filled[: len(short)] == short
    capped = case.arranged(rules=replace(rules, fill=False)).removed
    assert len(filled) == min(case.n, len(short) + capped["category_cap"] + capped["brand_cap"])


@given(cases())
def test_a_pin_stands_at_its_position_or_at_the_end_of_a_shorter_list(case: Case):
    case = replace(case, rules=replace(case.rules, caps=Caps()))
    found = case.arranged()
    expected = {at: p for at, p in Oracle(case).pins().items() if at <= case.n and Oracle(case).withheld(p, set()) is None}
    assert {found.product_ids[position] for position in found.pinned} == set(expected.values())
    rest = len(found.product_ids) - len(expected)
    for position, product_id in expected.items():
        if position - 1 <= rest:
            assert found.product_ids[position - 1] == product_id


@given(cases(busy=False))
def test_the_default_rules_change_no_order(case: Case):
    shown = case.arranged(exclusions=Exclusions()).product_ids
    offered = [p for p in dict.fromkeys(case.candidates) if Oracle(case).hidden(p) is None]
    assert list(shown) == offered[: case.n]


@given(cases(), st.sampled_from(("boosts", "caps", "diversity")))
def test_rules_that_say_nothing_change_nothing(case: Case, which: str):
    nothing = {
        "boosts": Rules(boosts=(Boost(Selection(categories=("A",), brands=("x",)), 1.0),)),
        "caps": Rules(caps=Caps(99, 99, 1)),
        "diversity": Rules(diversity=0.0, boosts=(Boost(Selection(brands=("of nobody",)), 5.0),)),
    }[which]
    assert case.arranged(rules=nothing).product_ids == case.arranged(rules=Rules()).product_ids


@given(cases(), st.sampled_from(RANKED), st.floats(0, 4), st.floats(1, 4))
def test_more_boost_never_lowers_a_product(case: Case, product_id: str, factor: float, more: float):
    def place(by: float) -> int:
        rules = Rules(boosts=(*case.rules.boosts, Boost(Selection((product_id,)), by)))
        shown = case.arranged(rules=rules, n=99).product_ids
        return shown.index(product_id) if product_id in shown else -1

    assert place(factor * more) <= place(factor)


@given(cases())
def test_full_diversity_begins_with_the_best_and_goes_on_with_the_least_alike(case: Case):
    found = case.arranged(rules=Rules(diversity=1.0), exclusions=Exclusions())
    plain = case.arranged(rules=Rules(), exclusions=Exclusions(), n=99)
    shown = found.product_ids
    assert list(shown[:1]) == list(plain.product_ids[:1])
    oracle = Oracle(case)
    for position in range(1, len(shown)):
        nearest = {p: max(oracle.likeness(p, s) for s in shown[:position]) for p in plain.product_ids if p not in shown[:position]}
        assert nearest[shown[position]] == min(nearest.values())
