"""From numbers to columns: ids, words, instants and JSON texts for whole tables at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SECONDS_A_DAY = 86_400


def words(vocabulary: Sequence[str], numbers: Ints) -> Any:
    """The word of each number; null for a negative number."""
    indices: Any = pa.array(numbers, mask=numbers < 0)
    return pa.array(vocabulary, type=pa.string()).take(indices)


def ids(prefix: str, numbers: Ints, *, digits: int = 7) -> Any:
    """Prefix and number, filled with zeros; null for a negative number."""
    text = pc.cast(pa.array(numbers, mask=numbers < 0), pa.string())
    return joined([prefix, pc.utf8_lpad(text, digits, "0")])


def instants(start: datetime, days: Floats) -> Any:
    """Days since start as instants, cut to the second; null for NaN."""
    missing = np.isnan(days)
    seconds = np.floor(np.where(missing, 0.0, days) * SECONDS_A_DAY).astype(np.int64)
    first = np.datetime64(start, "us").astype(np.int64)
    return pa.array(first + seconds * 1_000_000, mask=missing).cast(pa.timestamp("us"))


def numbers(values: NDArray[Any]) -> Any:
    """Numbers as floats; null for NaN."""
    return pa.array(values.astype(np.float64), from_pandas=True)


def joined(parts: Sequence[Any]) -> Any:
    """Texts (columns, or one text for all rows) put together row by row; null where one part is null."""
    return pc.binary_join_element_wise(*parts, "")


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """A DataFrame of these columns: str, datetime64[us], float64, int64 and bool."""
    made: pd.DataFrame = pa.table(dict(columns)).to_pandas()
    return made
