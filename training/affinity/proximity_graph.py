"""Nearly the products with the greatest inner product with a query, from a graph of neighbours (HNSW; Malkov and Yashunin, 2020), with usearch.

Graphs walk by distance, and inner product is none. One more dimension makes it one (Bachrach et al., 2014): with M the longest product,
y* = (y, sqrt(M^2 - |y|^2)) and x* = (x, 0) stand at |x* - y*|^2 = |x|^2 + M^2 - 2 x'y, so that the nearest has the greatest inner product.
"""

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError

Floats32 = NDArray[np.float32]
Columns = NDArray[np.int64]

NEIGHBOURS: Final = 32  # M: edges of a product at each level
BUILD_WIDTH: Final = 200  # efConstruction


@dataclass(frozen=True)
class ProximityGraph:
    """A graph over products, and `width` (ef): how many are kept in view on the walk, more being better and slower."""

    index: Any
    width: int

    @classmethod
    def over(cls, products: Floats32, *, width: int, threads: int, rng: np.random.Generator) -> Self:
        """A graph of these vectors (products, d). The order of insertion is drawn; with one thread the same draw gives the same graph.

        Raises InputError where usearch is not installed.
        """
        index = _usearch().Index(
            ndim=products.shape[1] + 1,
            metric="l2sq",
            dtype="f32",
            connectivity=NEIGHBOURS,
            expansion_add=BUILD_WIDTH,
            expansion_search=width,
        )
        order = rng.permutation(len(products))
        index.add(order.astype(np.uint64), lifted(products)[order], threads=threads)
        return cls(index, width)

    def with_width(self, width: int) -> Self:
        """The same graph, walked with this width."""
        return replace(self, width=width)

    def near(self, query: Floats32, k: int) -> Columns:
        """About the best `k` columns for one query (d,), in no order; fewer where the walk ends early."""
        self.index.expansion_search = max(self.width, k)
        found = self.index.search(np.append(query, np.float32(0.0)), k, threads=1)
        return np.asarray(found.keys, np.int64)

    def write(self, file: Path) -> None:
        """Writes the graph, with a copy of the vectors, in usearch's own format."""
        self.index.save(file)

    @classmethod
    def read(cls, file: Path, shape: tuple[int, int], width: int) -> Self:
        """The graph in `file`, of (products, d) vectors; InputError where it is of others."""
        index = _usearch().Index.restore(file)
        if index is None or (len(index), index.ndim - 1) != shape:
            raise InputError(f"{file} is no index of these {shape[0]:,} products.", remedy="Train again, or roll back.")
        return cls(index, width)


def _usearch() -> Any:
    try:
        return import_module("usearch.index")
    except ImportError as error:
        raise InputError(
            "usearch is not installed, and this range is searched with it.", remedy="pip install 'nextbest[large]'."
        ) from error


def lifted(products: Floats32) -> Floats32:
    """y* of each product: (products, d + 1), all of the length of the longest."""
    squares = np.einsum("ij,ij->i", products, products, dtype=np.float64)
    further = np.sqrt(np.maximum(squares.max(initial=0.0) - squares, 0.0))
    return np.column_stack([products, further.astype(np.float32)])
