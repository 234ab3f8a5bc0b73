"""What happened after a cut-off: purchases in [cut, cut + horizon)."""

from collections.abc import Sequence
from datetime import datetime

import ibis
import pandas as pd
from ibis import _

from features.contract import AS_OF, CUSTOMER_ID
from features.engine import Tables
from features.instants import DAY_US, microseconds
from features.sources import lines


def purchases_after(tables: Tables, cutoffs: Sequence[datetime], horizon_days: int) -> pd.DataFrame:
    """customer_id, as_of, future_value (money, net of discounts), future_order_count (days with a purchase).

    Grain: one row per cut-off and customer who bought something in [as_of, as_of + horizon_days); who did not, has no row.
    A purchase is a sale line: returns and fees are none.
    """
    cuts = ibis.memtable(pd.DataFrame({"cut_us": [microseconds(c) for c in cutoffs]}), schema={"cut_us": "int64"})
    bought = lines(tables).inner_join(cuts, _.at >= cuts.cut_us)
    bought = bought.filter(bought.at < bought.cut_us + horizon_days * DAY_US)
    sums = bought.group_by(CUSTOMER_ID, "cut_us").aggregate(future_value=bought.value.sum(), future_order_count=bought.day.nunique())
    table: pd.DataFrame = sums.to_pandas()
    table.insert(1, AS_OF, pd.to_datetime(table.pop("cut_us"), unit="us").astype("datetime64[us]"))
    return table.astype({"future_value": "float64", "future_order_count": "float64"})
