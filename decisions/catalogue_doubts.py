"""What in a catalogue and its limits can be used, but is probably not meant."""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from decisions.actions import Action, Catalogue
from decisions.limits import EVERY_PUSHED, WINDOW_DAYS, Limit, Limits
from decisions.rule_doubts import ShopValues, product_doubts, rule_doubts
from features.contract import NO_ACTION, STAGES

WITH_SUBJECT = ("email", "push")
EXAMPLE_ADDRESS = "shop.example"
NOTHING_KNOWN = ShopValues()


def doubts(catalogue: Catalogue, limits: Limits, shop: ShopValues = NOTHING_KNOWN) -> tuple[str, ...]:
    """Sentences for whoever keeps the files: what loading them remarked, missing texts, limits that can never be reached, series that run backwards.

    What rules and products name is compared with what the `shop` has, as far as that is known. Empty if there is nothing to say.
    """
    return (
        *catalogue.warnings,
        *limits.warnings,
        *(sentence for action in acting(catalogue) for sentence in (*_silent(action, catalogue), *_offered(action), *_called(action))),
        *rule_doubts(catalogue, shop),
        *product_doubts(catalogue, shop),
        *_groups(catalogue),
        *_series(catalogue),
        *_limits(catalogue, limits),
        *_budgets(catalogue, limits),
        *_addresses(catalogue),
    )


def acting(catalogue: Catalogue) -> tuple[Action, ...]:
    """The actions that do something."""
    return tuple(action for action in catalogue.actions if action.action_id != NO_ACTION)


def locales_of(catalogue: Catalogue) -> tuple[str, ...]:
    """The languages in which some action speaks, the most frequent first."""
    spoken = [locale for action in acting(catalogue) for by_locale in action.treatments.values() for locale in by_locale]
    return tuple(sorted(set(spoken), key=lambda locale: (-spoken.count(locale), locale)))


def _silent(action: Action, catalogue: Catalogue) -> Iterator[str]:
    if not action.treatments:
        if locales_of(catalogue):
            yield f"action {action.action_id!r} has no text: answers name it, and whatever sends it must know what to say."
        return
    for channel in action.channels:
        said = action.treatments.get(channel, {})
        for locale in locales_of(catalogue):
            if locale not in said:
                yield f"action {action.action_id!r} has no text by {channel} in {locale}, which others have."
        for locale, treatment in said.items():
            if channel in WITH_SUBJECT and not treatment.subject:
                yield f"action {action.action_id!r} has no subject by {channel} in {locale}."


def _offered(action: Action) -> Iterator[str]:
    """Words of the offer that a text says, and the offer does not fill; a text that asks `if offer...` knows it."""
    offer = action.offer
    if offer is None:
        return
    missing = [
        (word, key) for word, key in (("until", "valid_days"), ("code", "code"), ("discount", "discount_share")) if not getattr(offer, key)
    ]
    texts = [f"{said.subject}\n{said.body}" for by_locale in action.treatments.values() for said in by_locale.values()]
    for word, key in missing:
        if any(re.search(rf"\boffer\.{word}\b", text) and "if offer" not in text for text in texts):
            yield f"action {action.action_id!r} says offer.{word}, which stays empty: its offer has no {key}."


def _called(action: Action) -> Iterator[str]:
    if re.search(r"\s", action.action_id):
        yield f"action {action.action_id!r} has a blank in its action_id: commands want it in quotes; {'_'.join(action.action_id.split())} needs none."


def _groups(catalogue: Catalogue) -> Iterator[str]:
    used = {name for action in acting(catalogue) for name in action.groups}
    for name in catalogue.groups:
        if name not in used:
            yield f"the group {name!r} has no action."


def _series(catalogue: Catalogue) -> Iterator[str]:
    for series in catalogue.series:
        actions = [found for action_id in series.action_ids if (found := catalogue.action(action_id)) is not None]
        for earlier, later in pairwise(actions):
            if earlier.stages and later.stages and max(map(STAGES.index, later.stages)) < min(map(STAGES.index, earlier.stages)):
                yield f"the series {series.name!r} goes backwards: {later.action_id!r} stands after {earlier.action_id!r}, but is for an earlier stage."
        for action in actions:
            if action.stages and actions[0].stages and not action.stages & actions[0].stages:
                yield f"the series {series.name!r} needs another stage for {action.action_id!r} than for its first action."


def _limits(catalogue: Catalogue, limits: Limits) -> Iterator[str]:
    together = limits.contacts.get(EVERY_PUSHED, Limit())
    for channel, limit in limits.contacts.items():
        above = {"all pushed channels": together} if channel in catalogue.pushed_channels else {}
        yield from _unreachable(f"contacts, {channel}", limit, above)
    for name, limit in limits.groups.items():
        chain = _chain(catalogue, name)
        yield from _unreachable(
            f"groups, {name}", limit, {f"the group {each}": limits.groups[each] for each in chain if each in limits.groups}
        )
    for name, limit in limits.actions.items():
        action = catalogue.action(name)
        groups = action.groups if action else ()
        yield from _unreachable(
            f"actions, {name}", limit, {f"the group {each}": limits.groups[each] for each in groups if each in limits.groups}
        )


def _chain(catalogue: Catalogue, name: str) -> Iterator[str]:
    group = catalogue.groups.get(name)
    while group is not None and group.within is not None:
        yield group.within
        group = catalogue.groups.get(group.within)


def _unreachable(what: str, limit: Limit, above: Mapping[str, Limit]) -> Iterator[str]:
    """A count that a shorter window, a longer one or a limit above always stops first."""
    for name, days in WINDOW_DAYS.items():
        most = getattr(limit, name)
        if most is None:
            continue
        for whose, other in {"its own": limit, **above}.items():
            for window, other_days in WINDOW_DAYS.items():
                least = getattr(other, window)
                if least is None or (other is limit and window == name):
                    continue
                first = least * math.ceil(days / other_days)
                if most > first:
                    yield f"limits, {what}: {most} per {name} is never reached: {whose} limit of {least} per {window} stops before."
                    break


def _budgets(catalogue: Catalogue, limits: Limits) -> Iterator[str]:
    for name, budget in limits.budgets.items():
        action = catalogue.action(name)
        if action is not None and budget.money is not None and action.costs and budget.money < min(action.costs.values()):
            yield f"limits, budgets, {name}: {budget.money:g} per {budget.per} is less than one contact costs: the action never happens."


def _addresses(catalogue: Catalogue) -> Iterator[str]:
    if EXAMPLE_ADDRESS in catalogue.shop.url + catalogue.shop.product_url:
        yield f"shop: links lead to {catalogue.shop.url or catalogue.shop.product_url}, an example: write your own address there."
    senders = {text.sender.reply_to for a in acting(catalogue) for said in a.treatments.values() for text in said.values() if text.sender}
    examples = sorted(address for address in senders if address.endswith("@" + EXAMPLE_ADDRESS))
    if examples:
        yield f"senders: answers go to {' and '.join(examples)}, an example: name somebody of your own."
