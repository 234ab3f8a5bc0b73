"""What a data owner would want to know of a home's tables: every check PASS, WARN or FAIL, with a count, the first offender and a remedy.

`run` tries them all. `laws` hold in every row (`values`, `missing`), `keys` and `references` between rows and tables, `orders` and
`times` within an order and in the order of time, `volume`, `calendar_gaps` and `surges` over days and weeks, `outliers` and
`price_levels` against what is usual. `findings` is what a check says.
"""

from features.checks.findings import Check
from features.checks.run import check

__all__ = ["Check", "check"]
