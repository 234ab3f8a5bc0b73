"""What happened after a cut-off: purchases in [cut, cut + horizon)."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import pyarrow as pa

from features.batch import CUT, KEY, instants_between
from features.contract import AS_OF
from features.engine import Tables
from features.instants import DAY_US, microseconds
from features.local_time import zone
from features.sources import lines


def purchases_after(tables: Tables, cutoffs: Sequence[datetime], horizon_days: int) -> pd.DataFrame:
    """customer_id, as_of, future_value (money, net of discounts), future_order_count (days with a purchase), days_to_next_order.

    Grain: one row per cut-off and customer who bought something in [as_of, as_of + horizon_days); who did not, has no row.
    A purchase is a sale line: returns and fees are none. Days are those of the shop's clocks; days_to_next_order (0 to horizon_days) is
    the time from the cut-off to the first purchase after it, with its fraction of a day.
    """
    cuts = [microseconds(cut) for cut in sorted(set(cutoffs))]
    sold = lines(tables)
    bought = sold.mutate(day=zone(tables.timezone).local_column(sold.at) // DAY_US)
    after = bought.mutate(**{CUT: instants_between(cuts, bought.at - horizon_days * DAY_US, bought.at).unnest()})
    sums = after.group_by(*KEY).aggregate(
        future_value=after.value.sum(), future_order_count=after.day.nunique(), days_to_next_order=after["at"].min()
    )
    rows = sums.to_pyarrow()
    frame: pd.DataFrame = rows.drop_columns(CUT).add_column(1, AS_OF, rows[CUT].cast(pa.timestamp("us"))).to_pandas()
    frame["days_to_next_order"] = (frame["days_to_next_order"] - rows[CUT].to_numpy()) / DAY_US
    return frame.astype({"future_value": "float64", "future_order_count": "float64"})
