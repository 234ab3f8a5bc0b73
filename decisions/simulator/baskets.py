"""What the simulated orders contain: order lines with products, prices, discounts, gifts, fees, and what comes back."""

from typing import Final

import numpy as np

from decisions.simulator.behaviour import Flags, Floats, Ints, Records
from decisions.simulator.population import PERSONAS, pick_categories
from decisions.simulator.world import World
from features.contract import FEE, RETURN, SALE

KINDS: Final = (SALE, RETURN, FEE)
SHIPPING: Final = -2
"""Product number of the shipping fee, which is no product."""
SHIPPING_PRICE: Final = 3.95
SHIPPING_FREE_FROM: Final = 25.0
RETURN_SHARE: Final = 0.033
GUEST_SHARE: Final = 0.02
_EXTRAS = np.array([1.5 if persona != "explorer" else 2.6 for persona in PERSONAS])
_DISCOUNT_SHARE = np.array([0.12 if persona != "bargain_hunter" else 0.35 for persona in PERSONAS])


def order_lines(world: World, orders: Records, rng: np.random.Generator) -> Records:
    """Sale lines of these orders: order, product (each once an order), quantity, unit_price, discount_amount; every order has one.

    Orders are sorted by customer and time. A staple is used up piece by piece on the customer's own cycle, and what was used up
    since the last order is bought again; beside it come extras by the customer's taste (a renewal process seen at purchase
    times, as in replenishment models: Bhagat et al. 2018, Buy It Again, KDD, section 3).
    """
    used_up = _used_up(world, orders, rng)
    order, slot = np.nonzero(used_up)
    people = world.population
    extras = rng.poisson(_EXTRAS[people.persona[orders["customer"]]])
    extras = np.maximum(extras, ~used_up.any(axis=1))
    extra_order = np.repeat(np.arange(extras.size), extras)
    extra = pick_products(world, orders["customer"][extra_order], orders["at"][extra_order], rng)
    lines = _without_repeats(
        world,
        np.concatenate([order, extra_order]),
        np.concatenate([people.staples[orders["customer"][order], slot], extra]),
        np.concatenate([np.minimum(used_up[order, slot], 3), 1 + (rng.random(extra.size) < 0.12)]),
    )
    return lines | _prices(world, orders, lines, rng)


def pick_products(world: World, customers: Ints, at: Floats, rng: np.random.Generator) -> Ints:
    """A product to each customer's taste, one per entry."""
    people = world.population
    return world.assortment.pick(pick_categories(people.taste[customers], rng), people.brand[customers], at, rng)


def returned_lines(world: World, orders: Records, lines: Records, rng: np.random.Generator) -> Records:
    """About three sale lines in a hundred come back within three weeks, at the price paid: line (its number) and at."""
    back = np.flatnonzero(rng.random(lines["order"].size) < RETURN_SHARE)
    at = orders["at"][lines["order"][back]] + rng.uniform(3.0, 20.0, back.size)
    customers = orders["customer"][lines["order"][back]]
    there = at < np.where(customers >= 0, np.minimum(world.population.left_at[customers], world.period.days), 0.0)
    return {"line": back[there], "at": at[there]}


def guest_orders(orders: Records, rng: np.random.Generator) -> Records:
    """Orders without a customer (customer: like whom they shop, to be taken out), at times like the others'."""
    count = round(GUEST_SHARE * orders["at"].size)
    like = rng.integers(0, max(orders["at"].size, 1), count)
    return {"customer": orders["customer"][like], "at": orders["at"][like], "decision": np.full(count, -1)}


def paid(lines: Records) -> Floats:
    """Money for each line, discount taken off."""
    return np.asarray(lines["quantity"] * lines["unit_price"] - lines["discount_amount"], dtype=np.float64)


def values(orders: Records, lines: Records) -> Floats:
    """Money for each order's sale lines."""
    return np.bincount(lines["order"], weights=paid(lines), minlength=orders["at"].size).astype(np.float64)


def _used_up(world: World, orders: Records, rng: np.random.Generator) -> Ints:
    """Order x staple: pieces used up since the customer's order before, of those that the customer thinks of."""
    people, customers = world.population, orders["customer"]
    ticks = np.floor(orders["at"][:, None] / people.cycle_days[customers] + people.cycle_phase[customers])
    first = np.ones(customers.size, dtype=bool)
    first[1:] = customers[1:] != customers[:-1]
    since = np.diff(ticks, axis=0, prepend=0.0)
    since = np.where(first[:, None], rng.random(ticks.shape) < 0.5, since)
    thought_of: Flags = (rng.random(ticks.shape) < 0.85) & (people.staples[customers] >= 0)
    return np.asarray(np.where(thought_of, since, 0.0), dtype=np.int64)


def _without_repeats(world: World, order: Ints, product: Ints, quantity: Ints) -> Records:
    _, kept = np.unique(order * world.assortment.size + product, return_index=True)
    return {"order": order[kept], "product": product[kept], "quantity": quantity[kept]}


def _prices(world: World, orders: Records, lines: Records, rng: np.random.Generator) -> Records:
    """List price; a gift now and then is free; some orders have 10 to 20 % off, bargain hunters' and invited ones more often."""
    persona = world.population.persona[orders["customer"]]
    off = rng.random(persona.size) < np.where(orders["decision"] >= 0, 0.4, _DISCOUNT_SHARE[persona])
    rate = off * rng.choice([0.1, 0.15, 0.2], persona.size)
    gift = (rng.random(lines["order"].size) < 0.005) & (lines["quantity"] == 1)
    price = np.where(gift, 0.0, world.assortment.list_price[lines["product"]])
    return {"unit_price": price, "discount_amount": np.round(price * lines["quantity"] * rate[lines["order"]], 2)}
