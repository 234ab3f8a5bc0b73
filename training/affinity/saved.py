"""A saved model as a function over one table of rows, for workers that read the model where they run."""

from pathlib import Path
from typing import Any

import pandas as pd

from features.contract import CUSTOMER_ID, EVENT_TYPE, OCCURRED_AT, ORDER_ID, ORDERED_AT, PRODUCT_ID, QUANTITY
from features.interaction_tables import PLACE, Interactions
from training.affinity.model import AffinityModel

_BOUGHT = "purchase"


def flat(known: Interactions) -> pd.DataFrame:
    """Purchases and interest of those who bought anything as one table, so that it can be cut between customers.

    Grain: one row per purchase and per event, with customer_id, product_id, order_id ("" of events), ordered_at, quantity, event_type
    (purchase, or the event's) and place ("" where there is none).
    """
    bought = known.purchases.assign(event_type=_BOUGHT)
    seen = known.interest[known.interest[CUSTOMER_ID].isin(bought[CUSTOMER_ID])].rename(columns={OCCURRED_AT: ORDERED_AT})
    rows = pd.concat([bought, seen.assign(order_id="", quantity=1.0)], ignore_index=True)
    place = rows[CUSTOMER_ID].map(known.places.set_index(CUSTOMER_ID)[PLACE]).astype(object).fillna("")
    typed: pd.DataFrame = rows.assign(place=place).astype(
        {"order_id": "str", "event_type": "str", "place": "str", "ordered_at": "datetime64[us]"}
    )
    return typed


def recommend_saved(rows: pd.DataFrame, *, folder: Path, n: int, **options: Any) -> pd.DataFrame:
    """What the model saved in `folder`, which the workers must see, recommends to everybody in `rows` (`flat`).

    Columns and `options` are those of AffinityModel.recommend.
    """
    bought = rows[EVENT_TYPE] == _BOUGHT
    interest = rows[~bought].rename(columns={ORDERED_AT: OCCURRED_AT})[[CUSTOMER_ID, PRODUCT_ID, EVENT_TYPE, OCCURRED_AT]]
    places = rows.loc[rows[PLACE] != "", [CUSTOMER_ID, PLACE]].drop_duplicates(CUSTOMER_ID)
    purchases = rows.loc[bought, [CUSTOMER_ID, PRODUCT_ID, ORDER_ID, ORDERED_AT, QUANTITY]]
    return AffinityModel.load(folder).recommend(Interactions(purchases, interest, places=places), n, **options)
