"""The catalogue: what the shop can do, from YAML, checked so strictly at load that nothing is found out in front of a customer.

The smallest valid form: {margin_share: 0.3, actions: [{action_id: mens_email, channel: email, cost: 0.10, stages: [retention]}]}
docs/catalogue.md tells every key.
"""

import difflib
import hashlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from decisions.actions import NOTHING, Action, Catalogue, Shop
from decisions.catalogue_actions import Known, action_of
from decisions.catalogue_form import ActionForm, CatalogueForm
from decisions.catalogue_groups import chains, groups_of, series_of
from decisions.catalogue_texts import require_locale, sender_of, shop_of
from decisions.channels import CHANNELS, PUSHED_CHANNELS
from decisions.contact_names import contact_names
from decisions.reading import Document, Part, read_document
from features.contract import NO_ACTION, STAGES
from features.definitions import NAMES

DEFAULT_CATALOGUE: Final = Path(__file__).with_name("default_catalogue.yaml")
ORDER_SHARES: Final = {"awareness": 0.02, "consideration": 0.1, "decision": 0.6, "purchase": 0.3, "retention": 0.8, "advocacy": 0.5}
SITUATION_NAMES: Final = ("stage", "churn_probability", "expected_order_value")
PROFILE_NAMES: Final = ("name", "email", "phone", "locale", "city", "region", "country", "joined_at")
RULE_NAMES: Final = tuple(dict.fromkeys((*NAMES, *SITUATION_NAMES, *contact_names(CHANNELS), *PROFILE_NAMES)))
"""What every catalogue's rules may name; a catalogue's own channels and a home's own customer columns come on top."""
ALIKE: Final = 0.8
"""Two names of groups that are more alike than this may be one of them mistyped."""


def load_catalogue(path: Path | None = None, *, attributes: Collection[str] = (), currency: str = "") -> Catalogue:
    """The catalogue in the YAML file at `path`, or the default one.

    `attributes` are further names that rules may use (the home's own customer columns); `currency` is the home's, compared with the file's.
    Stages without an action, and another currency, are warnings. Raises InputError for everything that could not be used, with its line.
    """
    return catalogue_of(read_document(path or DEFAULT_CATALOGUE), attributes=attributes, currency=currency)


def catalogue_of(document: Document, *, attributes: Collection[str] = (), currency: str = "") -> Catalogue:
    """The catalogue that an already read document holds; see `load_catalogue`. Its `text` and `attributes` give the same catalogue again."""
    form = CatalogueForm.of(document)
    whole = Part(document)
    for stage in form.order_shares:
        whole.require("stage", stage, STAGES, "order_shares", stage)
    known = _known(whole, form, attributes)
    acting = [(place, given) for place, given in enumerate(form.actions) if given.action_id != NO_ACTION]
    actions = tuple(action_of(_part(document, place, given), given, known) for place, given in acting)
    _check_ids(document, form)
    return Catalogue(
        actions=(NOTHING, *actions),
        margin_share=form.margin_share,
        order_shares={**ORDER_SHARES, **form.order_shares},
        channels=frozenset(known.channels),
        pushed_channels=PUSHED_CHANNELS | frozenset(form.channels),
        shop=known.shop,
        currency=form.currency,
        digest=hashlib.sha256(json.dumps(document.data, sort_keys=True, default=str).encode()).hexdigest()[:12],
        warnings=tuple(_warnings(document.name, form, actions, currency)),
        groups=groups_of(whole, form, known.chains, known.names),
        series=series_of(whole, form, [action.action_id for action in actions]),
        text=document.text,
        attributes=tuple(sorted(attributes)),
    )


def _known(whole: Part, form: CatalogueForm, attributes: Collection[str]) -> Known:
    channels = tuple(dict.fromkeys((*CHANNELS, *form.channels)))
    for locale in form.senders:
        require_locale(whole, locale, "senders", locale)
    return Known(
        channels=channels,
        names=frozenset((*RULE_NAMES, *contact_names(channels), *attributes)),
        chains=chains(whole, form),
        senders={locale: sender_of(whole, sender, "senders", locale) for locale, sender in form.senders.items()},
        shop=shop_of(whole, Shop(**form.shop.model_dump())),
    )


def _part(document: Document, place: int, given: ActionForm) -> Part:
    return Part(document, ("actions", place), f"action {given.action_id!r}")


def _check_ids(document: Document, form: CatalogueForm) -> None:
    first: dict[str, int] = {}
    for place, given in enumerate(form.actions):
        part = _part(document, place, given)
        if given.action_id in first:
            where = document.where("actions", first[given.action_id])
            raise part.error("it stands twice", f"Rename one; the first is in {where}.", "action_id")
        first[given.action_id] = place
        costs = given.cost if isinstance(given.cost, dict) else {"": given.cost}
        if given.action_id == NO_ACTION and (any(costs.values()) or given.model_fields_set - {"action_id", "name", "cost"}):
            raise part.error("doing nothing costs nothing and says nothing", "Leave only action_id, name and cost: 0.", "action_id")


def _warnings(name: str, form: CatalogueForm, actions: Collection[Action], currency: str) -> Iterator[str]:
    for stage in STAGES:
        if not any(not action.stages or stage in action.stages for action in actions):
            yield f"{name}: the stage {stage} has no action; customers in it get {NO_ACTION}."
    if form.currency and currency and form.currency != currency:
        yield f"{name}: its costs and values are in {form.currency}, but the home's currency is {currency}: rewrite them, and the key currency."
    listed = {*form.groups, *(group.within for group in form.groups.values() if group.within)}
    for action in actions:
        like = difflib.get_close_matches(action.group, listed, n=1, cutoff=ALIKE)
        if action.group not in listed and like:
            yield f"{name}: action {action.action_id!r} is in a group of its own, {action.group!r}; did you mean {like[0]!r}?"
