"""The shop's desk: decides week by week with the code that production decides with, and keeps the contacts that it made."""

from datetime import timedelta
from typing import Final

import numpy as np

from decisions.contact_history import ContactRows
from decisions.crowd import Crowd
from decisions.decide_many import decide_many
from decisions.holdout import GROUPS
from decisions.own_habits import RIPE_DAYS, WITHIN_DAYS
from decisions.simulator.behaviour import Floats, Ints, Records, State, joined
from decisions.simulator.knowledge import known_features, product_counts
from decisions.simulator.menus import Menus
from decisions.simulator.population import CONSENT_CHANNELS, LOCALES, PERSONAS
from decisions.simulator.world import World
from decisions.situation import Ask, ShopHabits

USUAL_ORDER_VALUE: Final = 40.0
"""Money of an order as the shop expects it of everybody: baskets are drawn after the weeks."""
_ANSWERS: Final = ("accepted", "rejected", "unsubscribed")
_LATER: Final = Ask(deferred=True)
"""The shop decides at midnight and contacts by day: quiet hours forbid nothing."""


class Desk:
    """Decides by the world's policy on what the state of the weeks tells."""

    def __init__(self, world: World) -> None:
        self._world, self._policy = world, world.policy
        self._ids = [f"c{number + 1:07d}" for number in range(world.population.size)]
        self._locales, self._personas = (np.array(words, dtype=object) for words in (LOCALES, PERSONAS))
        self._kinds = tuple((way.action_id, way.channel) for way in self._policy.gates.ways)
        self._channels = self._policy.arbiter.channels
        self._channel = np.array([self._channels.index(channel) if channel else -1 for _, channel in self._kinds])
        none = {"customer": np.zeros(0, dtype=np.int64), "way": np.zeros(0, dtype=np.int64)}
        self._contacts: Records = none | {name: np.zeros(0) for name in ("at", *(f"{name}_at" for name in _ANSWERS))}
        self._count = 0
        self.menus = Menus(self._policy)

    def decide(self, state: State, at: float, customers: Ints, stages: Ints) -> Records:
        """The decisions for these customers (ascending, each once) at this time: customer, stage, action, way, probability, holdout, menu."""
        ids = [f"d{self._count + number + 1:08d}" for number in range(customers.size)]
        parts = list(decide_many(self._crowd(state, at, customers, stages), _LATER, self._policy, ids))
        none = np.zeros(0, dtype=np.int64)
        return {
            "customer": customers,
            "stage": stages,
            "action": np.concatenate([none, *(part.action for part in parts)]),
            "way": np.concatenate([none, *(part.way for part in parts)]),
            "probability": np.concatenate([none.astype(np.float64), *(part.probability for part in parts)]),
            "holdout": np.concatenate([none, *(part.groups for part in parts)]) == GROUPS.index("no_action"),
            "menu": np.concatenate([none, *(self.menus.of(part) for part in parts)]),
        }

    def remember(self, decisions: Records) -> None:
        """Keeps a week's decisions and what followed."""
        self._count += decisions["at"].size
        acts = decisions["action"] != self._world.responses.no_action
        self._contacts = joined([self._contacts, {name: decisions[name][acts] for name in self._contacts}])

    def _crowd(self, state: State, at: float, customers: Ints, stages: Ints) -> Crowd:
        known, people = known_features(state, at, customers), self._world.population
        profile = {"locale": self._locales[people.locale[customers]], "persona": self._personas[people.persona[customers]]}
        consent = {f"consent:{name}": state.consent[customers, column].astype(np.float64) for column, name in enumerate(CONSENT_CHANNELS)}
        sent, answered = self._habits(at)
        shop = zip(self._channels, sent.sum(axis=0).tolist(), answered.sum(axis=0).tolist(), strict=True)
        offering = [action for action in self._policy.catalogue.actions if action.products.sources]
        return Crowd(
            customer_ids=[self._ids[number] for number in customers.tolist()],
            as_of=self._world.period.start + timedelta(days=at),
            stages=stages,
            columns={**profile, **known, **consent},
            order_values=np.full(customers.size, USUAL_ORDER_VALUE),
            contacts=self._rows(at, customers),
            sent=sent[customers],
            answered=answered[customers],
            shop=ShopHabits({channel: (tried, succeeded) for channel, tried, succeeded in shop}),
            product_counts={action.action_id: product_counts(action, known) for action in offering},
        )

    def _rows(self, at: float, customers: Ints) -> ContactRows:
        """The contacts of these customers with what they had answered by then."""
        row = np.full(len(self._ids), -1)
        row[customers] = np.arange(customers.size)
        mine = row[self._contacts["customer"]] >= 0
        contacts = {name: column[mine] for name, column in self._contacts.items()}
        answer = np.zeros(contacts["at"].size, dtype=np.int64)
        for number, name in enumerate(_ANSWERS, start=1):
            answer[contacts[f"{name}_at"] < at] = number
        outcomes = ((), *((name,) for name in _ANSWERS))
        return ContactRows(row[contacts["customer"]], at - contacts["at"], contacts["way"], self._kinds, answer, outcomes)

    def _habits(self, at: float) -> tuple[Floats, Floats]:
        """Contacts sent and accepted, customers x channels, as `decisions.own_habits` counts them."""
        contacts, shape = self._contacts, (len(self._ids), len(self._channels))
        age = at - contacts["at"]
        counted = (age >= RIPE_DAYS) & (age <= WITHIN_DAYS)
        place = contacts["customer"] * shape[1] + self._channel[contacts["way"]]
        accepted = counted & (contacts["accepted_at"] < at)
        sent, answered = (np.bincount(place[which], minlength=shape[0] * shape[1]).reshape(shape) for which in (counted, accepted))
        return sent.astype(np.float64), answered.astype(np.float64)
