"""What a decision looks like over HTTP, whether recorded, previewed or looked up."""

from typing import Any

import orjson

from decisions.actions import Offer as DecidedOffer
from decisions.decision import Candidate, Chosen, Decision, Terms
from decisions.reasons import Reason
from serving.wire.decisions import Given, Sum


def answer_json(decision: Decision, *, known: bool, explain: bool = False, kept: dict[bool, bytes] | None = None) -> bytes:
    """The answer that shows this decision, as JSON; without an id it is a preview. A model of it would be made, checked and taken apart for nothing.

    `kept` keeps what the answers of decisions that differ by their ids alone have in common, by `explain`.
    """
    rest = None if kept is None else kept.get(explain)
    if rest is None:
        plain = answer_plain(decision, known=known, explain=explain)
        del plain["decision_id"]
        rest = orjson.dumps(plain)[1:]
        if kept is not None:
            kept[explain] = rest
    return b'{"decision_id":' + orjson.dumps(decision.decision_id or None) + b"," + rest


def answer_plain(decision: Decision, *, known: bool, explain: bool = False) -> dict[str, Any]:
    """The same in the fields of `DecisionAnswer`, as far as JSON has to be told: what is a dataclass is written with its own."""
    stood = decision.stood
    forbidden = [action_id for action_id, allowed in zip(stood.action_ids, stood.allowed, strict=True) if not allowed]
    return {
        "decision_id": decision.decision_id or None,
        "customer_id": decision.customer_id,
        "stage": decision.stage,
        "policy_version": decision.policy_version,
        "actions": [_action(chosen) for chosen in decision.actions],
        "why": decision.why,
        "suppressed": [{"action_id": each, "reasons": _reasons(stood.reasons.get(each, ()))} for each in forbidden],
        "group": decision.group,
        "holdout": decision.holdout,
        "fallback": decision.fallback or not known,
        "candidates": [_stood(each) for each in decision.candidates] if explain else None,
    }


def _action(chosen: Chosen) -> dict[str, Any]:
    return {
        "action_id": chosen.action_id,
        "name": chosen.name,
        "channel": chosen.channel or None,
        "treatment": chosen.treatment,
        "message": chosen.message,
        "offer": _offer(chosen.offer) if chosen.offer else None,
        "products": chosen.products,
        "rank": chosen.rank,
        "priority": chosen.priority,
        "terms": _terms(chosen.terms),
        "action_probability": chosen.action_probability,
        "placement": chosen.placement,
        "send_at": chosen.send_at,
        "explored": chosen.explored,
        "reasons": _reasons(chosen.reasons),
    }


def _offer(offer: DecidedOffer) -> dict[str, Any]:
    return {name: getattr(offer, name) for name in Given.model_fields}


def _stood(candidate: Candidate) -> dict[str, Any]:
    return {
        "action_id": candidate.action_id,
        "allowed": candidate.allowed,
        "reasons": _reasons(candidate.reasons),
        "terms": _terms(candidate.terms),
        "probability": candidate.probability,
    }


def _terms(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in Sum.model_fields}


def _reasons(reasons: tuple[Reason, ...]) -> list[dict[str, str]]:
    return [{"code": each.code, "sentence": each.sentence, "sentence_vi": each.sentence_vi} for each in reasons]
