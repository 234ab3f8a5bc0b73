"""Neighbours of products: sparse products of two tables, of which every row keeps its largest values, and what they say of a customer."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from training.affinity.history import Ints
from training.affinity.sources.source import Arrays, Floats32

NEIGHBOURS: Final = 50
CELLS: Final = 20_000_000  # of a dense block: its rows are multiplied at once


def nearest(left: csr_matrix, right: csr_matrix, most: int = NEIGHBOURS, *, to_itself: bool = False) -> csr_matrix:
    """left' right, (products, products): every row keeps its `most` largest values; the diagonal only where `to_itself`.

    `left` and `right` are (observations, products), not negative. Equal values are kept in the order of columns.
    """
    across = csr_matrix(left.T)
    step = max(1, CELLS // max(1, right.shape[1]))
    blocks = [csr_matrix(across[at : at + step] @ right) for at in range(0, across.shape[0], step)]
    kept = [_largest(block, most, at=at * step if not to_itself else None) for at, block in enumerate(blocks)]
    return csr_matrix(vstack(kept), dtype=np.float32) if kept else csr_matrix(right.T @ right, dtype=np.float32)


def _largest(block: csr_matrix, most: int, *, at: int | None) -> csr_matrix:
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    value, column = block.data, block.indices
    keep = value > 0 if at is None else (value > 0) & (column != row + at)
    row, column, value = row[keep], column[keep], value[keep]
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    begin = np.searchsorted(row, np.arange(block.shape[0]))
    first = np.arange(len(row)) - begin[row] < most
    return csr_matrix((value[first], (row[first], column[first])), shape=block.shape, dtype=np.float32)


def spread(row: Ints, column: Ints, weight: NDArray[np.float64], near: csr_matrix, customers: int) -> Floats32:
    """Sum over a customer's own products of weight x nearness: (customers, products). `row` and `column` are those products."""
    entry, length = _entries(column, near)
    key = np.repeat(row * near.shape[1], length) + near.indices[entry]
    said = np.bincount(key, np.repeat(weight, length) * near.data[entry], customers * near.shape[1])
    return said.astype(np.float32).reshape(customers, near.shape[1])


def nearness(own: Ints, columns: Ints, near: csr_matrix) -> NDArray[np.float64]:
    """How near each of these products, `own`, is to each of `columns`: (own, columns)."""
    entry, length = _entries(own, near)
    place = np.full(near.shape[1], -1, np.int16)
    place[columns] = np.arange(len(columns))
    at = place[near.indices[entry]]
    hit = at >= 0
    table = np.zeros((len(own), len(columns)))
    table[np.repeat(np.arange(len(own)), length)[hit], at[hit]] = near.data[entry[hit]]
    return table


def _entries(column: Ints, near: csr_matrix) -> tuple[Ints, Ints]:
    """Where the neighbours of these products stand in the table, and how many each has."""
    begin = near.indptr[column].astype(np.int64)
    length = near.indptr[column + 1] - begin
    end = np.cumsum(length)
    return np.arange(end[-1] if len(end) else 0) + np.repeat(begin - end + length, length), length


def near_arrays(near: csr_matrix) -> Arrays:
    """The neighbours as arrays."""
    return {"data": near.data.astype(np.float32), "indices": near.indices.astype(np.int32), "indptr": near.indptr.astype(np.int64)}


def read_near(arrays: Arrays) -> csr_matrix:
    """The neighbours from `near_arrays`."""
    products = len(arrays["indptr"]) - 1
    return csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(products, products))
