"""The persona model end to end: features, the champion's labels carried on, model card, registry."""

from datetime import datetime

import pandas as pd

from features import batch
from features.contract import CUSTOMER_ID, PRODUCT_ID
from features.engine import Tables
from features.interactions import purchases
from features.products import known_products
from training.evaluation.gate import Verdict
from training.model_card import Card, model_card
from training.registry import Registry
from training.segments.clusters import FEWEST, MOST
from training.segments.personas import KIND, LEAST_CUSTOMERS, PersonaModel
from training.trained import Evidence, Trained, submit

PROTOCOL = (
    f"Between {FEWEST} and {MOST} groups were tried; of those about as good as the best the largest number is kept. Quality is the silhouette (how much "
    "nearer customers are to their own group than to the next) times the agreement of two halves of the customers. Former groups are kept where they do "
    "about as well. kept_share says how many customers keep the persona that the former champion gives them."
)


def train_personas(tables: Tables, registry: Registry, as_of: datetime, *, data_hash: str = "") -> Trained:
    """Finds personas among those who bought before `as_of`; labels are those of the present champion where the groups are.

    Raises InputError for fewer than LEAST_CUSTOMERS customers who bought, or where they do not differ.
    """
    kept = registry.champion(KIND)
    previous = None if kept is None else PersonaModel.load(registry.fetch(KIND, kept.version))
    known = batch.features(tables, [as_of])
    model = PersonaModel().fit(known, as_of=as_of, previous=previous, bought=categories_bought(tables, as_of))
    model.data_hash = data_hash
    verdict = Verdict(True, _why(model))
    tags = {"as_of": as_of.isoformat(), "data_hash": data_hash}
    parameters = {"traits": ", ".join(model.scale.names), "least_customers": LEAST_CUSTOMERS, "seed": model.seed}
    card = model_card(_card(model, parameters, int((known["order_day_count"] > 0).sum())), verdict)
    return submit(registry, KIND, model, Evidence(parameters, model.metrics, tags, {"model_card.md": card}), verdict)


def categories_bought(tables: Tables, as_of: datetime) -> pd.DataFrame:
    """customer_id, category (the widest part of its path; missing where it is not known): one row per order and product before `as_of`."""
    bought = purchases(tables, as_of)
    facts = known_products(tables)
    categories = bought[PRODUCT_ID].map({product: category for product, (category, _) in facts.items()})
    return pd.DataFrame({CUSTOMER_ID: bought[CUSTOMER_ID], "category": categories.astype("str")})


def _why(model: PersonaModel) -> str:
    found = f"Promoted: {len(model.personas)} personas"
    kept = model.metrics.get("kept_share")
    return f"{found}." if kept is None else f"{found}; {kept:.0%} of the customers keep theirs."


def _card(model: PersonaModel, parameters: dict[str, object], customers: int) -> Card:
    facts = {"known before": f"{model.as_of:%Y-%m-%d %H:%M}", "customers who bought": f"{customers:,}"}
    facts |= {f"persona {one.label}": f"{one.name()}: {one.description()}" for one in model.personas}
    limits = [
        "Groups describe; they do not say what an offer would change.",
        "A customer between two groups may change sides with the next order.",
    ]
    purpose = "Groups of customers who buy alike, under labels that last from one training to the next."
    return Card("Personas", purpose, facts, parameters, model.metrics, PROTOCOL, limits)
