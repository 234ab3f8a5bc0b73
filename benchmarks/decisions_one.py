"""What one decision costs, and its parts; the catalogue's rules beside Jinja2's compiled expressions on the same values."""

import gc
import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import jinja2.sandbox
import numpy as np

from benchmarks.decided_shop import make_policy, make_situations
from decisions import Ask, Policy, Situation, decide
from decisions.asking import asked_for
from decisions.chances import chances, group_places
from decisions.composing import Drawn, Frame, composed
from decisions.holdout import GROUPS
from decisions.moment import failures, moment_of
from decisions.records import to_json
from features.definitions import NAMES
from features.prepared import prepared

ROUNDS: Final = 9
CUSTOMERS: Final = 100
_ASK: Final = Ask("benchmark")


def cheapest(work: Callable[[Any], object], each: Sequence[Any], rounds: int = ROUNDS) -> float:
    """CPU microseconds of the work on one of these, in the cheapest of the rounds."""
    found = []
    for _ in range(rounds):
        begins = time.process_time()
        for one in each:
            work(one)
        found.append((time.process_time() - begins) / len(each) * 1e6)
    return min(found)


def one_decision() -> dict[str, float]:
    """Microseconds by what is measured; counts of gates and actions."""
    policy = make_policy()
    customers = make_situations(policy, CUSTOMERS)
    asked = asked_for(policy, None, ()).ways
    moments = [moment_of(each, _ASK, policy) for each in customers]
    failed = [failures(each, _ASK, policy) for each in moments]
    groups = [group_places([each.customer_id], policy) for each in customers]
    stood = [chances(f, asked, m.known, g, policy, {}) for f, m, g in zip(failed, moments, groups, strict=True)]
    drawn = [Drawn.of(each, int(np.argmax(each.probability[0])), None) for each in stood]
    known = list(zip(moments, failed, groups, stood, drawn, strict=True))
    made = [decide(each, _ASK, policy) for each in customers]
    gc.collect()
    gc.freeze()  # as a server does when it starts
    return {
        "actions": len(policy.catalogue.actions) - 1,
        "gates": len(policy.gates.gates),
        "gates of ways": int(policy.gates.guards.sum()),
        "decide()": cheapest(lambda each: decide(each, _ASK, policy), customers),
        "  the moment: named values, products, contact counts": cheapest(lambda each: moment_of(each, _ASK, policy), customers),
        "  gates": cheapest(lambda each: failures(each, _ASK, policy), moments),
        "  weighing and exploring": cheapest(lambda each: chances(each[1], asked, each[0].known, each[2], policy, {}), known),
        "    of which exploring": cheapest(lambda each: policy.exploration.probabilities(each[3].weighed.standing(each[3].allowed)), known),
        "  composing: reasons, words, message, time": cheapest(
            lambda each: composed(Frame.of(each[0].situation, _ASK, policy, GROUPS[each[2][0]], each[3]), "b", [each[4]]), known
        ),
        "its record as JSON": cheapest(to_json, made),
        **_rules(policy, customers),
    }


def _rules(policy: Policy, customers: Sequence[Situation]) -> dict[str, float]:
    """The same rules three times: ours, and Jinja2's sandboxed expressions; and json.dumps of the values, a piece of work that everybody knows."""
    actions = policy.catalogue.actions[1:]
    rules = [rule for action in actions for rule in (action.eligibility, action.applicability, action.suitability) if rule is not None]
    tests = [prepared(rule.condition) for rule in rules]
    environment = jinja2.sandbox.SandboxedEnvironment()
    peers = [environment.compile_expression(rule.text.strip()) for rule in rules]
    values = [{name: each.features.get(name, math.nan) for name in NAMES} for each in customers]  # to Jinja2, too, NaN compares as false
    for row in values:
        ours, theirs = [test(row) for test in tests], [bool(peer(row)) for peer in peers]
        if ours != theirs:
            raise SystemExit("Jinja2's expressions say something else than the rules.")
    return {
        f"{len(rules)} rules, ours": cheapest(lambda row: [test(row) for test in tests], values),
        f"{len(rules)} rules, Jinja2's compiled expressions": cheapest(lambda row: [peer(row) for peer in peers], values[:20]),
        "json.dumps of a customer's features": cheapest(json.dumps, values),
    }
