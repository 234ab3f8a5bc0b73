"""Makes one action of a catalogue from its form, and refuses what it cannot mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from decisions.actions import Action, Offer, ProductScope, ProductSource, Sender, Shop
from decisions.catalogue_form import ActionForm, ProductsForm
from decisions.catalogue_groups import own_group, rules_of
from decisions.catalogue_texts import treatments_of
from decisions.message_check import check
from decisions.reading import Part, Step
from features.contract import STAGES
from features.errors import InputError

SOURCES: Final[tuple[ProductSource, ...]] = get_args(ProductSource)


@dataclass(frozen=True)
class Known:
    """What the actions of one catalogue may refer to: its channels, the names of rules, each group with all above it, senders by locale, the shop."""

    channels: tuple[str, ...]
    names: frozenset[str]
    chains: Mapping[str, tuple[str, ...]]
    senders: Mapping[str, Sender]
    shop: Shop


def action_of(part: Part, given: ActionForm, known: Known) -> Action:
    """The action. Raises InputError, with its line, for everything that could not be used."""
    channels = _channels(part, given, known)
    _check_stages(part, given)
    group = own_group(given.group, given.action_id)
    eligibility, applicability, suitability = rules_of(part, given, known.names)
    products = _products(part, given)
    numbers = ("value", "order_share", "moves_to", "response_prior", "lift_prior", "lever", "cooldown_days")
    action = Action(
        action_id=given.action_id,
        name=given.name or given.action_id.replace("_", " ").capitalize(),
        channels=channels,
        group=group,
        stages=frozenset(given.stages),
        costs=_costs(part, given, channels),
        groups=known.chains[group],
        placements=frozenset(given.placements),
        **{name: getattr(given, name) for name in numbers},
        eligibility=eligibility,
        applicability=applicability,
        suitability=suitability,
        products=products,
        treatments=treatments_of(part, given, channels, known.senders),
        offer=_offer(part, given, products),
    )
    _check_texts(part, given, action, known.shop)
    return action


def _channels(part: Part, given: ActionForm, known: Known) -> tuple[str, ...]:
    if given.channel and given.channels:
        raise part.error("it stands beside channel", "Name all of them under channels.", "channels")
    key = "channels" if given.channels else "channel"
    named = tuple(given.channels or filter(None, (given.channel,)))
    if not named:
        raise part.error("it names no channel", f"Add channel: email, or another of {', '.join(known.channels)}.", "channel")
    for place, channel in enumerate(named):
        at: tuple[Step, ...] = (key, place) if given.channels else (key,)
        own = f"a channel of your own is first named at the top of the file: channels: [{channel}]"
        part.require("channel", channel, known.channels, *at, more=f" of {', '.join(known.channels)}; {own}")
        if channel in named[:place]:
            raise part.error(f"{channel} stands twice", "Take one of the two out.", key, place)
    return named


def _check_stages(part: Part, given: ActionForm) -> None:
    for place, stage in enumerate(given.stages):
        part.require("stage", stage, STAGES, "stages", place, more=f" of {', '.join(STAGES)}")
    if given.moves_to is not None:
        part.require("stage", given.moves_to, STAGES, "moves_to", more=f" of {', '.join(STAGES)}")


def _costs(part: Part, given: ActionForm, channels: tuple[str, ...]) -> dict[str, float]:
    if not isinstance(given.cost, dict):
        return dict.fromkeys(channels, float(given.cost))
    for channel in given.cost:
        part.require("channel", channel, channels, "cost", channel, more=f": it goes by {' and '.join(channels)}")
    for channel in channels:
        if channel not in given.cost:
            raise part.error(f"it says nothing of {channel}", f"Add what a contact by {channel} costs; 0 if nothing.", "cost")
    return {channel: float(given.cost[channel]) for channel in channels}


def _products(part: Part, given: ActionForm) -> ProductScope:
    told = given.products
    if told is None or told == "none":
        if given.product_count is not None:
            raise part.error("it counts products, but the action speaks of none", "Say which under products.", "product_count")
        return ProductScope()
    if not isinstance(told, ProductsForm):
        return ProductScope(_sources(part, told, "products"), given.product_count or ProductScope().count)
    if given.product_count is not None:
        raise part.error("it stands beside products, which has a count", "Write products: {from: ..., count: ...}.", "product_count")
    return ProductScope(
        sources=_sources(part, told.from_, "products", "from"),
        count=told.count,
        categories=tuple(" > ".join(filter(None, map(str.strip, path.split(">")))) for path in told.categories or ()),
        brands=tuple(told.brands or ()),
        product_ids=tuple(told.product_ids or ()),
        most_price=told.most_price,
    )


def _sources(part: Part, told: str | list[str], *keys: str) -> tuple[ProductSource, ...]:
    named = [told] if isinstance(told, str) else told
    for place, source in enumerate(named):
        at: tuple[Step, ...] = keys if isinstance(told, str) else (*keys, place)
        part.require("source", source, SOURCES, *at, more=f" of {', '.join(SOURCES)}")
        if source in named[:place]:
            raise part.error(f"{source} stands twice", "Take one of the two out.", *at)
    return tuple(source for name in named for source in SOURCES if source == name)


def _offer(part: Part, given: ActionForm, products: ProductScope) -> Offer | None:
    if given.offer is None:
        return None
    if given.offer.on_products and not products.sources:
        raise part.error("its discount is on products, but the action speaks of none", "Say which under products.", "offer", "on_products")
    if given.offer.on_products and not given.offer.discount_share:
        raise part.error("it is on products, but there is no discount", "Add discount_share.", "offer", "on_products")
    return Offer(**given.offer.model_dump())


def _check_texts(part: Part, given: ActionForm, action: Action, shop: Shop) -> None:
    for channel, by_locale in action.treatments.items():
        said = given.treatments.get(channel)
        for locale in by_locale:
            own = isinstance(said, Mapping) and locale in said  # else the text is for every channel
            try:
                check(action, channel, locale, shop)
            except InputError as error:
                field = getattr(error, "field", "body")
                at = (channel, locale, field) if own else (locale, field)
                raise part.error(error.problem, error.remedy, "treatments", below=at) from error
