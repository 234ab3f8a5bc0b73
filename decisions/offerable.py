"""Which products may be offered to one customer: what the shop's rules of merchandising show, without what is withheld from them."""

from collections.abc import Callable

from decisions.merchandising import Exclusions, Plan
from decisions.offers import Describe
from decisions.situation import Product


def offerable(plan: Plan, exclusions: Exclusions, listed: Callable[[str, str], Product]) -> Describe:
    """Describes products by `listed` (product_id, reason); None for one that this customer may not be shown."""
    excluded = plan.products.within(exclusions.categories) if exclusions.categories else None

    def describe(product_id: str, reason: str) -> Product | None:
        row = int(plan.products.rows((product_id,))[0])
        if not plan.may_be_shown[row] or product_id in exclusions.product_ids:
            return None
        if excluded is not None and excluded[plan.products.category[row]]:
            return None
        return listed(product_id, reason)

    return describe
