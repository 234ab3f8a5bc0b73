"""From signals to lists: recall, rank, leave out what may not be shown, fill from what is popular."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.asked import Asked
from training.affinity.candidates import DEPTH, MOST, Candidates, Mask, candidates
from training.affinity.history import Ints
from training.affinity.orders import PLAIN, Order
from training.affinity.pair_features import pair_features
from training.affinity.recall import PLAIN as BASELINE
from training.affinity.recall import Recall
from training.affinity.sheets import plain_scores
from training.affinity.sources.source import Floats32

FILLED: Final = "popularity"
BOUGHT: Final = "personal_frequency"
IMPERSONAL: Final = ("popularity", "popular_lately", "popular_next", "popular_in_place")
AFTER_OTHERS: Final = np.float32(0.999)
MARGIN: Final = 2  # candidates for every rank that is asked for


@dataclass(frozen=True)
class List:
    """One customer's list, best first: columns of the range, scores between 0 and 1, and the source that says most for each."""

    columns: Ints
    scores: NDArray[np.float64]
    sources: tuple[str, ...]


def ranked(recall: Recall, asked: Asked, n: int, order: Order, *, exclude_purchased: bool, offered: Mask | None) -> list[List]:
    """The best `n` products of every customer in `asked`; `offered` says which columns may be shown, None all.

    The candidates that are ranked are those that were judged, however long the list: it goes on with what the sources name next, then with
    what is popular, then with what nobody bought yet, and is shorter only where no more may be shown.
    """
    plain = order.way == PLAIN
    if plain:
        recall = recall.keep(BASELINE)  # as it was judged: what other sources say must not crowd out what they buy
    said = [source.scores(asked) for source in recall.sources]
    blocked = _blocked(asked, exclude_purchased=exclude_purchased, offered=offered)
    orders = recall.orders(asked)
    deep = {"depth": max(DEPTH, n), "most": max(MOST, MARGIN * n)}
    chosen = candidates(said, orders=orders, blocked=blocked, **deep if plain else {})
    further = candidates(said, orders=orders, blocked=blocked, **deep) if n > DEPTH and not plain else None
    scores = _scores(recall, asked, said, chosen, order)
    ends = np.cumsum(np.bincount(chosen.row, minlength=asked.customers))
    names = [source.name for source in recall.sources]
    lists = []
    for row, (start, end) in enumerate(zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True)):
        best = start + np.argsort(-scores[start:end], kind="stable")[:n]
        columns = chosen.column[best]
        sources = _loudest(chosen.ranks[best], names, asked.had[row, columns])
        allowed = None if blocked is None else ~blocked[row % len(blocked)]
        head = List(columns, _between_0_and_1(scores[best], order), sources)
        lists.append(_filled(head if further is None else _continued(head, further, row, names, n), recall, n, allowed))
    return lists


def popular_first(recall: Recall, n: int, offered: Mask | None) -> List:
    """What is popular: the answer where nothing is known."""
    nothing = List(np.zeros(0, np.int64), np.zeros(0), ())
    return _filled(nothing, recall, n, offered)


def _blocked(asked: Asked, *, exclude_purchased: bool, offered: Mask | None) -> Mask | None:
    """(customers, products) or (1, products); None where everything may be shown."""
    if offered is None:
        return asked.had if exclude_purchased else None
    gone = ~offered[None, :]
    return gone | asked.had if exclude_purchased else gone


def _scores(recall: Recall, asked: Asked, said: list[Floats32], chosen: Candidates, order: Order) -> NDArray[np.float64]:
    if order.way == PLAIN:
        plain = plain_scores(said, [source.name for source in recall.sources])
        return plain[chosen.row, chosen.column].astype(float)
    return order.scores(pair_features(asked, recall.range, said, chosen), [source.name for source in recall.sources])


def _between_0_and_1(scores: NDArray[np.float64], order: Order) -> NDArray[np.float64]:
    """The logistic of a ranker's scores; a blend's s as s / (1 + s): the order stays."""
    return 1.0 / (1.0 + np.exp(-scores)) if order.ranker is not None else scores / (1.0 + scores)


def _loudest(ranks: Floats32, names: list[str], bought: NDArray[np.bool_]) -> tuple[str, ...]:
    """What they bought themselves speaks for itself; otherwise the source that ranks the product highest, of equals one about the customer."""
    weight = np.asarray([AFTER_OTHERS if name in IMPERSONAL else 1.0 for name in names], np.float32)
    loudest = (ranks * weight).argmax(axis=1).tolist()
    return tuple(BOUGHT if own else names[at] for at, own in zip(loudest, bought.tolist(), strict=True))


def _continued(head: List, further: Candidates, row: int, names: list[str], n: int) -> List:
    """The list, and after it what the sources name next, by their fused ranks; scores fall below the list's."""
    mine = slice(*np.searchsorted(further.row, [row, row + 1]).tolist())
    columns, ranks = further.column[mine], further.ranks[mine]
    order = np.argsort(-ranks.sum(axis=1), kind="stable")
    order = order[~np.isin(columns[order], head.columns)][: n - len(head.columns)]
    sources = tuple(names[at] for at in ranks[order].argmax(axis=1).tolist())
    return _longer(head, columns[order], sources)


def _longer(short: List, more: Ints, sources: tuple[str, ...]) -> List:
    least = float(short.scores[-1]) if len(short.scores) else 1.0
    scores = least / (2.0 + np.arange(len(more)))
    return List(np.concatenate([short.columns, more]), np.concatenate([short.scores, scores]), short.sources + sources)


def _filled(short: List, recall: Recall, n: int, allowed: Mask | None) -> List:
    """Columns stand most popular first, so the first that are left are the most popular; their scores fall below the list's."""
    missing = n - len(short.columns)
    if missing <= 0:
        return short
    free = np.ones(len(recall.range.product_ids), bool) if allowed is None else allowed.copy()
    free[short.columns] = False
    more = np.flatnonzero(free)[:missing]
    return _longer(short, more, (FILLED,) * len(more))
