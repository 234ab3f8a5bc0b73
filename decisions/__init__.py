"""Decisions: from what is known about a customer to what should be done for them now, with which probability, and why.

A catalogue says what the shop can do; gates say what is allowed; arbitration says what it is worth; exploration draws, with known probabilities.
`decide` is the one function for all of it: production, the simulator and every evaluation call it, and its record can be made again.
"""

from decisions.actions import Action, Catalogue
from decisions.batch import score_actions, score_actions_as_deployed
from decisions.catalogue import load_catalogue
from decisions.crowd import Crowd, crowd_of
from decisions.decide import decide
from decisions.decide_many import decide_many
from decisions.decision import Candidate, Chosen, Decision, Reservation, Terms
from decisions.exploration import Exploration, Softmax, Thompson
from decisions.limits import Limits, load_limits
from decisions.policy import Policy, default_policy, policy_from_plain
from decisions.reasons import Reason
from decisions.records import from_record, to_record
from decisions.replay import replay
from decisions.situation import Ask, Contact, Product, ShopHabits, Situation
from features.contract import NO_ACTION

__all__ = [
    "NO_ACTION",
    "Action",
    "Ask",
    "Candidate",
    "Catalogue",
    "Chosen",
    "Contact",
    "Crowd",
    "Decision",
    "Exploration",
    "Limits",
    "Policy",
    "Product",
    "Reason",
    "Reservation",
    "ShopHabits",
    "Situation",
    "Softmax",
    "Terms",
    "Thompson",
    "crowd_of",
    "decide",
    "decide_many",
    "default_policy",
    "from_record",
    "load_catalogue",
    "load_limits",
    "policy_from_plain",
    "replay",
    "score_actions",
    "score_actions_as_deployed",
    "to_record",
]
