"""Whom the visitors of the tables turned out to be."""

from datetime import datetime
from typing import Final

import pandas as pd
from ibis import _

from features.engine import Tables
from features.instants import microseconds
from features.sources import links

VISITOR_COLUMNS: Final = ("visitor_id", "customer_id", "identified_at")


def identified_visitors(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """One row per visitor who was identified before `as_of`, by visitor_id: visitor_id, customer_id, identified_at (naive UTC).

    The first identification counts, of equally early ones the lesser customer_id. Empty where no visitor was identified.
    """
    known = links(tables.events).filter(_.linked_at < microseconds(as_of)).order_by("visitor_id")
    frame: pd.DataFrame = known.to_pandas()
    return frame.assign(identified_at=pd.to_datetime(frame["linked_at"], unit="us").astype("datetime64[us]"))[list(VISITOR_COLUMNS)]
