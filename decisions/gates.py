"""Gates: what may be done for this customer now. Each gate forbids with a recorded reason, or is silent; no gate ever allows.

`no_action` passes every gate. A channel without any consent information is not gated, and that is remarked.
"""

from collections.abc import Callable, Iterator
from typing import Final

from decisions import locales
from decisions.actions import Action
from decisions.decision import Reason, Reservation
from decisions.limits import EVERY_PUSHED
from decisions.moment import Moment
from features.contract import NO_ACTION

Gate = Callable[[Action, Moment], Reason | None]


def verdict(action: Action, moment: Moment) -> tuple[Reason, ...]:
    """Every reason that forbids the action in this moment; empty if it is allowed."""
    if action.action_id == NO_ACTION:
        return ()
    return tuple(reason for gate in GATES if (reason := gate(action, moment)) is not None)


def remarks(action: Action, moment: Moment) -> tuple[Reason, ...]:
    """What should be known about an allowed action."""
    if action.action_id != NO_ACTION and action.channel not in moment.situation.consent:
        return (Reason("consent_unknown", f"There is no consent information for {action.channel}, so it is not gated."),)
    return ()


def stage_fit(action: Action, moment: Moment) -> Reason | None:
    """The action must be meant for the stage."""
    if not action.stages or moment.stage in action.stages:
        return None
    return Reason("other_stage", f"It is meant for {' and '.join(sorted(action.stages))}; this is about {moment.stage}.")


def asked_channel(action: Action, moment: Moment) -> Reason | None:
    """The channel must be one of those asked for."""
    asked = moment.ask.channels
    if asked is None or action.channel in asked:
        return None
    return Reason("other_channel", f"It goes by {action.channel}; asked for was {' or '.join(sorted(asked)) or 'no channel'}.")


def eligibility(action: Action, moment: Moment) -> Reason | None:
    """The action's own rule must hold."""
    if action.when is None or action.when.holds(moment.values):
        return None
    return Reason("not_eligible", f"Its rule does not hold: {action.when.text}.")


def consent(action: Action, moment: Moment) -> Reason | None:
    """The customer must not have refused the channel."""
    if moment.situation.consent.get(action.channel, True):
        return None
    return Reason("no_consent", f"The customer gave no consent to {action.channel}.")


def unsubscribed(action: Action, moment: Moment) -> Reason | None:
    """Who unsubscribed is left in peace on that channel; where the channel is unknown, on e-mail and all pushed channels without consent."""
    if any(contact.channel == action.channel and "unsubscribed" in contact.outcomes for _, contact in moment.contacts):
        return Reason("unsubscribed", f"The customer unsubscribed from {action.channel}.")
    spoken_for = action.channel != "email" and moment.situation.consent.get(action.channel, False)
    if "days_since_unsubscribe" in moment.situation.features and action.channel in moment.catalogue.pushed_channels and not spoken_for:
        return Reason("unsubscribed", f"The customer unsubscribed, and {action.channel} would interrupt them.")
    return None


def suppression(action: Action, moment: Moment) -> Reason | None:
    """Rejections pause the action and its group."""
    rule = moment.limits.suppression
    rejected = sum(
        age < rule.within_days and "rejected" in contact.outcomes and _same_group(action, contact.action_id, moment)
        for age, contact in moment.contacts
    )
    if rejected < rule.rejected_count:
        return None
    return Reason("suppressed", f"{rejected} contacts of {action.group} were rejected in the last {rule.within_days} days.")


def cooldown(action: Action, moment: Moment) -> Reason | None:
    """An action rests after it was used."""
    for age, contact in moment.contacts:
        if age >= action.cooldown_days:
            break
        if contact.action_id == action.action_id:
            used = locales.day(contact.decided_at, locales.FALLBACK)
            return Reason("cooldown", f"It was used on {used} and rests for {action.cooldown_days:g} days.")
    return None


def contact_limits(action: Action, moment: Moment) -> Reason | None:
    """The customer must not be contacted too often."""
    for name, channels, days, most in _limits(action, moment):
        if moment.count(channels, days) >= most:
            span = "24 hours" if days == 1 else f"{days} days"
            return Reason("contact_limit", f"The limit of {name} is {most} in {span}, and it is reached.")
    return None


def products(action: Action, moment: Moment) -> Reason | None:
    """An action that speaks of products needs some."""
    if action.products == "none" or moment.situation.products.get(action.products):
        return None
    return Reason("no_products", f"It speaks of products ({action.products}), and none are known for this customer.")


GATES: Final[tuple[Gate, ...]] = (
    stage_fit,
    asked_channel,
    eligibility,
    consent,
    unsubscribed,
    suppression,
    cooldown,
    contact_limits,
    products,
)


def reservations(moment: Moment) -> tuple[Reservation, ...]:
    """The counts that the picked actions take, one for each limit that they touch."""
    taken: dict[str, Reservation] = {}
    for action in moment.picked:
        for name, channels, days, most in _limits(action, moment):
            count = sum(other.channel in channels for other in moment.picked)
            taken[f"{name}/{days}"] = Reservation(moment.situation.customer_id, tuple(sorted(channels)), days, most, count)
    return tuple(taken.values())


def _limits(action: Action, moment: Moment) -> Iterator[tuple[str, frozenset[str], int, int]]:
    """(name, channels counted together, days, most) of every limit on the action's channel."""
    own = moment.limits.contacts.get(action.channel)
    if own is not None:
        for days, most in own.windows:
            yield action.channel, frozenset({action.channel}), days, most
    pushed = moment.catalogue.pushed_channels
    together = moment.limits.contacts.get(EVERY_PUSHED)
    if together is not None and action.channel in pushed:
        for days, most in together.windows:
            yield "all pushed channels", pushed, days, most


def _same_group(action: Action, action_id: str, moment: Moment) -> bool:
    other = moment.catalogue.action(action_id)
    return action_id == action.action_id or (other is not None and other.group == action.group)
