"""Optional columns that features, models or rules use: how many rows lack them, and what stops working without."""

from collections.abc import Iterator
from typing import Final

import ibis

from features.checks.findings import Severity
from features.checks.laws import Law, holes
from features.contract import CHANNEL, CUSTOMER_ID, CUSTOMERS, DECISIONS, EVENTS, JOINED_AT, ORDERS, PRODUCT_ID, PRODUCTS, STORE_ID, Table
from features.profiles import CONSENT_PREFIX

# table: column, severity, the share of rows that may lack it, what stops working without it
_USED: Final[dict[str, tuple[tuple[str, Severity, float, str], ...]]] = {
    ORDERS.name: (
        (PRODUCT_ID, "WARN", 0.01, "Map product_id: lines without it say nothing about what is wanted next, and recommend nothing."),
        (CHANNEL, "WARN", 0.2, "Map channel: lines without it do not count in features of channels."),
        (STORE_ID, "INFO", 0.0, "Map store_id, if there are stores."),
    ),
    PRODUCTS.name: (
        ("name", "WARN", 0.01, "Map name: without it messages and screens show the product_id."),
        ("category", "WARN", 0.1, "Map category: products without it count in no feature and no recommendation of a category."),
        ("brand", "INFO", 0.0, "Map brand, if it is known."),
        ("list_price", "INFO", 0.0, "Map list_price: without it prices are learned from orders alone."),
        ("unit_cost", "INFO", 0.0, "Map unit_cost: without it the catalogue's margin_share stands for the margin."),
    ),
    CUSTOMERS.name: (
        ("name", "INFO", 0.0, "Map name: messages to customers without it name nobody."),
        ("locale", "INFO", 0.0, "Map locale: messages to customers without it are in the default language."),
        (JOINED_AT, "INFO", 0.0, "Map joined_at: customers without it are known from their first order or event on."),
    ),
    EVENTS.name: ((CUSTOMER_ID, "INFO", 0.0, "Send an identify event when a visitor is known: until then their events count for nobody."),),
    DECISIONS.name: ((CHANNEL, "INFO", 0.0, "Map channel: the contact limits of a channel do not see decisions without it."),),
}


def missing_laws(table: Table, rows: ibis.Table) -> Iterator[Law]:
    """One law per used column. That no row has it is the owner's choice, and a note; holes are a defect of the file."""
    key = table.key[0]
    place = ibis.literal(f"{key} ") + rows[key].fill_null("(empty)")
    consent: tuple[Severity, float, str] = ("INFO", 0.0, "Ask them: no answer is a no, and such customers are not contacted that way.")
    asked = [(name, *consent) for name in rows.columns if table is CUSTOMERS and name.startswith(CONSENT_PREFIX)]
    for column, severity, tolerated, remedy in (*_USED.get(table.name, ()), *asked):
        usual = f", and up to {tolerated:.0%} of them" if tolerated else ""
        meaning = f"Rows without {column}; a note " + ("always." if severity == "INFO" else f"where no row has it{usual}.")
        yield Law(f"{column} is filled", rows[column].isnull(), place, meaning, severity, remedy, holes(tolerated))


def consent_laws(rows: ibis.Table) -> Iterator[Law]:
    """A consent column is a flag, or holds what reads as one."""
    for column in (name for name in rows.columns if name.startswith(CONSENT_PREFIX)):
        kind, text = rows[column].type(), rows[column].cast("string")
        odd = ibis.literal(False) if kind.is_boolean() else text.notnull() & text.lower().notin(["true", "false", "0", "1", "0.0", "1.0"])
        if kind.is_string():  # any text that is not empty would be taken for a yes
            odd = text.notnull()
        said = ibis.literal("customer_id ") + rows[CUSTOMER_ID].fill_null("(empty)") + f": {column} " + text.fill_null("(empty)")
        remedy = "Ingest the customers again: true and false, yes and no, 1 and 0 are read."
        yield Law(f"{column} is yes or no", odd, said, "Customers whose consent is neither yes nor no.", remedy=remedy)
