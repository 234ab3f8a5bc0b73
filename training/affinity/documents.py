"""What is said of an affinity model: its parameters, and its card."""

from collections.abc import Mapping

from features.interaction_tables import Interactions
from training.affinity.backtest import Backtest
from training.affinity.model import AffinityModel
from training.model_card import Card


def card_of(model: AffinityModel, known: Interactions, tried: Backtest) -> Card:
    """The model card."""
    return Card(
        title="Affinity: what each customer will want next",
        purpose="Ranks products for a customer from their own purchases and interest, for recommendations in apps, messages and next best actions.",
        facts=_facts(model, known),
        parameters=parameters_of(model, tried),
        metrics=model.metrics,
        protocol=_protocol(tried),
        limits=(
            "A score ranks the products of one customer; it is no probability, and not to be compared between customers.",
            "Products that are neither in an order nor in the product list are never recommended.",
            "It ranks what may be shown and what may not; the shop's rules choose afterwards.",
        ),
    )


def parameters_of(model: AffinityModel, tried: Backtest) -> dict[str, object]:
    """What was chosen, for the registry."""
    return {
        **{name: ", ".join(value) if isinstance(value, list) else value for name, value in _flat(model.parameters()).items()},
        "horizon_days": tried.horizon_days,
        "cuts": ", ".join(cut.isoformat() for cut in tried.cuts) or "none",
        "seed": model.seed,
    }


def _flat(parameters: Mapping[str, object]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in parameters.items():
        flat |= {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _facts(model: AffinityModel, known: Interactions) -> Mapping[str, object]:
    return {
        "purchases (one per order and product)": len(known.purchases),
        "customers": known.purchases.customer_id.nunique(),
        "products in the range": len(model.product_ids),
        "signs of interest (views, carts)": len(known.interest),
        "before": model.as_of.isoformat(),
        "data hash": model.data_hash or "not given",
    }


def _protocol(tried: Backtest) -> str:
    if not tried.hits:
        return "There is too little history for a backtest: it is personal frequency, and among new products what goes with a customer's purchases, unmeasured."
    taught = "half of its customers" if len(tried.cuts) == 1 else f"{len(tried.cuts) - 1} earlier cuts"
    return (
        f"At {tried.cuts[-1].isoformat()} ranker, blend and personal frequency were asked for the products that customers bought in the "
        f"{tried.horizon_days} days after; they learned from {taught}, and the best of the three then learned from all cuts. `all` counts "
        "repeat purchases, `new` only products that a customer never bought."
    )
