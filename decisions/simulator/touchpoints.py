"""Every touchpoint around the orders: what visitors and customers do, and the letters that they get, as records of events."""

from typing import Any, Final

import numpy as np

from decisions.simulator.baskets import pick_products, values
from decisions.simulator.behaviour import CART, CHECKOUT, Floats, Ints, Records, draw_touch_kinds
from decisions.simulator.population import ORDER_CHANNELS
from decisions.simulator.rounds import Journal
from decisions.simulator.world import World
from features.contract import EVENT_TYPES

CHANNELS: Final = (*ORDER_CHANNELS, "email", "ads", "social", "sms", "push", "mail", "chat")
TYPE: Final = {name: number for number, name in enumerate(EVENT_TYPES)}
OTHER_VISITORS_SHARE: Final = 0.6
"""Visitors who never say who they are, per customer."""
_MINUTE = 1.0 / 1440.0
_BRAND_TOUCHES = (("impression", "ads"), ("ad_click", "ads"), ("social_engaged", "social"), ("content_viewed", "web"))
"""Event and channel of the kinds of `behaviour.BRAND_TOUCH_SHARES`."""
_DEFAULTS: dict[str, float] = {"customer": -1, "visitor": -1, "channel": -1, "product": -1, "value": np.nan, "decision": -1, "order": -1}


def events(world: World, journal: Journal, orders: Records, lines: Records) -> Records:
    """All events of the period by time: customer, visitor, type, at, channel, product, value, decision, order (numbers; -1 is none)."""
    parts = [
        *_before_joining(world, world.stream("arrivals")),
        *_joining(world),
        *_brand_touches(journal.touches),
        *_visits(world, journal.visits, world.stream("visited")),
        *_orders(orders, lines, world.stream("checkout")),
        *_afterwards(world, orders, world.stream("aftercare")),
        *_letters(journal.letters),
        *_answers(world, journal),
    ]
    together = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    until = np.append(np.minimum(world.population.left_at, world.period.days), world.period.days)
    sent = together["type"] == TYPE["email_sent"]
    since = np.append(world.population.joined_at, 0.0)
    there = (together["at"] >= since[together["customer"]]) & (
        together["at"] < np.where(sent, world.period.days, until[together["customer"]])
    )
    order = np.flatnonzero(there)[np.argsort(together["at"][there], kind="stable")]
    return {name: column[order] for name, column in together.items()}


def _made(event_type: str | Ints, at: Floats, **columns: Any) -> Records:
    """Records of one type (or a number per event), with what is not said left empty."""
    size = at.size
    number = TYPE[event_type] if isinstance(event_type, str) else event_type
    made: Records = {"type": np.broadcast_to(number, size), "at": at}
    for name, default in _DEFAULTS.items():
        dtype = np.float64 if name == "value" else np.int64
        made[name] = np.broadcast_to(np.asarray(columns.get(name, default), dtype=dtype), size)
    return made


def _some(records: Records, which: Any) -> Records:
    return {name: column[which] for name, column in records.items()}


def _channel(name: str) -> int:
    return CHANNELS.index(name)


def _brand(kinds: Ints) -> tuple[Ints, Ints]:
    """Type and channel of touches of these kinds with the brand."""
    types = np.array([TYPE[name] for name, _ in _BRAND_TOUCHES])
    channels = np.array([_channel(channel) for _, channel in _BRAND_TOUCHES])
    return types[kinds], channels[kinds]


def _before_joining(world: World, rng: np.random.Generator) -> list[Records]:
    """Visitors: touches with the brand, then looks at products. The first ones join later, the others stay unknown."""
    people, others = world.population, round(OTHER_VISITORS_SHARE * world.population.size)
    other_from = rng.uniform(0.0, world.period.days, others)
    begins = np.concatenate([people.aware_at, other_from])
    ends = np.concatenate([people.joined_at, other_from + rng.standard_exponential(others) * 3.0])
    like = np.concatenate([np.arange(people.size), rng.integers(0, people.size, others)])
    touched = np.repeat(np.arange(begins.size), 1 + rng.poisson(1.2, begins.size))
    looked = np.repeat(np.arange(begins.size), rng.poisson(1.0, begins.size))
    at = begins[touched] + rng.random(touched.size) * 0.6 * (ends - begins)[touched]
    types, channels = _brand(draw_touch_kinds(touched.size, rng))
    look_at = begins[looked] + (0.4 + 0.6 * rng.random(looked.size)) * (ends - begins)[looked]
    return [
        _made(types, at, visitor=touched, channel=channels),
        _made("page_view", look_at, visitor=looked, channel=_channel("web")),
        _made(
            "product_view",
            look_at + _MINUTE,
            visitor=looked,
            channel=_channel("web"),
            product=pick_products(world, like[looked], look_at, rng),
        ),
    ]


def _joining(world: World) -> list[Records]:
    people = world.population
    everyone = np.arange(people.size)
    web = _channel("web")
    readers = np.flatnonzero(people.consent[:, 0] & people.subscribed)
    return [
        _made("identify", people.joined_at, customer=everyone, visitor=everyone, channel=web),
        _made("signed_up", people.joined_at, customer=everyone, channel=web),
        _made("newsletter_subscribed", people.joined_at[readers] + _MINUTE, customer=readers, channel=web),
    ]


def _brand_touches(touches: Records) -> list[Records]:
    types, channels = _brand(touches["kind"])
    return [_made(types, touches["at"], customer=touches["customer"], channel=channels)]


def _visits(world: World, visits: Records, rng: np.random.Generator) -> list[Records]:
    """A visit: perhaps the app is opened or something is searched, products are looked at, the last may go to the cart, and no further."""
    app = rng.random(visits["at"].size) < np.where(world.population.order_channel[visits["customer"]] == _channel("app"), 0.8, 0.1)
    visits = visits | {"channel": np.where(app, _channel("app"), _channel("web"))}
    first = pick_products(world, visits["customer"], visits["at"], rng)
    begun = [
        _on(_some(visits, app), "app_opened", -2.0),
        _on(_some(visits, ~app & (rng.random(app.size) < 0.4)), "page_view", -1.5),
        _on(_some(visits, rng.random(app.size) < 0.25), "search", -1.0),
        _on(visits | {"product": first}, "product_view", 0.0),
    ]
    further = _some(visits, np.repeat(np.arange(app.size), rng.poisson(1.0, app.size)))
    further["product"] = pick_products(world, further["customer"], further["at"], rng)
    carts = _some(visits | {"product": first}, visits["kind"] >= CART)
    draw = rng.random(carts["at"].size)
    return [
        *begun,
        _on(further, "product_view", -1.0 + 6.0 * rng.random(further["at"].size)),
        _on(carts, "add_to_cart", 6.0),
        _on(_some(carts, carts["kind"] == CHECKOUT), "checkout_started", 9.0),
        _on(_some(carts, draw < 0.12), "remove_from_cart", 12.0),
        _on(_some(carts, (draw > 0.12) & (draw < 0.14)), "quote_requested", 12.0),
        _on(_some(carts, draw > 0.97), "chat_started", 12.0),
    ]


def _on(visits: Records, event_type: str, minutes: float | Floats) -> Records:
    """One event of this type for each of these visits, this many minutes after it began."""
    columns = {name: visits[name] for name in ("customer", "channel", "product") if name in visits}
    return _made(event_type, visits["at"] + np.asarray(minutes) * _MINUTE, **columns)


def _orders(orders: Records, lines: Records, rng: np.random.Generator) -> list[Records]:
    """The purchase itself; on web and app the views, the cart and the checkout that led there, a third of them days before."""
    channel, customers = orders["channel"], orders["customer"]
    known = customers >= 0
    online = known & (channel < 2)
    bought = {"customer": customers, "at": orders["at"], "channel": channel, "decision": orders["decision"], "order": orders["number"]}
    bought["value"] = values(orders, lines)
    visit = _some(bought, online)
    line = np.flatnonzero(online[lines["order"]])
    cart = {"at": orders["at"][lines["order"][line]], "product": lines["product"][line]}
    cart |= {name: bought[name][lines["order"][line]] for name in ("customer", "channel")}
    ahead = np.minimum(rng.uniform(0.5, 5.0, line.size), cart["at"] % 7.0)
    first = np.diff(lines["order"][line], prepend=-1) > 0
    early = first & (rng.random(line.size) < 0.3)
    seen = cart | {"at": cart["at"] - ahead}
    return [
        _columned("purchase", _some(bought, known)),
        _columned("checkout_started", _some(visit | {"at": visit["at"] - 3 * _MINUTE}, slice(None)), keep=("customer", "channel")),
        _columned("add_to_cart", cart | {"at": cart["at"] - rng.uniform(4.0, 15.0, line.size) * _MINUTE}),
        _columned(
            "product_view", _some(cart | {"at": cart["at"] - rng.uniform(15.0, 40.0, line.size) * _MINUTE}, rng.random(line.size) < 0.8)
        ),
        _columned("product_view", _some(seen, early)),
        _columned("add_to_cart", _some(seen | {"at": seen["at"] + _MINUTE}, early & (rng.random(line.size) < 0.5))),
        _columned(
            "store_visit",
            _some(bought | {"at": bought["at"] - 10 * _MINUTE}, known & (channel == _channel("store"))),
            keep=("customer", "channel"),
        ),
    ]


def _columned(event_type: str, records: Records, *, keep: tuple[str, ...] = tuple(_DEFAULTS)) -> Records:
    return _made(event_type, records["at"], **{name: records[name] for name in keep if name in records})


def _afterwards(world: World, orders: Records, rng: np.random.Generator) -> list[Records]:
    """Reviews (1 to 5) and support contacts some days after an order; support more often when the exit is near."""
    known = np.flatnonzero(orders["customer"] >= 0)
    customers, at = orders["customer"][known], orders["at"][known]
    people = world.population
    reviews = rng.random(known.size) < 0.08
    stars = np.clip(np.round((people.satisfaction[customers] + rng.normal(0.0, 1.2, known.size)) / 2.0), 1.0, 5.0)
    near = people.left_at[customers] - at < 30.0
    contacts = rng.random(known.size) < np.where(near, 0.12, 0.03)
    return [
        _made(
            "review",
            (at + rng.uniform(2.0, 14.0, known.size))[reviews],
            customer=customers[reviews],
            value=stars[reviews],
            channel=_channel("web"),
        ),
        _made(
            "support_contact", (at + rng.uniform(0.2, 6.0, known.size))[contacts], customer=customers[contacts], channel=_channel("phone")
        ),
    ]


def _letters(letters: Records) -> list[Records]:
    names = {"email_sent": "sent_at", "email_opened": "opened_at", "email_clicked": "clicked_at", "unsubscribed": "unsubscribed_at"}
    return [_timed(letters, name, time, channel=_channel("email")) for name, time in names.items()]


def _timed(records: Records, event_type: str, time: str, **columns: Any) -> Records:
    """One event for each record that has this time."""
    there = ~np.isnan(records[time])
    given = {name: np.broadcast_to(value, there.size)[there] for name, value in columns.items()}
    return _made(event_type, records[time][there], customer=records["customer"][there], **given)


def _answers(world: World, journal: Journal) -> list[Records]:
    """What decisions, surveys and referrals leave among the events, each with its decision."""
    truth, decisions = world.responses, journal.decisions
    channel = np.array([_channel(c if c in CHANNELS else "web") for c in truth.way_channels])[decisions["way"]]
    numbered = {"decision": np.arange(channel.size), "channel": channel}
    letters = decisions | {
        "mail_" + t: np.where(channel == _channel("email"), decisions[t], np.nan) for t in ("delivered_at", "viewed_at", "accepted_at")
    }
    made = [
        _timed(letters, "email_sent", "mail_delivered_at", **numbered),
        _timed(letters, "email_opened", "mail_viewed_at", **numbered),
        _timed(letters, "email_clicked", "mail_accepted_at", **numbered),
        _timed(decisions, "unsubscribed", "unsubscribed_at", **numbered),
        _columned("survey_answered", journal.surveys | {"value": journal.surveys["score"]}),
        _columned("referral_sent", journal.referrals),
    ]
    for event_type in sorted(set(truth.answers) - {"", "survey_answered", "referral_sent"}):
        fits = np.array([answer == event_type for answer in truth.answers])[decisions["action"]]
        made.append(_timed(decisions | {"then": np.where(fits, decisions["accepted_at"], np.nan)}, event_type, "then", **numbered))
    return made
