"""What customers brought between one cut-off and the next, and when they first unsubscribed."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import add

import pandas as pd
from ibis import _

from features import sources
from features.contract import CUSTOMER_ID
from features.engine import Tables
from features.instants import microseconds

STEP = "step"


def spent_between(tables: Tables, cutoffs: Sequence[datetime]) -> pd.DataFrame:
    """customer_id, step, spent: the money of [cutoffs[step], cutoffs[step + 1]), sale lines net of discounts less what was returned.

    Grain: one row per customer and step with a sale or a return; cut-offs ascend. A return counts on the day it is made, with the value of its
    line, so that spent may be negative. Fees are no revenue. No row outside of the cut-offs is seen.
    """
    cuts = [microseconds(cut) for cut in cutoffs]
    sold = sources.lines(tables).select(CUSTOMER_ID, "at", money=_.value.cast("float64"))
    back = sources.returns(tables).select(CUSTOMER_ID, "at", money=-_.value.cast("float64"))
    flow = sold.union(back).filter((_["at"] >= cuts[0]) & (_["at"] < cuts[-1]))
    passed = reduce(add, [(flow["at"] >= cut).ifelse(1, 0) for cut in cuts])
    summed = flow.mutate(**{STEP: passed - 1}).group_by(CUSTOMER_ID, STEP).aggregate(spent=_.money.sum())
    frame: pd.DataFrame = summed.order_by([CUSTOMER_ID, STEP]).to_pandas()
    return frame.astype({STEP: "int64", "spent": "float64"})


def unsubscribed_at(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """customer_id, unsubscribed_us: the first unsubscription known before `as_of`, by an event or a decision's outcome.

    Grain: one row per customer who unsubscribed; instants in microseconds from 1970-01-01.
    """
    told = sources.identified(tables.events.filter(_.event_type.isin(["unsubscribed", "identify"])))
    told = told.filter(_.event_type == "unsubscribed").select(CUSTOMER_ID, "known_at")
    answered = sources.contact_rows(tables).filter(_.kind == "unsubscribed").select(CUSTOMER_ID, known_at=_["at"])
    seen = told.union(answered).filter(_.known_at < microseconds(as_of))
    first = seen.group_by(CUSTOMER_ID).aggregate(unsubscribed_us=_.known_at.min())
    frame: pd.DataFrame = first.order_by(CUSTOMER_ID).to_pandas()
    return frame.astype({"unsubscribed_us": "int64"})
