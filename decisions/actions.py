"""An action and all that belongs to it, and the catalogue that holds the actions. Made by `decisions.catalogue.load_catalogue`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from features.contract import NO_ACTION
from features.rules import Rule

ProductSource = Literal["affinity", "repeat", "cart", "viewed"]


@dataclass(frozen=True)
class Sender:
    """The person who speaks in a message."""

    name: str
    title: str = ""
    photo_url: str = ""
    reply_to: str = ""


@dataclass(frozen=True)
class Treatment:
    """What an action says on one channel in one language: templates of subject and body, and who says it."""

    body: str
    subject: str = ""
    sender: Sender | None = None


@dataclass(frozen=True)
class Offer:
    """What the shop gives if the customer accepts. `cost` is money that an acceptance costs beyond the discount (postage, a gift).

    `on_products` says that the discount holds for the products that are shown alone, not for the whole order.
    """

    discount_share: float = 0.0
    free_shipping: bool = False
    code: str = ""
    valid_days: int | None = None
    cost: float = 0.0
    on_products: bool = False


@dataclass(frozen=True)
class ProductScope:
    """Which products an action speaks of: from these sources, the first source first; within categories, brands, ids and up to a price.

    Sources: cart (put there, not bought), viewed (seen, not bought), repeat (due again by the customer's rhythm), affinity (will like).
    No sources: the action speaks of no products. A category holds those below it ("Home" holds "Home > Lamps").
    """

    sources: tuple[ProductSource, ...] = ()
    count: int = 3
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    most_price: float | None = None


@dataclass(frozen=True)
class Group:
    """Actions that limits and suppression count together. `within` names the group above it."""

    name: str
    within: str | None = None
    eligibility: Rule | None = None
    applicability: Rule | None = None
    suitability: Rule | None = None


@dataclass(frozen=True)
class Action:
    """Something that the shop can do for a customer.

    `channels` has at least one, in the order of the catalogue; `costs` is money per contact by channel. `stages` empty means every stage,
    `placements` empty every place. `value` is the money of a positive outcome; None means computed (see `decisions.value`): `moves_to` then
    names the stage that a positive outcome brings the customer to, and `order_share` overrides the stage's share of an order.
    `response_prior` is the probability of a positive outcome before any is seen; `lift_prior` the business's belief how much more than that
    the action brings, which fades as outcomes come in. `groups` is the action's group and all above it. `treatments`: channel -> locale -> text.
    """

    action_id: str
    name: str
    channels: tuple[str, ...]
    group: str
    stages: frozenset[str] = frozenset()
    costs: Mapping[str, float] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    placements: frozenset[str] = frozenset()
    value: float | None = None
    order_share: float | None = None
    moves_to: str | None = None
    response_prior: float = 0.02
    lift_prior: float = 0.0
    lever: float = 1.0
    cooldown_days: float = 0.0
    eligibility: Rule | None = None
    applicability: Rule | None = None
    suitability: Rule | None = None
    products: ProductScope = ProductScope()
    treatments: Mapping[str, Mapping[str, Treatment]] = field(default_factory=dict)
    offer: Offer | None = None


@dataclass(frozen=True)
class Series:
    """Actions that follow one another, at least so many days apart, each once: a four-mail introduction."""

    name: str
    action_ids: tuple[str, ...]
    every_days: float


@dataclass(frozen=True)
class Shop:
    """How messages call the shop, and where it and its products are. `product_url` holds {product_id}."""

    name: str = ""
    url: str = ""
    product_url: str = ""


@dataclass(frozen=True)
class Catalogue:
    """The actions, `no_action` first, and the money rules that they share.

    `order_shares` says per stage how much of an order's margin a positive outcome is worth, until the shop's own histories say it better.
    `pushed_channels` are those by which the shop interrupts the customer. `groups` holds every group that an action or a group names.
    `text` is the YAML it was read from, and `digest` changes with any change of its content. `warnings` are sentences for whoever loads it.
    """

    actions: tuple[Action, ...]
    margin_share: float
    order_shares: Mapping[str, float]
    channels: frozenset[str]
    pushed_channels: frozenset[str]
    shop: Shop
    currency: str
    digest: str
    warnings: tuple[str, ...] = field(default=(), compare=False)
    groups: Mapping[str, Group] = field(default_factory=dict)
    series: tuple[Series, ...] = ()
    text: str = ""
    attributes: tuple[str, ...] = ()

    def action(self, action_id: str) -> Action | None:
        """The action of this id; None if there is none."""
        return self._by_id.get(action_id)

    @cached_property
    def _by_id(self) -> dict[str, Action]:
        return {action.action_id: action for action in self.actions}

    @cached_property
    def weighable(self) -> frozenset[str]:
        """Names that a context may weigh: actions and groups."""
        return frozenset({*self._by_id, *(name for action in self.actions for name in action.groups)}) - {NO_ACTION}

    @cached_property
    def placements(self) -> frozenset[str]:
        """The places that some action names."""
        return frozenset(place for action in self.actions for place in action.placements)


NOTHING: Final = Action(action_id=NO_ACTION, name="No action", channels=("",), group=NO_ACTION, response_prior=0.0)
