"""Columns of ids of many customers as codes, each customer's own numbered from 0."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.crowds import Ints, OwnNames


def coded(columns: Sequence["pa.ChunkedArray[Any]"]) -> tuple[list[Ints], NDArray[Any]]:
    """Columns of text as codes, the same name the same code in all of them (-1 for missing), and the names."""
    together = pa.chunked_array([chunk.cast(pa.string()) for column in columns for chunk in column.chunks], pa.string())
    encoded: Any = together.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    names = np.array(encoded.dictionary.to_pylist(), object)
    return np.split(codes, np.cumsum([len(column) for column in columns])[:-1]), names


def own_codes(
    columns: Sequence["pa.ChunkedArray[Any]"], owners: Sequence[Ints], customers: int
) -> tuple[list[NDArray[np.int32]], OwnNames]:
    """For each column of ids every row's code among its customer's names (-1 for missing), and these names.

    `owners` are the customers' places, 0 to `customers` - 1, of each column's rows.
    """
    codes, names = coded(columns)
    code, owner = np.concatenate(codes), np.concatenate(owners)
    width = max(len(names), 1)
    known = code >= 0
    keys, place = _distinct((owner * width + code)[known], customers * width)
    bounds = np.searchsorted(keys, np.arange(customers + 1) * width)
    own = np.full(len(code), -1, np.int32)
    own[known] = place - bounds[owner[known]]
    return np.split(own, np.cumsum([len(each) for each in codes])[:-1]), OwnNames(names[keys % width].tolist() if len(keys) else [], bounds)


def _distinct(keys: Ints, below: int) -> tuple[Ints, Ints]:
    """The distinct keys, rising, and where each key stands among them; all of them are 0 or more, and less than `below`."""
    if below > 4 * len(keys):
        found, place = np.unique(keys, return_inverse=True)
        return found, place
    there = np.zeros(below, bool)
    there[keys] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[keys]
