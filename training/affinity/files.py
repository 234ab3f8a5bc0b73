"""An affinity model's files: the range and the sources as .npz of plain arrays, rankers as LightGBM's text. No pickle, ids as fixed-width text."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.catalogue import Catalogue
from training.affinity.orders import Order, Orders
from training.affinity.product_index import ProductIndex
from training.affinity.ranker import Ranker
from training.affinity.recall import SOURCES, Range, Recall
from training.affinity.sources.matrix_factorisation import MatrixFactorisation
from training.affinity.sources.source import Source

RANGE: Final = "range.npz"
INDEX: Final = "index"
_ARRAYS: Final = ("product_ids", "buyers", "again", "first", "last", "popular", "trend")


def write_recall(folder: Path, recall: Recall) -> None:
    """Writes the range and its sources into `folder`."""
    known = recall.range
    arrays: dict[str, NDArray[Any]] = {name: getattr(known, name) for name in _ARRAYS}
    arrays |= {f"catalogue.{field.name}": getattr(known.catalogue, field.name) for field in fields(Catalogue)}
    arrays["place_names"] = np.asarray(known.place_names, dtype=str)
    arrays["of"] = np.asarray([known.as_of_day, known.gap_days], float)
    np.savez(folder / RANGE, **arrays)  # type: ignore[arg-type]  # its stub takes every keyword for allow_pickle
    for source in recall.sources:
        np.savez(folder / f"{source.name}.npz", **dict(source.arrays()))  # type: ignore[arg-type]
        if isinstance(source, MatrixFactorisation) and source.index is not None:
            (folder / INDEX).mkdir()
            source.index.write(folder / INDEX)


def read_recall(folder: Path, names: Sequence[str]) -> Recall:
    """The range, and the sources of these names, that were written into `folder`."""
    with np.load(folder / RANGE, allow_pickle=False) as read:
        catalogue = Catalogue(*(read[f"catalogue.{field.name}"] for field in fields(Catalogue)))
        day, gap = read["of"].tolist()
        arrays = {name: read[name] for name in _ARRAYS}
        places = tuple(read["place_names"].tolist())
        known = Range(**arrays, catalogue=catalogue, as_of_day=int(day), gap_days=gap, place_names=places)
    return Recall(known, tuple(_source(folder, name) for name in names))


def write_orders(folder: Path, orders: Orders) -> Mapping[str, Mapping[str, object]]:
    """Writes the rankers into `folder`, and gives what else there is to know of each mode's way, for the header."""
    for mode, order in orders.modes.items():
        if order.ranker is not None:
            order.ranker.write(folder / f"ranker_{mode}.txt")
    return {mode: {"way": order.way, "weight": order.weight} for mode, order in orders.modes.items()}


def read_orders(folder: Path, told: Mapping[str, Mapping[str, Any]]) -> Orders:
    """The ways that `write_orders` told of."""
    return Orders({mode: _order(folder / f"ranker_{mode}.txt", **each) for mode, each in told.items()})


def _source(folder: Path, name: str) -> Source:
    with np.load(folder / f"{name}.npz", allow_pickle=False) as read:
        source: Source = SOURCES[name].read({key: read[key] for key in read.files})
    if isinstance(source, MatrixFactorisation) and (folder / INDEX).exists():
        return replace(source, index=ProductIndex.read(folder / INDEX, source.factors.products))
    return source


def _order(ranker: Path, *, way: str, weight: float) -> Order:
    return Order(way, weight, Ranker.read(ranker) if ranker.exists() else None)
