"""Products within a scope: by hand, and as a mask over the range says it."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.actions import ProductScope
from decisions.merchandising import product_range
from decisions.product_scope import narrow_scopes, priced, scope_mask, scoped
from decisions.situation import Product

LAMP = Product("lamp", "Lamp", price=30.0, category="Home > Lamps", brand="Lux")
SOFA = Product("sofa", "Sofa", price=900.0, category="Home>Sofas", brand="Soft")
TENT = Product("tent", "Tent", price=120.0, category="Homeware", brand="Lux")
GIFT = Product("gift", "Gift")
PRODUCTS = {"cart": [SOFA, GIFT], "affinity": [TENT, SOFA, LAMP]}
BOTH = ("cart", "affinity")


def ids(products):
    return [product.product_id for product in products]


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        (ProductScope(), []),
        (ProductScope(BOTH, 9), ["sofa", "gift", "tent", "lamp"]),
        (ProductScope(("affinity", "cart"), 9), ["tent", "sofa", "lamp", "gift"]),
        (ProductScope(BOTH, 2), ["sofa", "gift"]),
        (ProductScope(("viewed",), 2), []),
        (ProductScope(BOTH, 9, categories=("Home",)), ["sofa", "lamp"]),
        (ProductScope(BOTH, 9, categories=("Home >Lamps", "Homeware")), ["tent", "lamp"]),
        (ProductScope(BOTH, 9, categories=("Lamps",)), []),
        (ProductScope(BOTH, 9, brands=("Lux",)), ["tent", "lamp"]),
        (ProductScope(BOTH, 9, product_ids=("gift", "lamp")), ["gift", "lamp"]),
        (ProductScope(BOTH, 9, most_price=120.0), ["tent", "lamp"]),
        (ProductScope(BOTH, 9, most_price=119.99, brands=("Lux",), categories=("Home",)), ["lamp"]),
    ],
)
def test_a_scope_takes_its_sources_in_order_and_what_it_holds(scope, found):
    assert ids(scoped(scope, PRODUCTS)) == found


CATEGORIES = ("A", "A > B", "A>B > C", "AB", "B", "")
listed = st.lists(
    st.tuples(st.sampled_from(CATEGORIES), st.sampled_from(["", "x", "y", " x "]), st.one_of(st.none(), st.floats(0, 50))),
    min_size=3,
    max_size=12,
)
some = st.builds(
    ProductScope,
    sources=st.just(("affinity",)),
    count=st.just(99),
    categories=st.lists(st.sampled_from(("A", "A > B", "B", "A>B>C")), max_size=2).map(tuple),
    brands=st.lists(st.sampled_from(["x", "y", "z"]), max_size=2).map(tuple),
    product_ids=st.lists(st.sampled_from(["0", "1", "2", "unknown"]), max_size=3).map(tuple),
    most_price=st.one_of(st.none(), st.floats(5, 45)),
)


@given(listed, some)
def test_the_mask_over_the_range_holds_what_the_scope_holds(rows, scope):
    products = [Product(str(n), str(n), price=price, category=category, brand=brand) for n, (category, brand, price) in enumerate(rows)]
    table = pd.DataFrame(
        {
            "product_id": [each.product_id for each in products],
            "category": [each.category or None for each in products],
            "brand": [each.brand or None for each in products],
            "list_price": [each.price for each in products],
        }
    )
    mask = scope_mask(scope, product_range([each.product_id for each in products], table))
    assert [each.product_id for each, held in zip(products, mask.tolist(), strict=False) if held] == ids(
        scoped(scope, {"affinity": products})
    )


def test_narrow_scopes_are_those_that_the_model_may_be_asked_for_each_once():
    class Speaking:
        def __init__(self, scope):
            self.products = scope

    lamps = ProductScope(("cart", "affinity"), categories=("Lamps",))
    others = [
        ProductScope(),
        ProductScope(("affinity",)),
        ProductScope(("cart",), brands=("Lux",)),
        ProductScope(("affinity",), most_price=0.0),
    ]
    assert narrow_scopes([Speaking(scope) for scope in (lamps, *others, lamps)]) == (lamps, others[-1])


def test_products_are_priced_together_or_not_at_all():
    assert priced([LAMP, SOFA]) == 930.0
    assert priced([LAMP, GIFT]) is priced([]) is None
    assert priced([Product("free", "Free", price=0.0)]) == 0.0
