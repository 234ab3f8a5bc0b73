"""What somebody did, as the affinity model is asked with it: their own rows, nothing of anybody else."""

from collections.abc import Sequence
from dataclasses import dataclass

from features.interaction_tables import REMOVED

Purchase = tuple[str, int, float]
"""product_id, instant in microseconds since 1970, pieces; pieces that came back (zero or fewer) are no purchase."""

Interest = tuple[str, int, str]
"""product_id, instant in microseconds since 1970, event_type (features.vocabulary): looked at, put into the cart, taken out of it."""


@dataclass(frozen=True)
class Signals:
    """One customer's or visitor's purchases and interest, in any order; rows at or after the time of asking are not seen.

    `place` is where they are (their country), "" where that is not known.
    """

    purchases: Sequence[Purchase] = ()
    interest: Sequence[Interest] = ()
    place: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing is known of what they like: taking something out of the cart alone tells nothing."""
        return not self.purchases and all(kind in REMOVED for _, _, kind in self.interest)
