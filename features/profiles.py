"""Who the customers are: their profile and consent, as the customers table has them."""

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq

from features.contract import CUSTOMER_ID, CUSTOMERS
from features.home import Home

if TYPE_CHECKING:  # profiles are read without the engine, too
    from features.engine import Tables

CONSENT_PREFIX = "consent_"


def profiles(tables: "Tables") -> dict[str, dict[str, Any]]:
    """Every customer's known columns but consent, by customer_id; what is missing is left out, instants are ISO text."""
    frame = tables.customers.to_pandas()
    kept = [name for name in frame.columns if not name.startswith(CONSENT_PREFIX) and name != CUSTOMER_ID]
    return {row[CUSTOMER_ID]: {name: _plain(row[name]) for name in kept if not _missing(row[name])} for row in frame.to_dict("records")}


def consents(tables: "Tables") -> dict[str, dict[str, bool]]:
    """Consent by customer_id and channel. Where the table has a consent column, no answer is a no."""
    given = [name for name in tables.customers.columns if name.startswith(CONSENT_PREFIX)]
    frame = tables.customers.select(CUSTOMER_ID, *given).to_pandas()
    return {
        row[CUSTOMER_ID]: {name.removeprefix(CONSENT_PREFIX): not _missing(row[name]) and bool(row[name]) for name in given}
        for row in frame.to_dict("records")
    }


def consent_channels(tables: "Tables") -> tuple[str, ...]:
    """The channels for which the customers table has a consent column: on these, no answer is a no."""
    return tuple(name.removeprefix(CONSENT_PREFIX) for name in tables.customers.columns if name.startswith(CONSENT_PREFIX))


def customer_columns(home: Home) -> list[str]:
    """The columns of the home's customers table but consent: what rules may name beside features. Empty without one."""
    path = home.table(CUSTOMERS.name)
    names = pq.read_schema(path).names if path.exists() else []
    return [name for name in names if not name.startswith(CONSENT_PREFIX)]


def consent_columns(home: Home) -> list[str]:
    """The consent columns of the home's customers table. Empty without one."""
    path = home.table(CUSTOMERS.name)
    names = pq.read_schema(path).names if path.exists() else []
    return [name for name in names if name.startswith(CONSENT_PREFIX)]


def _missing(value: Any) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or value != value


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
