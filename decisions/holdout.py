"""The groups that tell what the actions bring: one for whom nothing is done, and one that gets any allowed action at random.

A group is a hash of the customer, so it is the same in every decision, process and year, as long as the seed stays. How large they must be to see
an effect is `decisions.power`.
"""

import hashlib
from json.encoder import encode_basestring_ascii as text
from typing import Final, Literal

Group = Literal["policy", "no_action", "random"]
GROUPS: Final[tuple[Group, ...]] = ("policy", "no_action", "random")


def in_holdout(customer_id: str, seed: int, share: float) -> bool:
    """Whether this customer belongs to the no-action group of this share of customers. A larger share keeps everyone who was in a smaller one."""
    return _place(customer_id, seed) < share


def group_of(customer_id: str, seed: int, no_action_share: float, random_share: float) -> Group:
    """The customer's group. The random group lies at the other end, so that neither share moves anybody between the two groups."""
    place = _place(customer_id, seed)
    if place < no_action_share:
        return "no_action"
    return "random" if place >= 1 - random_share else "policy"


def _place(customer_id: str, seed: int) -> float:
    digest = hashlib.sha256(f'["holdout", {seed}, {text(customer_id)}]'.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
