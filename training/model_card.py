"""The model card: what a model is for, what it learned from, how well it did and where it must not be trusted, as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.evaluation.gate import Verdict


@dataclass(frozen=True)
class Card:
    """The parts of a model card; `facts` is what it learned from, `limits` where it must not be trusted."""

    title: str
    purpose: str
    facts: Mapping[str, object]
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    protocol: str
    limits: Sequence[str]


def model_card(card: Card, verdict: Verdict) -> str:
    """The card as Markdown, ending with the gate's verdict."""
    parts = [
        f"# {card.title}",
        card.purpose,
        "## Learned from",
        _list(card.facts),
        "## Parameters",
        _list(card.parameters),
        "## How well it did",
        card.protocol,
        _list({name: f"{value:.4f}" for name, value in card.metrics.items()}),
        "## Limits",
        "\n".join(f"- {line}" for line in card.limits),
        "## Verdict",
        verdict.why,
    ]
    return "\n\n".join(parts) + "\n"


def _list(values: Mapping[str, object]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in values.items()) or "- nothing"
