"""One action of a catalogue in plain words: who may get it, when, for whom it is good, what it costs and brings, what limits it, and what it says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from decisions.actions import Action, Catalogue, Group, ProductScope
from decisions.contact_names import ContactFact, contact_facts
from decisions.limits import EVERY_PUSHED, Limit, Limits
from decisions.messages import Message, Occasion, message
from decisions.situation import Product
from features.contract import STAGES
from features.definitions import FEATURES
from features.errors import InputError
from features.nearest import nearest
from features.rules import Rule

ORDERS: Final = 50.0
"""The order of the example, in the catalogue's currency times what a euro is there."""
SOURCES: Final = {
    "cart": "put into the cart and not bought",
    "viewed": "seen and not bought",
    "repeat": "due again by the customer's rhythm",
    "affinity": "that the customer will probably like",
}
SITUATION: Final = {
    "stage": "The stage of the journey",
    "churn_probability": "The probability of leaving, from the churn model",
    "expected_order_value": "What the next order is worth, money",
}
_SPANS: Final = {1: "24 hours", 7: "7 days", 30: "30 days"}
_EXAMPLES: Final = {
    "vi": ({"name": "Nguyễn Thị Lan", "city": "Huế"}, ("Trà sen", "Mứt gừng", "Bánh cốm")),
    "en": ({"name": "Anna Smith", "city": "Leeds"}, ("Lotus tea", "Ginger jam", "Rice cake")),
}


@dataclass(frozen=True)
class Section:
    """A heading and the sentences below it."""

    title: str
    sentences: tuple[str, ...]


def find_action(catalogue: Catalogue, action_id: str) -> Action:
    """The action of this id; InputError names the nearest."""
    found = catalogue.action(action_id)
    if found is None:
        known = [action.action_id for action in catalogue.actions]
        raise InputError(
            f"There is no action {action_id!r}.", remedy=f"The nearest is {nearest(action_id, known)!r} of {', '.join(known)}."
        )
    return found


def explained(action: Action, catalogue: Catalogue, limits: Limits, *, currency: str, order_value: float = ORDERS) -> tuple[Section, ...]:
    """Everything about the action but its messages; amounts are in `currency`, and the example is of an order of `order_value`."""
    groups = tuple(catalogue.groups[name] for name in action.groups if name in catalogue.groups)
    rules = {
        "Who may get it": ("eligibility", "Everybody whom its channel may reach."),
        "When it makes sense": ("applicability", "At any time."),
        "For whom it is good": ("suitability", "For everybody."),
    }
    sections = (
        ("What it is", tuple(_what(action, catalogue))),
        *((title, tuple(_rules(action, groups, key)) or (otherwise,)) for title, (key, otherwise) in rules.items()),
        ("What it speaks of and offers", tuple(_content(action, currency))),
        ("What it costs", tuple(_costs(action, currency))),
        ("What it brings", tuple(_worth(action, catalogue, currency, order_value))),
        ("What limits it", tuple(_limits(action, catalogue, limits, currency))),
        ("Names in its rules", tuple(_names(action, groups, catalogue))),
    )
    return tuple(Section(title, sentences) for title, sentences in sections if sentences)


def example_messages(action: Action, catalogue: Catalogue, *, as_of: datetime, currency: str, locale: str = "") -> tuple[Message, ...]:
    """The action's messages for an example customer, by channel and language; in one language if `locale` is given.

    InputError if the action says nothing in it.
    """
    said = [(channel, known) for channel, by_locale in action.treatments.items() for known in by_locale]
    wanted = [(channel, known) for channel, known in said if locale in ("", known)]
    if locale and said and not wanted:
        known = sorted({each for _, each in said})
        raise InputError(f"The action {action.action_id!r} says nothing in {locale!r}.", remedy=f"It speaks {', '.join(known)}.")
    made = (message(action, channel, _occasion(action, catalogue, known, as_of, currency)) for channel, known in wanted)
    return tuple(each for each in made if each is not None)


def _occasion(action: Action, catalogue: Catalogue, locale: str, as_of: datetime, currency: str) -> Occasion:
    profile, names = _EXAMPLES["vi" if locale.startswith("vi") else "en"]
    price = 4.5 if currency in ("", "EUR", "USD", "GBP") else 45_000.0
    count = action.products.count if action.products.sources else 0
    listed = [Product(str(n + 1), names[n % len(names)], price=price * (n + 1)) for n in range(count)]
    return Occasion({**profile, "locale": locale}, as_of, listed, catalogue.shop, currency)


def _what(action: Action, catalogue: Catalogue) -> Iterator[str]:
    stages = [stage for stage in STAGES if stage in action.stages]
    yield f"{action.name}, for customers in {_listed(stages)}." if stages else f"{action.name}, for customers in every stage."
    places = f", in these places: {_listed(sorted(action.placements))}" if action.placements else ""
    yield f"It goes by {_listed(action.channels, 'or')}{places}." if any(action.channels) else "Nothing is done and nothing is said."
    if any(action.channels):
        yield f"Its group is {', within '.join(action.groups)}."
    for series in catalogue.series:
        if action.action_id in series.action_ids:
            place = series.action_ids.index(action.action_id)
            before = f"after {series.action_ids[place - 1]}, at least {series.every_days:g} days later" if place else "as its beginning"
            yield f"It is number {place + 1} of {len(series.action_ids)} in the series {series.name}, once for each customer, {before}."


def _rules(action: Action, groups: tuple[Group, ...], key: str) -> Iterator[str]:
    for owner, whose in ((action, ""), *((group, f", as everything in {group.name}") for group in groups)):
        rule = getattr(owner, key)
        if isinstance(rule, Rule):
            yield f"If {' '.join(rule.text.split())}{whose}."


def _content(action: Action, currency: str) -> Iterator[str]:
    if action.products.sources:
        yield _scope(action.products, currency)
    offer = action.offer
    if offer is None:
        return
    given = [f"{offer.discount_share * 100:g} % off"] if offer.discount_share else []
    given += ["free shipping"] if offer.free_shipping else []
    given += [f"something that costs {_money(offer.cost, currency)}"] if offer.cost and not offer.free_shipping else []
    on = "" if not offer.discount_share else " on these products" if offer.on_products else " on the whole order"
    code = f", with the code {offer.code}" if offer.code else ""
    until = f", for {offer.valid_days} days" if offer.valid_days else ""
    yield f"It offers {_listed(given) or 'a code'}{on}{code}{until}."


def _scope(scope: ProductScope, currency: str) -> str:
    within = [f"the categories {_listed(scope.categories)}"] if scope.categories else []
    within += [f"the brands {_listed(scope.brands)}"] if scope.brands else []
    within += [f"the products {_listed(scope.product_ids)}"] if scope.product_ids else []
    within += [f"a price up to {_money(scope.most_price, currency)}"] if scope.most_price else []
    told = ", then those ".join(SOURCES[source] for source in scope.sources)
    return f"Up to {scope.count} products, those {told}{f'; within {_listed(within)}' if within else ''}. Without any, it is not chosen."


def _costs(action: Action, currency: str) -> Iterator[str]:
    for channel, cost in action.costs.items():
        yield f"By {channel}: {_money(cost, currency)} for each contact." if cost else f"By {channel}: nothing."
    if action.offer and action.offer.cost:
        yield f"If the customer accepts, the offer costs {_money(action.offer.cost, currency)} more."
    if any(action.channels):
        yield "Beside this counts what is lost if the contact makes the customer unsubscribe, as the shop's own contacts tell."


def _worth(action: Action, catalogue: Catalogue, currency: str, order_value: float) -> Iterator[str]:
    if not any(action.channels):
        yield "Nothing, at no risk: everything else must be worth more than that."
        return
    yield from _value(action, catalogue, currency, order_value)
    likely = f"{action.response_prior * 100:g} %"
    if action.lift_prior:
        believed, way = action.response_prior * (1 + action.lift_prior), "more" if action.lift_prior > 0 else "less"
        likely = f"{likely}, believed {abs(action.lift_prior) * 100:g} % {way}: {believed * 100:.3g} %"
    yield f"Until outcomes are known, a positive one is taken to be as likely as {likely}."
    if action.lever != 1:
        yield f"The business weighs it {action.lever:g} times."


def _value(action: Action, catalogue: Catalogue, currency: str, order_value: float) -> Iterator[str]:
    if action.value is not None:
        yield f"A positive outcome is worth {_money(action.value, currency)}."
        return
    if action.moves_to:
        yield f"A positive outcome brings the customer to {action.moves_to}, and is worth what they bring more there."
        yield "Until the shop's own histories tell how much that is:"
    yield from (_order(action, catalogue, stage, currency, order_value) for stage in STAGES if not action.stages or stage in action.stages)


def _order(action: Action, catalogue: Catalogue, stage: str, currency: str, order_value: float) -> str:
    share = catalogue.order_shares.get(stage, 0.0) if action.order_share is None else action.order_share
    discount, extra = (action.offer.discount_share, action.offer.cost) if action.offer else (0.0, 0.0)
    money = round((catalogue.margin_share - discount) * order_value * share - extra, 4)
    rule = f"({catalogue.margin_share:g} margin - {discount:g} discount) x expected order value x {share:g} of an order"
    offered = f" - {_money(extra, currency)} for the offer" if extra else ""
    return f"In {stage}: {rule}{offered}; with an order of {_money(order_value, currency)}, {_money(money, currency)}."


def _limits(action: Action, catalogue: Catalogue, limits: Limits, currency: str) -> Iterator[str]:
    if not any(action.channels):
        return
    if action.cooldown_days:
        yield f"It rests for {action.cooldown_days:g} days after it was used for a customer."
    yield from _counted(f"{action.action_id} itself", limits.actions.get(action.action_id))
    for group in action.groups:
        yield from _counted(f"everything in {group}", limits.groups.get(group))
    for channel in action.channels:
        yield from _counted(f"everything by {channel}", limits.contacts.get(channel))
    if catalogue.pushed_channels & set(action.channels):
        yield from _counted(
            f"all pushed channels together ({_listed(sorted(catalogue.pushed_channels))})", limits.contacts.get(EVERY_PUSHED)
        )
    quiet = limits.quiet_hours
    silent = [channel for channel in action.channels if quiet and channel in quiet.channels]
    if quiet and silent:
        yield f"Nothing goes by {_listed(silent, 'or')} from {_clock(quiet.begins)} until {_clock(quiet.ends)} on the customer's clock."
    budget = limits.budgets.get(action.action_id)
    if budget:
        parts = [f"{budget.contacts} contacts"] if budget.contacts is not None else []
        parts += [_money(budget.money, currency)] if budget.money is not None else []
        yield f"Its budget is {_listed(parts)} {'in all' if budget.per == 'ever' else 'per ' + budget.per}."
    rule = limits.suppression
    yield f"{rule.rejected_count} rejections within {rule.within_days} days pause it, and its group."


def _counted(what: str, limit: Limit | None) -> Iterator[str]:
    told = [f"{most} in {_SPANS[days]}" for days, most in (limit.windows if limit else ())]
    if told:
        yield f"At most {_listed(told)}, counting {what}."


def _names(action: Action, groups: tuple[Group, ...], catalogue: Catalogue) -> Iterator[str]:
    rules = [getattr(owner, key) for owner in (action, *groups) for key in ("eligibility", "applicability", "suitability")]
    meanings = {
        **{feature.name: f"{feature.description} ({feature.unit})" for feature in FEATURES},
        **{fact.name: _meaning(fact) for fact in contact_facts(catalogue.channels)},
        **SITUATION,
    }
    for name in sorted({name for rule in rules if rule is not None for name in rule.names}):
        yield f"{name}: {meanings.get(name, 'a column of the customers table')}."


def _meaning(fact: ContactFact) -> str:
    by = f" by {_listed(sorted(fact.channels), 'or')}" if fact.channels else ""
    if fact.kind == "days_since":
        return f"Days since the last contact{by}"
    return f"Contacts{by}{' that were ' + fact.outcome if fact.outcome else ''} in the last {fact.days:g} days"


def _money(amount: float, currency: str) -> str:
    return f"{amount:,.12g} {currency}".rstrip()


def _clock(hours: float) -> str:
    return f"{int(hours):02d}:{round(hours % 1 * 60):02d}"


def _listed(words: Sequence[str], link: str = "and") -> str:
    return f" {link} ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
