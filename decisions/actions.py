"""An action and all that belongs to it, and the catalogue that holds the actions. Made by `decisions.catalogue.load_catalogue`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from features.contract import NO_ACTION
from features.rules import Rule

ProductSource = Literal["none", "affinity", "repeat", "cart"]


@dataclass(frozen=True)
class Sender:
    """The person who speaks in a message."""

    name: str
    title: str = ""
    photo_url: str = ""
    reply_to: str = ""


@dataclass(frozen=True)
class Treatment:
    """What an action says in one language: templates of subject and body, and who says it."""

    body: str
    subject: str = ""
    sender: Sender | None = None


@dataclass(frozen=True)
class Offer:
    """What the shop gives if the customer accepts. `cost` is money that an acceptance costs beyond the discount (postage, a gift)."""

    discount_share: float = 0.0
    free_shipping: bool = False
    code: str = ""
    valid_days: int | None = None
    cost: float = 0.0


@dataclass(frozen=True)
class Action:
    """Something that the shop can do for a customer.

    `stages` empty means every stage. `cost` is money per contact. `value` is the money of a positive outcome; None means computed (see
    `decisions.value`), then `order_share` overrides the stage's. `response_prior` is the probability of a positive outcome before any is seen.
    """

    action_id: str
    name: str
    channel: str
    group: str
    stages: frozenset[str]
    cost: float
    value: float | None = None
    order_share: float | None = None
    response_prior: float = 0.02
    lever: float = 1.0
    cooldown_days: float = 0.0
    when: Rule | None = None
    products: ProductSource = "none"
    product_count: int = 3
    treatments: Mapping[str, Treatment] = field(default_factory=dict)
    offer: Offer | None = None


@dataclass(frozen=True)
class Shop:
    """How messages call the shop, and where it is."""

    name: str = ""
    url: str = ""


@dataclass(frozen=True)
class Catalogue:
    """The actions, `no_action` first, and the money rules that they share.

    `order_shares` says per stage how much of an order's margin a positive outcome is worth. `pushed_channels` are those by which the shop
    interrupts the customer. `digest` changes with any change of content. `warnings` are sentences for whoever loads it.
    """

    actions: tuple[Action, ...]
    margin_share: float
    order_shares: Mapping[str, float]
    channels: frozenset[str]
    pushed_channels: frozenset[str]
    shop: Shop
    currency: str
    digest: str
    warnings: tuple[str, ...] = ()

    def action(self, action_id: str) -> Action | None:
        """The action of this id; None if there is none."""
        return self._by_id.get(action_id)

    @cached_property
    def _by_id(self) -> dict[str, Action]:
        return {action.action_id: action for action in self.actions}

    @cached_property
    def weighable(self) -> frozenset[str]:
        """Names that a context may weigh: actions and groups."""
        return frozenset({a.action_id for a in self.actions} | {a.group for a in self.actions}) - {NO_ACTION}


NOTHING: Final = Action(
    action_id=NO_ACTION, name="No action", channel="", group=NO_ACTION, stages=frozenset(), cost=0.0, response_prior=0.0
)
