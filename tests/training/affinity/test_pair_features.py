"""What the ranker knows of a customer and a candidate, against the same computed from the raw rows of that one customer."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.instants import DAY_US, microseconds
from features.interaction_tables import Interactions
from training.affinity import pair_features as features
from training.affinity.candidates import Candidates, candidates
from training.affinity.history import encode
from training.affinity.pair_features import CATALOGUE, CUSTOMER, INTEREST, PAIR, PRODUCT, names, pair_features
from training.affinity.questions import of_tables
from training.affinity.recall import SOURCES, fit_recall
from training.affinity.sources.source import HalfLives

START = datetime(2025, 1, 1)
LEARNED, ASKED = START + timedelta(days=60), START + timedelta(days=75, hours=5)
NAN = float("nan")


def interest(rows):
    """Rows of (customer, product, day as a float, event_type)."""
    table = pd.DataFrame([(c, p, kind, START + timedelta(days=d)) for c, p, d, kind in rows])
    return table.set_axis(["customer_id", "product_id", "event_type", "occurred_at"], axis=1).astype(
        {"customer_id": "str", "product_id": "str", "event_type": "str", "occurred_at": "datetime64[us]"}
    )


def shop_of(purchases, listed, *, stretch=1):
    """Twelve customers, of whom c11 buys nothing and c10 only what is new to the model; products a to h, of which h is never sold."""
    rng = np.random.default_rng(8)
    products, kinds = list("abcdefg"), ["product_view", "add_to_cart", "remove_from_cart", "checkout_started"]
    rows = [(f"c{c:02}", str(rng.choice(products)), int(rng.integers(0, 30)) * 2) for c in range(10) for _ in range(1 + 3 * c)]
    rows += [(f"c{c:02}", "z", 62 + 2 * c) for c in range(4)] + [("c10", "z", 70)] + [("c03", "a", 72), ("c04", "b", 75)]
    seen = [
        (f"c{c:02}", str(rng.choice([*products, "h", "z"])), int(rng.integers(0, 75)), str(rng.choice(kinds)))
        for c in range(8)
        for _ in range(8)
    ]
    seen += [("c11", "a", 74, "product_view"), ("c11", "a", 75, "add_to_cart"), ("c04", "b", 75, "product_view")]
    described = [
        {"product_id": p, "category": f"K{i % 3}" if i % 4 else "", "brand": f"B{i % 2}", "list_price": NAN if p == "c" else 3.0 + i}
        for i, p in enumerate("abcdefgh")
    ]
    bought = purchases([(c, p, d * stretch) for c, p, d in rows]).sort_values("ordered_at", ignore_index=True)
    return Interactions(bought, interest([(c, p, d * stretch, kind) for c, p, d, kind in seen]), listed(described))


def every_pair(asked):
    row, column = (at.ravel() for at in np.meshgrid(np.arange(asked.customers), np.arange(asked.products), indexing="ij"))
    return Candidates(row, column, np.zeros((len(row), 1), np.float32))


@pytest.fixture(scope="module")
def known(purchases, listed):
    return shop_of(purchases, listed)


@pytest.fixture(scope="module")
def learned(known):
    return fit_recall(encode(known.before(LEARNED)), LEARNED, HalfLives(100.0, 20.0), names=["popularity"])


@pytest.fixture(scope="module")
def table(known, learned):
    """Every customer and product, with every feature but the sources' own, by name."""
    customers = np.array([f"c{c:02}" for c in range(12)])
    asked = of_tables(known.before(ASKED), customers, microseconds(ASKED) // DAY_US, learned.range)
    said = [source.scores(asked) for source in learned.sources]
    chosen = every_pair(asked)
    values = pair_features(asked, learned.range, said, chosen)
    assert values.dtype == np.float32
    frame = pd.DataFrame(values.astype(float), columns=list(names(["popularity"])))
    return frame.assign(customer_id=customers[chosen.row], product_id=learned.range.product_ids[chosen.column])


class Raw:
    """One customer's rows of tables before a time, in days from 1970; what is outside the model's range is one product, z."""

    def __init__(self, known, customer, before):
        own = known.purchases[(known.purchases.customer_id == customer) & (known.purchases.ordered_at < before)]
        looked = known.interest[(known.interest.customer_id == customer) & (known.interest.occurred_at < before)]
        self.rows = {(p, at // DAY_US) for p, at in zip(own.product_id, own.ordered_at.astype("int64"), strict=True)}
        self.seen = list(zip(looked.product_id, looked.occurred_at.astype("int64") / DAY_US, looked.event_type, strict=True))
        self.days = sorted({day for _, day in self.rows})
        self.products = sorted({p for p, _ in self.rows} - {"z"})

    def of(self, product):
        return sorted(day for p, day in self.rows if p == product)


def share(raw, product, half_life=float("inf"), fading=1.0):
    if not raw.days:
        return 0.0
    weights = {day: fading**back * 2 ** -((raw.days[-1] - day) / half_life) for back, day in enumerate(reversed(raw.days))}
    return sum(weights[day] for day in raw.of(product)) / sum(weights.values())


def between_of(raw, product, day, gap):
    days = raw.of(product)
    shares = [share(raw, product, 2 * gap), share(raw, product, 8 * gap), share(raw, product, 32 * gap)]
    shares += [share(raw, product, fading=0.7), share(raw, product, fading=0.9)]
    if not days:
        return [*shares, 0, 0, *[NAN] * 6]
    every = (days[-1] - days[0]) / (len(days) - 1) if len(days) > 1 else NAN
    baskets_since = len([d for d in raw.days if d > days[-1]])
    ages = [(day - days[-1]) / gap, (raw.days[-1] - days[-1]) / gap, (day - days[0]) / gap]
    return [*shares, len(days), len(days) / len(raw.days), baskets_since, *ages, every / gap, (day - days[-1]) / every]


def customer_of(raw, day, gap):
    if not raw.days:
        return [0, 0, 0, NAN, NAN, NAN, 0]
    repeated = np.mean([len(raw.of(p)) > 1 for p in raw.products]) if raw.products else 0.0
    every = (raw.days[-1] - raw.days[0]) / (len(raw.days) - 1) / gap if len(raw.days) > 1 else NAN
    ages = [(day - raw.days[-1]) / gap, (day - raw.days[0]) / gap]
    return [len(raw.days), len(raw.products), repeated, *ages, every, len(raw.rows) / len(raw.days)]


def catalogue_of(raw, product, described):
    own = described.loc[raw.products]
    shares = []
    for column in ("category", "brand"):
        told = own[column][own[column] != ""]
        value = described.loc[product, column]
        shares.append(NAN if value == "" else float((told == value).mean()) if len(told) else 0.0)
    price = own.list_price.dropna()
    return [*shares, described.loc[product, "list_price"] / price.mean() if len(price) else NAN]


def interest_of(raw, product, day, gap):
    at = {kind: [when for p, when, told in raw.seen if p == product and told in kinds] for kind, kinds in KINDS.items()}
    bought = raw.of(product)[-1] + 1 if raw.of(product) else 0.0
    last = max([*at["looked"], *at["cart"]], default=0.0)
    cart = max(at["cart"], default=0.0)
    in_cart = cart > max(at["out"], default=0.0) and cart >= bought
    return [len(at["looked"]), max(day - last, 0.0) / gap if last >= max(bought, 1.0) else NAN, float(in_cart)]


KINDS = {"looked": ["product_view"], "cart": ["add_to_cart", "checkout_started"], "out": ["remove_from_cart"]}


def test_there_is_a_column_for_every_name(learned, table):
    assert names(["x", "y"]) == ("score:x", "score:y", "rank:x", "rank:y", "fused", *PAIR, *CUSTOMER, *PRODUCT, *CATALOGUE, *INTEREST)
    assert len(set(names(list(SOURCES)))) == len(names(list(SOURCES)))
    assert len(table) == 12 * 8
    assert sorted(learned.range.product_ids) == list("abcdefgh")


@pytest.mark.parametrize("block", ["PAIR", "CUSTOMER", "CATALOGUE", "INTEREST"])
def test_features_are_those_of_the_raw_rows(known, learned, table, block):
    day, gap = microseconds(ASKED) // DAY_US, learned.range.gap_days
    described = known.products.set_index("product_id")
    expected = []
    for customer, product in zip(table.customer_id, table.product_id, strict=True):
        raw = Raw(known, customer, ASKED)
        expected.append(
            {
                "PAIR": lambda raw=raw, product=product: between_of(raw, product, day, gap),
                "CUSTOMER": lambda raw=raw: customer_of(raw, day, gap),
                "CATALOGUE": lambda raw=raw, product=product: catalogue_of(raw, product, described),
                "INTEREST": lambda raw=raw, product=product: interest_of(raw, product, day, gap),
            }[block]()
        )
    columns = list(getattr(features, block))
    for name, values in zip(columns, np.array(expected, float).T, strict=True):
        assert table[name].to_numpy() == pytest.approx(values, rel=1e-5, abs=1e-6, nan_ok=True), name
        assert len(set(values[~np.isnan(values)])) > 1, f"{name} is put to the test"


def test_products_are_as_they_were_when_the_model_learned(known, learned, table):
    day, gap = microseconds(LEARNED) // DAY_US, learned.range.gap_days
    raws = [Raw(known, f"c{c:02}", LEARNED) for c in range(12)]
    pairs = [(raw, p) for raw in raws for p in raw.products]
    usual = np.mean([len(raw.of(p)) > 1 for raw, p in pairs])
    faded = {gaps: {p: sum(2 ** -((day - d) / (gaps * gap)) for raw in raws for d in raw.of(p)) for p in "abcdefgh"} for gaps in (8, 0.5)}
    for product, rows in table.groupby("product_id"):
        own = [raw for raw in raws if raw.of(product)]
        days = [d for raw in own for d in raw.of(product)]
        again = (sum(len(raw.of(product)) > 1 for raw in own) + 5 * usual) / (len(own) + 5)
        ages = [(day - min(days)) / gap, (day - max(days)) / gap] if days else [NAN, NAN]
        popular, late = (faded[gaps][product] / max(faded[gaps].values()) for gaps in (8, 0.5))
        expected = [np.log1p(len(own)), again, *ages, popular, late / (popular + 1e-9)]
        assert rows[list(PRODUCT)].drop_duplicates().to_numpy() == pytest.approx(np.array([expected]), rel=1e-4, nan_ok=True)


def test_candidates_carry_what_the_sources_say(known, learned):
    asked = of_tables(known.before(ASKED), np.array(["c03", "c05"]), microseconds(ASKED) // DAY_US, learned.range)
    said = [np.random.default_rng(i).random((2, 8)).astype(np.float32) for i in range(2)]
    chosen = candidates(said, depth=3)
    values = pair_features(asked, learned.range, said, chosen)
    assert values.shape == (len(chosen.row), len(names(["x", "y"])))
    assert values[:, :2].tolist() == [[float(said[0][r, c]), float(said[1][r, c])] for r, c in zip(chosen.row, chosen.column, strict=True)]
    assert values[:, 2:4].tolist() == chosen.ranks.tolist()
    assert values[:, 4] == pytest.approx(chosen.ranks.sum(axis=1))


def test_one_customers_features_are_theirs_in_bulk(rich, end):
    recall = fit_recall(encode(rich), end, HalfLives(160.0, 20.0))
    everybody = of_tables(rich, np.unique(np.asarray(rich.purchases.customer_id, dtype=str)), microseconds(end) // DAY_US, recall.range)
    said = [source.scores(everybody) for source in recall.sources]
    chosen = candidates(said)
    bulk = pair_features(everybody, recall.range, said, chosen)
    for row in range(0, 120, 7):
        one = everybody.rows(row, row + 1)
        alone = [source.scores(one) for source in recall.sources]
        assert pair_features(one, recall.range, alone, candidates(alone)).tobytes() == bulk[chosen.row == row].tobytes()


def test_a_shop_at_half_the_pace_has_the_same_features(purchases, listed):
    """Days count in median gaps: nothing depends on the calendar."""
    found = []
    for stretch in (1, 2):
        known = shop_of(purchases, listed, stretch=stretch)
        at, asked_at = START + timedelta(days=60 * stretch), START + timedelta(days=75 * stretch)
        recall = fit_recall(encode(known.before(at)), at, HalfLives(100.0 * stretch, 20.0 * stretch))
        assert len(recall.sources) >= 9
        asked = of_tables(known.before(asked_at), np.array([f"c{c:02}" for c in range(12)]), microseconds(asked_at) // DAY_US, recall.range)
        said = [source.scores(asked) for source in recall.sources]
        found.append((recall.range.gap_days, pair_features(asked, recall.range, said, candidates(said))))
    (gap, once), (gap_of_twice, twice) = found
    assert gap_of_twice == 2 * gap
    assert twice == pytest.approx(once, nan_ok=True)
