"""The holdout: a fixed share of customers for whom nothing is done, to learn what the actions bring.

The group is a hash of the customer, so it is the same in every decision, process and year, as long as the seed stays.
"""

import hashlib
import json


def in_holdout(customer_id: str, seed: int, share: float) -> bool:
    """Whether this customer belongs to the no-action group of this share of customers. A larger share keeps everyone who was in a smaller one."""
    digest = hashlib.sha256(json.dumps(["holdout", seed, customer_id]).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share
