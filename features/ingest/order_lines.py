"""Order lines made whole: order, quantity and price where the source has none, and which lines are sales, returns and fees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ibis

from features.contract import (
    CUSTOMER_ID,
    DISCOUNT_AMOUNT,
    FEE,
    LINE_KIND,
    ORDER_ID,
    ORDERED_AT,
    PRODUCT_ID,
    QUANTITY,
    RETURN,
    SALE,
    UNIT_PRICE,
)
from features.ingest.mapping import AMOUNT, OrdersMapping

ORDER_MADE: Final = "order_id: none, made from customer and instant"
QUANTITY_MADE: Final = "quantity: empty, taken as 1"
REFUND_TURNED: Final = "negative amounts without a quantity: taken as returns of one piece"
RETURN_TURNED: Final = "returns with a positive quantity or a negative price: signs turned"
CORRECTION: Final = "sales at a negative price: taken as corrections (fees)"
DISCOUNT_TURNED: Final = "discount_amount: negative, sign turned"
_PRICE, _CORRECTED = "__price", "__corrected"


@dataclass(frozen=True)
class OrderLines:
    """The columns that are set anew, and where something was repaired (reason -> condition)."""

    columns: Mapping[str, Any]
    repairs: Mapping[str, Any]


def with_kinds(lines: ibis.Table, options: OrdersMapping) -> ibis.Table:
    """Typed order lines with their line_kind (see `complete`); what the source itself says of it stays beside it."""
    given = _given(lines, options)
    product, quantity = given[PRODUCT_ID], given[QUANTITY]
    foreign = ~_found(product, options.product_pattern) if options.product_pattern else ibis.literal(False)
    fee = product.notnull() & (foreign | product.isin(options.fee_codes) if options.fee_codes else foreign)
    cancelled = _found(given[ORDER_ID], options.cancelled_order_pattern)
    price = _price(given)
    returned = cancelled | (quantity < 0).fill_null(False) | (quantity.isnull() & (price < 0).fill_null(False))
    kind = ibis.cases((given[LINE_KIND].notnull(), given[LINE_KIND]), (fee, FEE), (returned, RETURN), (price < 0, FEE), else_=SALE)
    corrected = given[LINE_KIND].isnull() & ~fee & ~returned & (price < 0).fill_null(False)
    return lines.mutate(**{LINE_KIND: kind, _PRICE: price, _CORRECTED: corrected})


def complete(lines: ibis.Table, options: OrdersMapping) -> OrderLines:
    """Completes typed order lines that have their kinds.

    No order_id: one order per customer and instant. No quantity: 1. No unit_price: the amount of the line by its quantity, or unknown.
    A fee is a product that the mapping names as one, or a sale at a negative price; a return is a cancelled order's line or a negative
    quantity, and has a negative quantity and a positive price; everything else is a sale. A line_kind that the source has is kept.
    """
    given = _given(lines, options)
    price, returned = lines[_PRICE], lines[LINE_KIND] == RETURN
    refund = given[QUANTITY].isnull() & (price < 0).fill_null(False)
    quantity = given[QUANTITY].fill_null(1.0)
    turned = (quantity > 0) | (price < 0).fill_null(False)
    discount = given[DISCOUNT_AMOUNT].fill_null(0.0)
    return OrderLines(
        {
            ORDER_ID: ibis.coalesce(given[ORDER_ID], _made_order_id(lines)),
            QUANTITY: returned.ifelse(-quantity.abs(), quantity),
            UNIT_PRICE: returned.ifelse(price.abs(), price),
            DISCOUNT_AMOUNT: discount.abs(),
        },
        {
            ORDER_MADE: given[ORDER_ID].isnull(),
            QUANTITY_MADE: given[QUANTITY].isnull() & ~refund,
            REFUND_TURNED: returned & refund,
            RETURN_TURNED: returned & turned & ~refund,
            CORRECTION: lines[_CORRECTED],
            DISCOUNT_TURNED: discount < 0,
        },
    )


def _given(lines: ibis.Table, options: OrdersMapping) -> dict[str, Any]:
    """What the source says, and nulls for what it does not say; a column called amount is the line's total only if it was mapped."""
    numbers = (QUANTITY, UNIT_PRICE, DISCOUNT_AMOUNT, AMOUNT)
    texts = (ORDER_ID, PRODUCT_ID, LINE_KIND)
    absent = {**{c: ibis.null("float64") for c in numbers}, **{c: ibis.null("string") for c in texts}}
    return {
        name: lines[name] if name in lines.columns and (name != AMOUNT or AMOUNT in options.columns) else nothing
        for name, nothing in absent.items()
    }


def _made_order_id(lines: ibis.Table) -> Any:
    return lines[CUSTOMER_ID] + "@" + lines[ORDERED_AT].cast("string").replace(" ", "T")


def _price(given: Mapping[str, Any]) -> Any:
    """Of one piece; an amount for no piece at all is the price as it stands."""
    pieces = given[QUANTITY].fill_null(1.0)
    return ibis.coalesce(given[UNIT_PRICE], given[AMOUNT] / (pieces == 0).ifelse(1.0, pieces))


def _found(text: Any, pattern: str | None) -> Any:
    return text.re_search(pattern).fill_null(False) if pattern else ibis.literal(False)
