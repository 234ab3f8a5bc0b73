"""Merchandising: which products may be shown, and how what the model ranks is arranged into a list. Pure; the shop's rules are YAML.

`load_rules` reads them, `product_range` makes the range askable, `prepare` says once for a placement, its filters and a time what may be
shown, and `arrange` makes each list: exclusions, boosts, diversity, caps, pins. Every product that is left out is counted by reason.
"""

from decisions.merchandising.arrange import PINNED, UNRANKED, Arranged, Likeness, arrange
from decisions.merchandising.exclusions import Exclusions, exclusions_by_customer, exclusions_of
from decisions.merchandising.plan import Plan, prepare
from decisions.merchandising.product_range import ProductRange, product_range
from decisions.merchandising.reasons import MEANINGS, REASONS, Reason, Removed
from decisions.merchandising.rules import Filters, Rules
from decisions.merchandising.rules_file import DEFAULT_RECOMMENDATIONS, load_rules, unknown_names

__all__ = [
    "DEFAULT_RECOMMENDATIONS",
    "MEANINGS",
    "PINNED",
    "REASONS",
    "UNRANKED",
    "Arranged",
    "Exclusions",
    "Filters",
    "Likeness",
    "Plan",
    "ProductRange",
    "Reason",
    "Removed",
    "Rules",
    "arrange",
    "exclusions_by_customer",
    "exclusions_of",
    "load_rules",
    "prepare",
    "product_range",
    "unknown_names",
]
