"""Customer attributes as features: what the customers table says of a customer, in the form that a model can learn from and name again.

The name of such a feature says all about it: `attribute:age` is the number in the column age, `attribute:city=Huế` is 1 where the city is
Huế and 0 elsewhere, `attribute:joined_at` is the days since that instant. So a model's list of names is enough to compute them for a request.
Attributes have no history: they are taken as they stand today. Who puts totals of orders into them tells a model the future; such
columns are recognised by their ranks, which follow those of the orders, and left out.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import AS_OF, CUSTOMER_ID, JOINED_AT
from features.profiles import CONSENT_PREFIX

if TYPE_CHECKING:  # serving computes the attributes of one profile without the engine
    from features.engine import Tables

PREFIX: Final = "attribute:"
PERSONAL: Final = ("name", "email", "phone")
MOST_LEVELS: Final = 12
LEAST_CUSTOMERS: Final = 20
LEAST_SHARE: Final = 0.01
FOLLOWS: Final = 0.8
ORDER_TRACES: Final = ("order_count", "value_total", "days_since_last_order", "value_per_order_mean", "recency_days")


def attribute_names(tables: "Tables", known: pd.DataFrame) -> tuple[str, ...]:
    """The attribute features that this shop's customers table offers; `known` are features of its customers at one time.

    Numbers and instants as they are; of texts and flags the most frequent values: at most 12, each of 20 customers and 1 % at least. Names,
    addresses and consent are none. Columns with one value, and those whose ranks follow the customers' orders, are left out.
    """
    customers = _customers(tables)
    found = [name for column in customers.columns for name in _names(column, customers[column])]
    values = beside(known[[CUSTOMER_ID, AS_OF]], tables, found)
    return tuple(name for name in found if not _follows_orders(values[name], known))


def beside(table: pd.DataFrame, tables: "Tables", names: Iterable[str]) -> pd.DataFrame:
    """The table (customer_id, as_of, ...) with the attribute features among `names` as further float64 columns.

    Unknown customers and empty cells are NaN for numbers and instants, 0 for a value; an instant at or after as_of is NaN.
    """
    wanted = [name for name in names if name.startswith(PREFIX)]
    if not wanted:
        return table
    customers = _customers(tables).reindex(table[CUSTOMER_ID])
    as_of = table[AS_OF].to_numpy("datetime64[us]")
    found = {name: _column(customers, *_parts(name), as_of) for name in wanted}
    return pd.concat([table, pd.DataFrame(found, index=table.index)], axis=1)


def of_profile(profile: Mapping[str, Any], names: Iterable[str], as_of: datetime) -> dict[str, float]:
    """The attribute features among `names` of one customer, from their profile (`features.profiles`), as `beside` gives them."""
    return {name: _value(profile, *_parts(name), as_of) for name in names if name.startswith(PREFIX)}


def _value(profile: Mapping[str, Any], column: str, level: str | None, as_of: datetime) -> float:
    value = profile.get(column)
    if value is None or value != value:
        return math.nan if level is None else 0.0
    if level is not None:
        return float(_text(value) == level)
    if not isinstance(value, str | datetime):
        return float(value)
    days = _days_since(value, as_of)
    return days if days > 0 else math.nan


def _days_since(instant: str | datetime, as_of: datetime) -> float:
    """Days since an instant, which profiles hold as ISO text; NaN for text that is none."""
    try:
        found = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    except ValueError:
        return math.nan
    naive = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    return (as_of - naive) / timedelta(days=1)


def _customers(tables: "Tables") -> pd.DataFrame:
    """Attribute columns by customer_id; a customer_id that stands twice counts once."""
    kept = [c for c in tables.customers.columns if not c.startswith(CONSENT_PREFIX) and c not in PERSONAL]
    frame: pd.DataFrame = tables.customers.select(*kept).to_pandas()
    return frame.drop_duplicates(CUSTOMER_ID).set_index(CUSTOMER_ID)


def _names(column: str, values: pd.Series) -> list[str]:
    present = values.dropna()
    if present.nunique() < 2 and (present.empty or len(present) == len(values)):
        return []
    if _is_instant(column, values):
        return [PREFIX + column]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return [PREFIX + column]
    counts = present.map(_text).value_counts()
    often = counts[counts >= max(LEAST_CUSTOMERS, LEAST_SHARE * len(values))]
    levels = ["true"] if set(counts.index) == {"true", "false"} and len(often) else often.index[:MOST_LEVELS]
    return [f"{PREFIX}{column}={level}" for level in levels]


def _is_instant(column: str, values: pd.Series) -> bool:
    return column == JOINED_AT or pd.api.types.is_datetime64_any_dtype(values)


def _parts(name: str) -> tuple[str, str | None]:
    column, equals, level = name.removeprefix(PREFIX).partition("=")
    return column, level if equals else None


def _column(customers: pd.DataFrame, column: str, level: str | None, as_of: NDArray[np.datetime64]) -> NDArray[np.float64]:
    if column not in customers:
        return np.full(len(customers), np.nan if level is None else 0.0)
    values = customers[column]
    if level is not None:
        return np.array([value is not None and value == value and _text(value) == level for value in values], dtype=float)
    if _is_instant(column, values):
        days = (as_of - pd.to_datetime(values).to_numpy("datetime64[us]")) / np.timedelta64(1, "D")
        return np.where(days > 0, days, np.nan)
    return pd.to_numeric(values, errors="coerce").to_numpy(float, na_value=np.nan)


def _text(value: Any) -> str:
    """A value as the name of a level: a flag reads the same from a table and from a profile."""
    return str(bool(value)).lower() if isinstance(value, bool | np.bool_) else str(value)


def _follows_orders(values: pd.Series, known: pd.DataFrame) -> bool:
    ranks = values.rank()
    return any(
        abs(ranks.corr(known[trace].rank())) > FOLLOWS for trace in ORDER_TRACES if ranks.nunique() > 1 and known[trace].nunique() > 1
    )
