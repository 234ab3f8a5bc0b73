"""What only the simulator knows, as tables: the customers' rates and exits, their staples, true responses, and what caused an order."""

import numpy as np
import pandas as pd

from decisions.simulator.behaviour import RESPONSE_DAYS, Records
from decisions.simulator.columns import frame, instants, numbers, words
from decisions.simulator.population import PERSONAS
from decisions.simulator.responses import ORDER_AFTER_ACCEPTING
from decisions.simulator.rounds import Journal
from decisions.simulator.tables import customer_ids, decision_ids, order_ids, product_codes
from decisions.simulator.world import World
from features.contract import STAGES


def truth_tables(world: World, journal: Journal, orders: Records) -> dict[str, pd.DataFrame]:
    """customers, tastes, staples, responses, decisions, orders (columns: see each)."""
    return {
        "customers": _customers(world),
        "tastes": _tastes(world),
        "staples": _staples(world),
        "responses": _responses(world),
        "decisions": _decisions(world, journal),
        "orders": _orders(orders),
    }


def _customers(world: World) -> pd.DataFrame:
    """Rates per day; left_at, which may lie after the period's end; the cluster of tastes, favourite brand, and satisfaction (0 to 10)."""
    people, start = world.population, world.period.start
    return frame(
        {
            "customer_id": customer_ids(np.arange(people.size)),
            "joined_at": instants(start, people.joined_at),
            "left_at": instants(start, people.left_at),
            "left": people.left_at < world.period.days,
            "order_rate": numbers(people.order_rate),
            "first_order_rate": numbers(people.first_order_rate),
            "exit_rate": numbers(people.exit_rate),
            "browse_rate": numbers(people.browse_rate),
            "satisfaction": numbers(people.satisfaction),
            "persona": words(PERSONAS, people.persona),
            "taste_cluster": people.cluster,
            "favourite_brand": words(world.assortment.brands, people.brand),
        }
    )


def _tastes(world: World) -> pd.DataFrame:
    """customer_id, category, share of the customer's interest; one row per pair."""
    taste = world.population.taste
    return frame(
        {
            "customer_id": customer_ids(np.repeat(np.arange(len(taste)), taste.shape[1])),
            "category": words(world.assortment.paths, np.tile(np.arange(taste.shape[1]), len(taste))),
            "share": numbers(taste.ravel()),
        }
    )


def _staples(world: World) -> pd.DataFrame:
    """customer_id, product_id, cycle_days: how long one piece lasts this customer."""
    people = world.population
    customer, slot = np.nonzero(people.staples >= 0)
    return frame(
        {
            "customer_id": customer_ids(customer),
            "product_id": words(product_codes(world), people.staples[customer, slot]),
            "cycle_days": numbers(people.cycle_days[customer, slot]),
        }
    )


def _responses(world: World) -> pd.DataFrame:
    """Per stage, action that fits it, and persona: P(accepted | chosen), P(one more order | accepted), P(unsubscribes | not accepted)."""
    truth = world.responses
    stage, way, persona = np.nonzero(np.repeat(truth.fits[:, truth.way_actions, None], len(PERSONAS), axis=2))
    action = truth.way_actions[way]
    after = np.array([ORDER_AFTER_ACCEPTING[name] for name in STAGES])
    return frame(
        {
            "stage": words(STAGES, stage),
            "action_id": words(truth.action_ids, action),
            "channel": words(truth.way_channels, np.where(action == truth.no_action, -1, way)),
            "persona": words(PERSONAS, persona),
            "response_probability": numbers(truth.accepts[stage, action, persona]),
            "order_probability": numbers(np.where(action == truth.no_action, 0.0, after[stage])),
            "unsubscribe_probability": numbers(truth.unsubscribes[way]),
        }
    )


def _decisions(world: World, journal: Journal) -> pd.DataFrame:
    """decision_id, the true response_probability, and whether the customer was there for the whole week in which responses come."""
    made, people = journal.decisions, world.population
    until = np.minimum(people.left_at, world.period.days)[made["customer"]]
    return frame(
        {
            "decision_id": decision_ids(np.arange(made["at"].size)),
            "response_probability": numbers(world.responses.accepts[made["stage"], made["action"], people.persona[made["customer"]]]),
            "reachable": until >= made["at"] + RESPONSE_DAYS,
        }
    )


def _orders(orders: Records) -> pd.DataFrame:
    """order_id, customer_id (empty for guests), and decision_id: the decision that brought the order; empty for habit."""
    order = np.argsort(orders["number"])
    return frame(
        {
            "order_id": order_ids(orders["number"][order]),
            "customer_id": customer_ids(orders["customer"][order]),
            "decision_id": decision_ids(orders["decision"][order]),
        }
    )
