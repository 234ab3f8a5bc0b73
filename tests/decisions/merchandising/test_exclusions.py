"""What a customer must not be shown, however a shop writes it down."""

import numpy as np
import pandas as pd
import pytest

from decisions.merchandising import Exclusions, exclusions_by_customer, exclusions_of, product_range
from decisions.merchandising.rules import Columns

RANGE = product_range(
    ["a", "b", "nuts, salted"],
    pd.DataFrame({"product_id": ["c"], "category": ["Home, Garden > Tools"], "brand": [None]}),
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a", {"a"}),
        ("a; b|c\nnew", {"a", "b", "c", "new"}),
        ("a,b", {"a", "b"}),
        ("nuts, salted; a", {"nuts, salted", "a"}),
        ('["a", "nuts, salted", 7]', {"a", "nuts, salted", "7"}),
        ("[a", {"[a"}),
        (["a", " b "], {"a", "b"}),
        (np.array(["a", "b"], object), {"a", "b"}),
        (22423, {"22423"}),
        (22423.0, {"22423"}),
        ("", set()),
        (" ; ", set()),
        ("[]", set()),
        (None, set()),
        (float("nan"), set()),
        (pd.NA, set()),
    ],
)
def test_every_way_to_write_a_list_is_read(written, meant):
    assert exclusions_of({"excluded_products": written}, Columns(), RANGE).product_ids == meant


def test_categories_are_read_by_their_paths():
    found = exclusions_of({"excluded_categories": "Home, Garden; Wine ,Beer>Ale"}, Columns(), RANGE)
    assert found.categories == ("Home, Garden", "Wine", "Beer > Ale")


def test_columns_have_the_names_that_the_rules_say():
    columns = Columns(excluded_products="never", excluded_categories="never_of")
    assert exclusions_of({"never": "a", "never_of": "X", "excluded_products": "b"}, columns, RANGE) == Exclusions(frozenset({"a"}), ("X",))


def test_the_customers_table_gives_only_those_with_exclusions():
    customers = pd.DataFrame(
        {
            "customer_id": ["1", "2", "3", "4"],
            "excluded_products": ["a;b", None, "", None],
            "excluded_categories": [None, None, None, "Home"],
        }
    )
    assert exclusions_by_customer(customers, Columns(), RANGE) == {
        "1": Exclusions(frozenset({"a", "b"})),
        "4": Exclusions(frozenset(), ("Home",)),
    }
    assert exclusions_by_customer(customers[["customer_id"]], Columns(), RANGE) == {}
