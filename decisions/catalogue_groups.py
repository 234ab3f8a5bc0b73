"""Groups and series of a catalogue: which group stands within which, and which actions follow one another."""

from collections.abc import Collection, Mapping

from decisions.actions import Group, Series
from decisions.catalogue_form import CatalogueForm, RuledForm
from decisions.reading import Part, Step
from features import rules
from features.contract import NO_ACTION
from features.errors import InputError


def own_group(group: str, action_id: str) -> str:
    """The group that an action is in: the one it names, or one of its own."""
    return group or action_id


def chains(whole: Part, form: CatalogueForm) -> Mapping[str, tuple[str, ...]]:
    """Each group, with itself and all groups above it, the nearest first. Raises InputError for an unknown group, and for a cycle."""
    used = (own_group(action.group, action.action_id) for action in form.actions if action.action_id != NO_ACTION)
    names = list(dict.fromkeys((*form.groups, *used)))
    for name, group in form.groups.items():
        if group.within is not None:
            more = "; or list it under groups"
            whole.require("group", group.within, [each for each in names if each != name] + [name], "groups", name, "within", more=more)
    return {name: _chain(whole, form, name) for name in names}


def _chain(whole: Part, form: CatalogueForm, name: str) -> tuple[str, ...]:
    chain = [name]
    while (group := form.groups.get(chain[-1])) is not None and group.within is not None:
        if group.within in chain:
            circle = " within ".join((*chain[chain.index(group.within) :], group.within))
            raise whole.error(f"the groups stand in a circle: {circle}", "Take one of these within away.", "groups", chain[-1], "within")
        chain.append(group.within)
    return tuple(chain)


def groups_of(whole: Part, form: CatalogueForm, found: Mapping[str, tuple[str, ...]], names: Collection[str]) -> dict[str, Group]:
    """Every group that an action or a group names, with its rules."""
    return {name: _group(whole, form, name, names) for name in found}


def _group(whole: Part, form: CatalogueForm, name: str, names: Collection[str]) -> Group:
    given = form.groups.get(name)
    if given is None:
        return Group(name)
    return Group(name, given.within, *rules_of(whole, given, names, "groups", name))


def rules_of(
    part: Part, given: RuledForm, names: Collection[str], *keys: Step
) -> tuple[rules.Rule | None, rules.Rule | None, rules.Rule | None]:
    """Eligibility, applicability and suitability; `when` is another word for applicability."""
    if given.when is not None and given.applicability is not None:
        raise part.error(
            "it stands beside when, which means the same", "Join the two rules with and, under one key.", *keys, "applicability"
        )
    key = "applicability" if given.when is None else "when"
    texts = (("eligibility", given.eligibility), (key, given.applicability if given.when is None else given.when))
    first, second, third = (_rule(part, text, names, *keys, word) for word, text in (*texts, ("suitability", given.suitability)))
    return first, second, third


def _rule(part: Part, text: str | None, names: Collection[str], *keys: Step) -> rules.Rule | None:
    if text is None:
        return None
    try:
        return rules.parse(text, names)
    except InputError as error:
        raise part.error(error.problem, error.remedy, *keys) from error


def series_of(whole: Part, form: CatalogueForm, action_ids: Collection[str]) -> tuple[Series, ...]:
    """The series. Raises InputError for an unknown action, and for one that stands in a series twice, or in two."""
    seen: dict[str, str] = {}
    for name, given in form.series.items():
        for place, action_id in enumerate(given.actions):
            keys = ("series", name, "actions", place)
            whole.require("action", action_id, action_ids, *keys)
            if action_id in seen:
                where = "twice in it" if seen[action_id] == name else f"in the series {seen[action_id]!r} already"
                raise whole.error(f"the action {action_id!r} stands {where}", "Take one of the two out.", *keys)
            seen[action_id] = name
    return tuple(Series(name, tuple(given.actions), given.every_days) for name, given in form.series.items())
