"""Order lines in the home's one currency: amounts in others are converted at the rates that the mapping gives."""

from typing import Any, Final

import ibis

from features.contract import CURRENCY, DISCOUNT_AMOUNT, UNIT_PRICE
from features.ingest.mapping import AMOUNT, OrdersMapping

CONVERTED: Final = "amounts in another currency: converted at the mapping's rate"
_MONEY: Final = (UNIT_PRICE, DISCOUNT_AMOUNT, AMOUNT)


def in_home_currency(lines: ibis.Table, options: OrdersMapping, currency: str) -> tuple[ibis.Table, dict[str, Any]]:
    """Typed order lines with prices, discounts and amounts in `currency`, and (by reason) which lines were converted.

    A line without a currency is in the home's already; one whose currency has no rate is left as it is.
    """
    rates = {other: rate for other, rate in options.currencies.items() if other != currency}
    if not rates or CURRENCY not in lines.columns:
        return lines, {}
    said = lines[CURRENCY]
    rate = ibis.cases(*((said == other, ibis.literal(rate, "float64")) for other, rate in rates.items()))
    foreign = said.isin(list(rates)).fill_null(False)
    money = [c for c in _MONEY if c in lines.columns and (c != AMOUNT or AMOUNT in options.columns)]
    converted = {c: foreign.ifelse(lines[c] * rate, lines[c]) for c in money}
    marked = lines.mutate(**converted, **{CURRENCY: foreign.ifelse(currency, said), "__converted": foreign})
    return marked, {CONVERTED: marked["__converted"]}
