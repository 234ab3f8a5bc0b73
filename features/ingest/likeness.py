"""What a file's columns are likely called, and what their values look like: the two witnesses of a suggested mapping."""

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from features.ingest.casting import FALSE_WORDS, MISSING_WORDS, TRUE_WORDS

# per column of the contract, names that exports give it, best first; compared without case, blanks and signs
NAMES: Final = {
    "customer_id": "customer id, customer number, customer, client id, client, member id, user id, mã khách hàng, khách hàng, "
    "email (billing), billing email, customer email, email",
    "order_id": "order id, order number, order no, invoice no, invoice, order, transaction id, receipt, bill, mã đơn hàng, name",
    "product_id": "product id, product code, stock code, sku, lineitem sku, item sku, article, barcode, item id, item, mã sản phẩm, product",
    "ordered_at": "ordered at, order date, invoice date, purchase date, created at, transaction date, ngày đặt hàng, ngày, date, when",
    "quantity": "quantity, qty, lineitem quantity, quantity (- refund), pieces, units, số lượng",
    "unit_price": "unit price, lineitem price, item price, item cost, đơn giá, price",
    "amount": "line total, order line total, sales price, amount, thành tiền, total",
    "discount_amount": "line discount, lineitem discount, item discount, discount amount, discount",
    "channel": "channel, sales channel, source, via, kênh",
    "store_id": "store id, store, shop, branch, cửa hàng",
    "currency": "currency, currency code",
    "name": "name, product name, customer name, full name, title",
    "category": "category, categories, product type, department, danh mục",
    "brand": "brand, vendor, manufacturer, thương hiệu",
    "list_price": "list price, regular price, price, giá",
    "unit_cost": "unit cost, cost per item, cost",
    "email": "email, e-mail, mail",
    "phone": "phone, phone number, mobile, số điện thoại",
    "city": "city, town, thành phố",
    "region": "region, province, state",
    "country": "country, country code",
    "joined_at": "joined at, signed up at, registered at, created at",
    "event_id": "event id, id",
    "visitor_id": "visitor id, session id, cookie id, anonymous id",
    "event_type": "event type, event name, event, action",
    "occurred_at": "occurred at, timestamp, event time, time, date",
    "value": "value, amount, score",
    "decided_at": "decided at, sent at, timestamp, date",
    "action_id": "action id, action, treatment, segment",
    "action_probability": "action probability, probability, propensity",
    "outcome_type": "outcome type, outcome, result",
}
_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?")
_DAYS: Final = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d")
_LONG: Final = 5  # shorter names are alike by chance
_ALIKE: Final = 0.85
_CLOCKS: Final = ("", " %H:%M", " %H:%M:%S")
_POINT: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA: Final = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")


def rank_of(name: str, column: str) -> int | None:
    """How well a file's column is named for a column of the contract: 0 is best, None is not at all."""
    if name.lower() == column:
        return 0
    wanted = [*NAMES.get(column, "").split(", "), column]
    return next((i for i, known in enumerate(wanted, 1) if plain(known) == plain(name)), None)


def resembles(name: str, column: str) -> bool:
    """Whether a file's column is written much like a column of the contract, or one of the names that exports give it."""
    wanted = [plain(known) for known in (column, *NAMES.get(column, "").split(", ")) if len(plain(known)) >= _LONG]
    return len(plain(name)) >= _LONG and bool(difflib.get_close_matches(plain(name), wanted, n=1, cutoff=_ALIKE))


def plain(name: str) -> str:
    """A name without case, blanks and signs."""
    return re.sub(r"\W|_", "", name).lower()


def present(values: Iterable[str]) -> list[str]:
    """The values that say something."""
    return [value for value in (v.strip() for v in values) if value not in MISSING_WORDS]


def date_formats(values: Sequence[str]) -> tuple[str, ...] | None:
    """The date formats that read every value: none is needed for ISO 8601 (an empty tuple), and None where no one does."""
    if not values:
        return None
    if all(_ISO.fullmatch(value) for value in values):
        return ()
    return tuple(f for f in (day + clock for day in _DAYS for clock in _CLOCKS) if all(_dated(value, f) for value in values)) or None


def decimal_of(values: Sequence[str]) -> str | None:
    """The decimal sign with which every value is a number: a point where both would do; None where they are no numbers."""
    if not values:
        return None
    if all(_POINT.fullmatch(value) for value in values):
        return "."
    return "," if all(_COMMA.fullmatch(value) for value in values) else None


def fits(values: Sequence[str], kind: str) -> bool:
    """Whether values that say something may stand in a column of this kind; a column without any may stand for text alone."""
    if kind == "instant":
        return date_formats(values) is not None
    if kind == "number":
        return decimal_of(values) is not None
    if kind == "flag":
        return bool(values) and all(value.lower() in (*TRUE_WORDS, *FALSE_WORDS) for value in values)
    return bool(values)


def looks_like_an_id(values: Sequence[str]) -> bool:
    """Whether values that say something may name customers: short codes or numbers without decimals, of which some stand again."""
    coded = all(re.fullmatch(r"[\w#@.+-]{1,64}", value) and not re.fullmatch(r"-.*|\d+\.\d*[1-9]\d*", value) for value in values)
    return coded and 1 < len(set(values)) < len(values) and date_formats(values) is None


def _dated(value: str, form: str) -> bool:
    try:
        return 1970 <= datetime.strptime(value, form).year < 2100 and (form != "%Y%m%d" or len(value) == 8)
    except ValueError:
        return False
