"""The catalogue: what the shop can do, from YAML, checked so strictly at load that nothing is found out in front of a customer.

The smallest valid form: {margin_share: 0.3, actions: [{action_id: mens_email, channel: email, cost: 0.10, stages: [retention]}]}
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from decisions import messages
from decisions.actions import NOTHING, Action, Catalogue, Offer, ProductSource, Sender, Shop, Treatment
from decisions.channels import CHANNELS, PUSHED_CHANNELS
from decisions.reading import Document, Form, read_document
from features import rules
from features.contract import NO_ACTION, STAGES
from features.definitions import NAMES
from features.errors import InputError
from features.nearest import nearest

DEFAULT_CATALOGUE: Final = Path(__file__).with_name("default_catalogue.yaml")
ORDER_SHARES: Final = {"awareness": 0.02, "consideration": 0.1, "decision": 0.6, "purchase": 0.3, "retention": 0.8, "advocacy": 0.5}
SITUATION_NAMES: Final = (
    "stage",
    "churn_probability",
    "expected_order_value",
    "contact_count_7d",
    "contact_count_30d",
    "days_since_contact",
)
PROFILE_NAMES: Final = ("name", "email", "phone", "locale", "city", "region", "country", "joined_at")
RULE_NAMES: Final = (*NAMES, *SITUATION_NAMES, *PROFILE_NAMES)

Share = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0)]
Weight = Annotated[float, Field(ge=0, le=5)]


class SenderForm(Form):
    """The person who speaks."""

    name: Annotated[str, Field(min_length=1)]
    title: str = ""
    photo_url: str = ""
    reply_to: str = ""


class TreatmentForm(Form):
    """What is said in one language."""

    body: Annotated[str, Field(min_length=1)]
    subject: str = ""
    sender: SenderForm | None = None


class OfferForm(Form):
    """What the shop gives."""

    discount_share: Share = 0.0
    free_shipping: bool = False
    code: str = ""
    valid_days: Annotated[int, Field(ge=1)] | None = None
    cost: Money = 0.0


class ActionForm(Form):
    """One action."""

    action_id: Annotated[str, Field(min_length=1)]
    name: str = ""
    channel: str = ""
    group: str = ""
    stages: list[str] = Field(default_factory=list)
    cost: Money = 0.0
    value: Money | None = None
    order_share: Weight | None = None
    response_prior: Share = 0.02
    lever: Weight = 1.0
    cooldown_days: Annotated[float, Field(ge=0)] = 0.0
    when: str | None = None
    products: ProductSource = "none"
    product_count: Annotated[int, Field(ge=1, le=20)] = 3
    treatments: dict[str, TreatmentForm] = Field(default_factory=dict)
    offer: OfferForm | None = None


class ShopForm(Form):
    """How messages call the shop."""

    name: str = ""
    url: str = ""


class CatalogueForm(Form):
    """The whole file."""

    margin_share: Share
    actions: list[ActionForm]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = ""
    shop: ShopForm = ShopForm()
    senders: dict[str, SenderForm] = Field(default_factory=dict)
    order_shares: dict[str, Weight] = Field(default_factory=dict)
    channels: list[str] = Field(default_factory=list)


def load_catalogue(path: Path | None = None, *, attributes: Collection[str] = (), currency: str = "") -> Catalogue:
    """The catalogue in the YAML file at `path`, or the default one.

    `attributes` are further names that rules may use (the home's own customer columns); `currency` is the home's, compared with the file's.
    Stages without an action, and another currency, are warnings. Raises InputError for everything that could not be used, with its line.
    """
    return catalogue_of(read_document(path or DEFAULT_CATALOGUE), attributes=attributes, currency=currency)


def catalogue_of(document: Document, *, attributes: Collection[str] = (), currency: str = "") -> Catalogue:
    """The catalogue that an already read document holds; see `load_catalogue`."""
    form = CatalogueForm.of(document)
    _check_words(document, "order_shares", form.order_shares, STAGES, "stage")
    names = frozenset((*RULE_NAMES, *attributes))
    shop = Shop(**form.shop.model_dump())
    read = _Reading(document, form, shop, names)
    actions = tuple(read.action(place) for place, given in enumerate(form.actions) if given.action_id != NO_ACTION)
    read.check_ids()
    return Catalogue(
        actions=(NOTHING, *actions),
        margin_share=form.margin_share,
        order_shares={**ORDER_SHARES, **form.order_shares},
        channels=frozenset((*CHANNELS, *form.channels)),
        pushed_channels=PUSHED_CHANNELS | frozenset(form.channels),
        shop=shop,
        currency=form.currency,
        digest=hashlib.sha256(json.dumps(document.data, sort_keys=True, default=str).encode()).hexdigest()[:12],
        warnings=tuple(_warnings(document.name, form, currency)),
    )


class _Reading:
    """Builds and checks the actions of one file, and knows where each part of it stands."""

    def __init__(self, document: Document, form: CatalogueForm, shop: Shop, names: frozenset[str]) -> None:
        self.document, self.form, self.shop, self.names = document, form, shop, names
        self.senders = {locale: Sender(**sender.model_dump()) for locale, sender in form.senders.items()}

    def action(self, place: int) -> Action:
        """The checked action at this place of the list."""
        given = self.form.actions[place]
        known = (*CHANNELS, *self.form.channels)
        if given.channel not in known:
            like = nearest(given.channel, known)
            remedy = f"The nearest known is {like!r}; add others of your own under the key channels."
            raise self._error(
                place, "channel", f"the channel {given.channel!r} is not known" if given.channel else "it names no channel", remedy
            )
        for stage in given.stages:
            if stage not in STAGES:
                remedy = f"The nearest known is {nearest(stage, STAGES)!r} of {', '.join(STAGES)}."
                raise self._error(place, "stages", f"the stage {stage!r} is not known", remedy)
        plain = given.model_dump(exclude={"name", "group", "stages", "when", "treatments", "offer"})
        action = Action(
            **plain,
            name=given.name or given.action_id.replace("_", " ").capitalize(),
            group=given.group or given.action_id,
            stages=frozenset(given.stages),
            when=self._rule(place, given.when),
            treatments={locale: self._treatment(place, locale, treatment) for locale, treatment in given.treatments.items()},
            offer=None if given.offer is None else Offer(**given.offer.model_dump()),
        )
        self._check_messages(place, action)
        return action

    def check_ids(self) -> None:
        """Raises InputError for an id that stands twice, and for a `no_action` that does or costs something."""
        first: dict[str, int] = {}
        for place, given in enumerate(self.form.actions):
            if given.action_id in first:
                where = self.document.where("actions", first[given.action_id])
                raise self._error(place, "action_id", "it stands twice", f"Rename one; the first is in {where}.")
            first[given.action_id] = place
            if given.action_id == NO_ACTION and (given.cost or given.model_fields_set - {"action_id", "name", "cost"}):
                raise self._error(
                    place, "action_id", "doing nothing costs nothing and says nothing", "Leave only action_id, name and cost: 0."
                )

    def _rule(self, place: int, text: str | None) -> rules.Rule | None:
        if text is None:
            return None
        try:
            return rules.parse(text, self.names)
        except InputError as error:
            raise self._error(place, "when", error.problem, error.remedy) from error

    def _treatment(self, place: int, locale: str, given: TreatmentForm) -> Treatment:
        sender = Sender(**given.sender.model_dump()) if given.sender else self.senders.get(locale)
        address = sender.reply_to.lower().replace("-", "").replace("_", "").replace(".", "") if sender else ""
        if "noreply" in address or "donotreply" in address:
            raise self._error(
                place,
                "treatments",
                f"{locale}: customers cannot answer {sender.reply_to if sender else ''}",
                "Give the address of a person.",
            )
        return Treatment(given.body, given.subject, sender)

    def _check_messages(self, place: int, action: Action) -> None:
        for locale in action.treatments:
            try:
                messages.check(action, locale, self.shop)
            except InputError as error:
                raise self._error(place, "treatments", error.problem, error.remedy) from error

    def _error(self, place: int, key: str, problem: str, remedy: str) -> InputError:
        where = self.document.where("actions", place, key)
        return InputError(f"{where}: action {self.form.actions[place].action_id!r}, {key}: {problem.rstrip('.')}.", remedy=remedy)


def _check_words(document: Document, key: str, given: Collection[str], known: Collection[str], what: str) -> None:
    for word in given:
        if word not in known:
            problem = f"{document.where(key, word)}: {key}: the {what} {word!r} is not known."
            raise InputError(problem, remedy=f"The nearest known is {nearest(word, known)!r}.")


def _warnings(name: str, form: CatalogueForm, currency: str) -> Iterator[str]:
    acting = [action for action in form.actions if action.action_id != NO_ACTION]
    for stage in STAGES:
        if not any(not action.stages or stage in action.stages for action in acting):
            yield f"{name}: the stage {stage} has no action; customers in it get {NO_ACTION}."
    if form.currency and currency and form.currency != currency:
        yield f"{name}: its costs and values are in {form.currency}, but the home's currency is {currency}: rewrite them, and the key currency."
