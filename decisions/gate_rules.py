"""The gates of one way, an action by one channel: each a condition, its reason, and the questions about contacts that it asks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from decisions.actions import Action, Catalogue
from decisions.budget_periods import charged
from decisions.contact_names import ContactFact
from decisions.limits import EVERY_PUSHED, Limit, Limits
from decisions.reasons import Reason, reason
from decisions.situation import VISITOR
from features.expressions import Comparison, Condition, Constant, Either, Every, Name, Opposite
from features.rules import Rule

BY_DEVICE: Final = frozenset({"push"})
"""Pushed channels that reach a visitor's own device, whoever they are."""
ROUNDING: Final = 1e-9
"""Less than what budgets are counted in (`serving.state.budgets`): .3 - .1 - .1 still has room for .1."""
STEPS: Final = ("eligibility", "applicability", "suitability")
_REFUSALS: Final = {"eligibility": "not_eligible", "applicability": "not_applicable", "suitability": "not_suitable"}


@dataclass(frozen=True)
class Gate:
    """A condition that must hold, the layer it belongs to, and the reason where it does not. `names` are the values it looks at."""

    layer: str
    condition: Condition
    reason: Reason
    names: frozenset[str]

    @property
    def code(self) -> str:
        """The reason's code."""
        return self.reason.code


@dataclass(frozen=True)
class Wanted:
    """A gate, and the questions about earlier contacts that it asks."""

    gate: Gate
    facts: tuple[ContactFact, ...] = ()


Maker = Callable[[Action, str, Catalogue, Limits], Iterator[Wanted]]


def gates_of_way(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:
    """Every gate of this action by this channel."""
    for make in (_address, _rules, _stages, _products, _consent, _suppression, _limits, _rest, _quiet, _series, _budget):
        yield from make(action, channel, catalogue, limits)


def _address(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001 - one form for all
    if channel in catalogue.pushed_channels and channel not in BY_DEVICE:
        yield Wanted(_gate("eligibility", Opposite(_is("==", VISITOR, 1.0)), "no_address", channel=channel))


def _rules(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001
    owners = (action, *(catalogue.groups[name] for name in action.groups if name in catalogue.groups))
    for layer in STEPS:
        for owner in owners:
            rule: Rule | None = getattr(owner, layer)
            if rule is not None:
                yield Wanted(Gate(layer, rule.condition, reason(_REFUSALS[layer], rule=rule.text.strip()), rule.names))


def _stages(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001
    if action.stages:
        stages = sorted(action.stages)
        parts = tuple(_is("==", f"stage:{stage}", 1.0) for stage in stages)
        condition = Either(parts) if len(parts) > 1 else parts[0]
        names = frozenset(f"stage:{stage}" for stage in stages)
        yield Wanted(Gate("applicability", condition, reason("other_stage", stages=" and ".join(stages)), names))


def _products(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001
    if action.products.sources:
        yield Wanted(
            _gate("applicability", _is(">", f"products:{action.action_id}", 0.0), "no_products", sources=", ".join(action.products.sources))
        )


def _consent(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001
    yield Wanted(_gate("consent", Opposite(_is("==", f"consent:{channel}", 0.0)), "no_consent", channel=channel))
    told = ContactFact(f"unsubscribed:{channel}", channels=frozenset({channel}), outcome="unsubscribed")
    yield Wanted(_gate("consent", Opposite(_is(">", told.name, 0.0)), "unsubscribed", channel=channel), (told,))
    if channel in catalogue.pushed_channels:
        anywhere = _is(">=", "days_since_unsubscribe", 0.0)
        said = anywhere if channel == "email" else Every((anywhere, Opposite(_is("==", f"consent:{channel}", 1.0))))
        yield Wanted(_gate("consent", Opposite(said), "unsubscribed", channel=channel))


def _suppression(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001
    rule = limits.suppression
    own = ContactFact(f"rejected:{action.action_id}", action_ids=frozenset({action.action_id}), days=rule.within_days, outcome="rejected")
    theirs = (
        ContactFact(f"rejected_group:{name}", groups=frozenset({name}), days=rule.within_days, outcome="rejected") for name in action.groups
    )
    for fact in (own, *theirs):
        what = fact.name.partition(":")[2]
        condition = _is("<", fact.name, float(rule.rejected_count))
        yield Wanted(_gate("suppression", condition, "suppressed", most=rule.rejected_count, what=what, days=rule.within_days), (fact,))


def _limits(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:
    for name, fact, limit in _counted(action, channel, catalogue, limits):
        for days, most in limit.windows:
            counted = ContactFact(f"{name}:{days}", channels=fact.channels, groups=fact.groups, action_ids=fact.action_ids, days=days)
            told = {"what": name.partition(":")[2], "most": most, "days": days}
            yield Wanted(_gate("contact_limits", _is("<", counted.name, float(most)), "contact_limit", **told), (counted,))


def _counted(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[tuple[str, ContactFact, Limit]]:
    """(name, what is counted, limit) of every limit on this way."""
    if channel in limits.contacts:
        yield f"channel:{channel}", ContactFact("", channels=frozenset({channel})), limits.contacts[channel]
    if EVERY_PUSHED in limits.contacts and channel in catalogue.pushed_channels:
        yield "channel:all pushed channels", ContactFact("", channels=catalogue.pushed_channels), limits.contacts[EVERY_PUSHED]
    for group in action.groups:
        if group in limits.groups:
            yield f"group:{group}", ContactFact("", groups=frozenset({group})), limits.groups[group]
    if action.action_id in limits.actions:
        yield f"action:{action.action_id}", ContactFact("", action_ids=frozenset({action.action_id})), limits.actions[action.action_id]


def _rest(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001
    if action.cooldown_days:
        last = _last_use(action.action_id)
        condition = Opposite(_is("<", last.name, float(action.cooldown_days)))
        yield Wanted(_gate("contact_limits", condition, "cooldown", days=f"{action.cooldown_days:g}"), (last,))


def _quiet(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001
    quiet = limits.quiet_hours
    if quiet is not None and channel in quiet.channels and quiet.begins != quiet.ends:
        after, before = _is(">=", "local_hour", quiet.begins), _is("<", "local_hour", quiet.ends)
        silent = Every((after, before)) if quiet.begins < quiet.ends else Either((after, before))
        told = {"channel": channel, "begins": _clock(quiet.begins), "ends": _clock(quiet.ends)}
        yield Wanted(_gate("contact_limits", Opposite(silent), "quiet_hours", **told))


def _series(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001
    for series in catalogue.series:
        if action.action_id in series.action_ids:
            place = series.action_ids.index(action.action_id)
            mine = _last_use(action.action_id)
            yield Wanted(_gate("contact_limits", Opposite(_is(">=", mine.name, 0.0)), "series_done", series=series.name), (mine,))
            if place:
                before = _last_use(series.action_ids[place - 1])
                told = {"series": series.name, "days": f"{series.every_days:g}", "after": series.action_ids[place - 1]}
                yield Wanted(_gate("contact_limits", _is(">=", before.name, float(series.every_days)), "series", **told), (before,))


def _budget(action: Action, channel: str, catalogue: Catalogue, limits: Limits) -> Iterator[Wanted]:  # noqa: ARG001
    if action.action_id in limits.budgets:
        contacts = _is("<", f"budget_contacts:{action.action_id}", 1.0)
        money = _is("<", f"budget_money:{action.action_id}", charged(float(action.costs.get(channel, 0.0))) - ROUNDING)
        yield Wanted(_gate("budgets", Opposite(Either((contacts, money))), "budget"))


def _last_use(action_id: str) -> ContactFact:
    return ContactFact(f"since:{action_id}", kind="days_since", action_ids=frozenset({action_id}))


def _gate(layer: str, condition: Condition, code: str, **told: object) -> Gate:
    return Gate(layer, condition, reason(code, **told), frozenset(_names(condition)))


def _is(sign: str, name: str, value: float) -> Comparison:
    return Comparison(sign, Name(name), Constant(value))


def _names(condition: object) -> Iterator[str]:
    """The names in a condition that was made here."""
    if isinstance(condition, Comparison):
        yield from (side.name for side in (condition.left, condition.right) if isinstance(side, Name))
    elif isinstance(condition, Opposite):
        yield from _names(condition.part)
    elif isinstance(condition, Every | Either):
        for part in condition.parts:
            yield from _names(part)


def _clock(hours: float) -> str:
    return f"{int(hours):02d}:{round(hours % 1 * 60):02d}"
