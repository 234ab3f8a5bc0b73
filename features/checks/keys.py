"""Keys: unique, spelled one way, a real person each."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import ibis
from ibis import _

from features.checks.findings import MEND, Check, Rule, only_row
from features.contract import CUSTOMER_ID, CUSTOMERS, ORDER_ID, ORDERS, PRODUCT_ID, PRODUCTS, Table

PLACEHOLDERS: Final = ("null", "none", "nan", "nil", "n/a", "undefined", "unknown", "anonymous", "guest", "-", "?")
_IDS: Final = {ORDERS.name: (CUSTOMER_ID, PRODUCT_ID), PRODUCTS.name: (PRODUCT_ID,), CUSTOMERS.name: (CUSTOMER_ID,)}
_TILL_SHARE: Final = 0.02
_TILL_TIMES_MEAN: Final = 30
_SHARED_EMAIL_SHARE: Final = 0.01


def unique_key(table: Table, rows: ibis.Table) -> Check:
    """The key of every table but orders, which has one row per line."""
    (key,) = table.key
    rule = Rule(table.name, f"{key} is unique", "FAIL", f"Rows beyond the first of the same {key}.", MEND)
    again = rows.group_by(key).aggregate(n=_.count()).filter(_.n > 1)
    found = only_row(again.aggregate(n=(_.n - 1).sum().fill_null(0), first=_[key].min()))
    return rule.tried(found["n"], f"{key} {found['first']}")


def key_checks(table: Table, rows: ibis.Table) -> Iterator[Check]:
    """How ids are spelled, who they stand for, and whose e-mail address is another's."""
    for key in _IDS.get(table.name, ()):
        yield from _spelling(table, rows, key)
    if table is ORDERS:
        yield _tills(rows)
    if table is CUSTOMERS:
        yield _shared_emails(rows)


def _spelling(table: Table, rows: ibis.Table, key: str) -> Iterator[Check]:
    alike = Rule(
        table.name,
        f"no two {key}s differ only in case or blanks",
        "WARN",
        f"{key}s beyond the first of those that are the same without case and blanks: likely one, whose history is split.",
        "Spell each id one way in the files, and ingest them again.",
    )
    real = Rule(
        table.name,
        f"{key}s are no placeholders",
        "WARN",
        f"{key}s that are words for nothing: {', '.join(PLACEHOLDERS)}.",
        "Leave them empty in the file: all who share such an id are taken for one.",
    )
    ids = rows.filter(rows[key].notnull()).select(key).distinct()
    spelled = ids.mutate(plain=ids[key].lower().replace(" ", "").replace("\t", ""))
    groups = spelled.group_by("plain").aggregate(n=_.count(), low=_[key].min(), high=_[key].max())
    twice, empty = groups.n > 1, groups.plain.isin(PLACEHOLDERS)
    found = only_row(
        groups.aggregate(
            alike=(groups.n - 1).sum().fill_null(0),
            low=groups.low.min(where=twice),
            high=groups.high.argmin(groups.low, where=twice),
            empty=empty.ifelse(groups.n, 0).sum().fill_null(0),
            first=groups.low.min(where=empty),
        )
    )
    yield alike.tried(found["alike"], f"{key} {found['low']!r} and {found['high']!r}")
    yield real.tried(found["empty"], f"{key} {found['first']}")


def _tills(rows: ibis.Table) -> Check:
    """Customers with an absurd share of all orders. Their lines are counted first, since that is cheap and rules nearly all of them out."""
    rule = Rule(
        ORDERS.name,
        "no customer has an absurd share of the orders",
        "WARN",
        f"Customers with over {_TILL_SHARE:.0%} of all orders and over {_TILL_TIMES_MEAN} times the mean: a till, a guest or a test account.",
        "If it is no person, leave its customer_id empty in the file (such lines are dropped and counted), and start a new home.",
    )
    lines = rows.group_by(CUSTOMER_ID).aggregate(n=_.count())
    every = only_row(lines.aggregate(customers=_.count(), lines=_.n.sum()))
    suspects = lines.filter(lines.n >= _TILL_SHARE / 10 * every["lines"]).limit(500)
    known = [row[CUSTOMER_ID] for row in suspects.to_pyarrow().to_pylist()] if every["customers"] > _TILL_TIMES_MEAN else []
    if not known:
        return rule.passed()
    orders = only_row(rows.aggregate(n=rows[ORDER_ID].nunique()))["n"]
    least = max(_TILL_SHARE * orders, _TILL_TIMES_MEAN * orders / every["customers"])
    of_suspects = rows.filter(rows[CUSTOMER_ID].isin(known)).group_by(CUSTOMER_ID).aggregate(n=_[ORDER_ID].nunique())
    tills = of_suspects.filter(of_suspects.n > least).order_by([ibis.desc("n"), CUSTOMER_ID]).to_pyarrow().to_pylist()
    return rule.tried(len(tills), _till(tills[0], orders) if tills else "")


def _till(row: Mapping[str, Any], orders: int) -> str:
    return f"{CUSTOMER_ID} {row[CUSTOMER_ID]}: {row['n']:,} of {orders:,} orders"


def _shared_emails(rows: ibis.Table) -> Check:
    """Counts alone: an address is personal and must not end in a log."""
    rule = Rule(
        CUSTOMERS.name,
        "e-mail addresses belong to one customer",
        "WARN",
        f"Customers who share their address with another one; a note up to {_SHARED_EMAIL_SHARE:.0%} of those with an address.",
        "Merge accounts of the same person, or empty the shop's own address where it stands for customers without one.",
    )
    mails = rows.filter(rows.email.notnull())
    groups = mails.group_by(address=mails.email.strip().lower()).aggregate(n=_.count())
    found = only_row(groups.aggregate(all=_.n.sum(), shared=(_.n > 1).ifelse(_.n, 0).sum().fill_null(0), most=_.n.max()))
    return rule.tried(
        found["shared"], f"up to {found['most']} customers with the same", alarm=found["shared"] > _SHARED_EMAIL_SHARE * (found["all"] or 0)
    )
