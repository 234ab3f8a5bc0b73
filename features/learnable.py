"""Which features say something about this shop: those that differ between its customers, and look back no further than its history."""

import pandas as pd

from features.attributes import PREFIX
from features.definitions import FEATURES


def learnable(table: pd.DataFrame) -> tuple[str, ...]:
    """Names of the table's features, attributes among them, that a model can learn from.

    The table has customer_age_days and any features, for customers at one or more cut-offs.

    Left out are columns with one value (or none), and windows that are as long as the history: they would say the same as the totals.
    """
    history_days = table["customer_age_days"].max()
    named = [f.name for f in FEATURES if f.name in table.columns and not f.longest_window_days >= history_days]
    own = [name for name in table.columns if name.startswith(PREFIX)]
    return tuple(name for name in (*named, *own) if _differs(table[name]))


def _differs(column: pd.Series) -> bool:
    return bool(column.nunique(dropna=False) > 1)
