"""What a positive outcome of an action is worth, in money.

    value = action.value                                                                        if the catalogue names it
          = (margin_share - discount_share) x expected_order_value x order_share - offer.cost   otherwise

`expected_order_value` is the customer's. `order_share` says how much of an order a positive outcome brings: the action's own, or the stage's
from the catalogue (decision .6: an order is near; awareness .02: a touch is far from one). These shares are the business's assumptions,
to be replaced by what its own histories show. An accepted discount or gift is paid from the order, so it lowers the value and not the cost.
"""

from decisions.actions import Action, Catalogue


def outcome_value(action: Action, stage: str, expected_order_value: float, catalogue: Catalogue) -> float:
    """Money that a positive outcome of the action brings in this stage; may be negative where the offer gives away more than the margin."""
    if action.value is not None:
        return action.value
    discount_share, gift = (action.offer.discount_share, action.offer.cost) if action.offer else (0.0, 0.0)
    order_share = catalogue.order_shares[stage] if action.order_share is None else action.order_share
    return (catalogue.margin_share - discount_share) * expected_order_value * order_share - gift
