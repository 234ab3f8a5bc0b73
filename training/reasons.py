"""Why a customer's risk is high or low: by family of features, with the customer's own numbers, as data that any known language can read.

What a model's features add to the log odds is summed by family, so that features that say nearly the same do not take three places or hide each
other; the sentence tells the numbers of those that pull the family's way. Families and sentences are data: reasons.yaml, beside this file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import InputError
from features.rules import Rule
from training.reason_sentences import LOCALES, Direction, Sentence, family_of, read_alone, sentences, telling

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
FEW_ROWS: Final = 8
LEAST: Final = 0.02  # log odds below which a family is no reason

_EFFECT: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"raises": "which raises the risk", "lowers": "which lowers the risk"},
    "vi": {"raises": "làm tăng rủi ro", "lowers": "làm giảm rủi ro"},
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: the family of features, what it does to the risk, by how much in log odds, and the customer's own numbers behind it."""

    family: str
    direction: Direction
    effect: float
    facts: Mapping[str, float]

    def sentence(self, locale: str = "en", *, currency: str = "") -> str:
        """The reason in words, in English or Vietnamese; money with the currency's decimals and code where it is given.

        Raises InputError for a locale without sentences.
        """
        check_locale(locale)
        fitting = (one for one in telling(self.family, self.direction, frozenset(self.facts)) if one.fits(self.direction, self.facts))
        found = next(fitting, None)
        if found is not None:
            said = found.read(self.facts, locale, currency)
        else:
            said = ", ".join(read_alone(name, value, locale) for name, value in self.facts.items())
        return f"{said}, {_EFFECT[locale][self.direction]}."

    def to_json(self) -> dict[str, Any]:
        """Plain data that `from_json` reads."""
        return {"family": self.family, "direction": self.direction, "effect": self.effect, "facts": dict(self.facts)}

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> Self:
        """The reason that `to_json` wrote."""
        direction: Direction = "raises" if read["direction"] == "raises" else "lowers"
        return cls(str(read["family"]), direction, float(read["effect"]), {str(k): float(v) for k, v in read["facts"].items()})


def check_locale(locale: str) -> None:
    """InputError for a locale without sentences."""
    if locale not in LOCALES:
        raise InputError(f"There are no reasons in {locale}.", remedy=f"Ask for one of {', '.join(LOCALES)}.")


def top_reasons(features: pd.DataFrame, contributions: pd.DataFrame, k: int) -> list[list[Reason]]:
    """The k families that move the log odds most, for every row, strongest first; fewer where less moves, or less is known.

    `contributions` has the rows of `features` and a column per feature. A family gives a reason where one of its known features pulls the way the
    family's sum does; the one that pulls strongest is told, in the fullest sentence that says it and contradicts neither numbers nor direction.
    """
    work = _Work.of(features, contributions)
    found: list[list[Reason]] = [[] for _ in range(len(features))]
    order = np.argsort(-np.abs(work.totals), axis=1, kind="stable")
    open_rows = np.arange(len(features))
    for rank in range(order.shape[1]):
        families = order[open_rows, rank]
        strong = np.abs(work.totals[open_rows, families]) >= LEAST
        open_rows, families = open_rows[strong], families[strong]  # weaker ones follow in no case
        for j in np.unique(families):
            _add(found, work, int(j), open_rows[families == j])
        open_rows = open_rows[[len(found[i]) < k for i in open_rows]]
        if not len(open_rows):
            break
    return found


@dataclass(frozen=True)
class _Work:
    """Columns by name, the families among them, and their sums (row x family)."""

    values: Mapping[str, Floats]
    moves: Mapping[str, Floats]
    families: Sequence[str]
    totals: Floats

    @classmethod
    def of(cls, features: pd.DataFrame, contributions: pd.DataFrame) -> Self:
        moves = _columns(contributions, [str(name) for name in contributions.columns])
        values = _columns(features, [name for name in dict.fromkeys([*moves, *_told()]) if name in features])
        members: dict[str, list[Floats]] = {}
        for name, column in moves.items():
            members.setdefault(family_of(name), []).append(column)
        totals = np.column_stack([sum(own[1:], own[0]) for own in members.values()]) if members else np.zeros((len(features), 0))
        return cls(values, moves, tuple(members), totals)


def _add(found: list[list[Reason]], work: _Work, family: int, rows: Rows) -> None:
    """Adds the family's reason to these rows, where it has one."""
    name, totals = work.families[family], work.totals[rows, family]
    known = _candidates(name, tuple(n for n in work.moves if family_of(n) == name))
    signs = np.sign(totals)
    strengths = np.array([_strength(work, one, rows, signs) for one in known]).reshape(len(known), len(rows))
    best = strengths.argmax(axis=0)
    said = strengths.max(axis=0, initial=0.0) > 0.0
    for choice in np.unique(best[said]):
        mine = np.flatnonzero(said & (best == choice))
        facts = known[choice].facts
        told = zip(*(work.values[fact][rows[mine]].tolist() for fact in facts), strict=True)
        for i, effect, numbers in zip(rows[mine].tolist(), totals[mine].tolist(), told, strict=True):
            found[i].append(Reason(name, "raises" if effect > 0 else "lowers", effect, dict(zip(facts, numbers, strict=True))))


def _strength(work: _Work, one: Sentence, rows: Rows, signs: Floats) -> Floats:
    """How strongly the sentence's features pull the family's way, row by row; 0 where it must not be said."""
    if any(name not in work.values for name in one.facts):
        return np.zeros(len(rows))
    facts = {name: work.values[name][rows] for name in one.facts}
    allowed = np.all([np.isfinite(column) for column in facts.values()], axis=0)
    if one.direction is not None:
        allowed &= signs == (1.0 if one.direction == "raises" else -1.0)
    if one.when is not None and allowed.any():
        allowed &= _holds(one.when, facts, len(rows))
    pulls = [_pull(work, name, rows, signs) for name in one.says if name in work.moves]
    return np.where(allowed, np.max(pulls, axis=0), 0.0) if pulls else np.zeros(len(rows))


def _holds(when: Rule, facts: Mapping[str, Floats], count: int) -> NDArray[np.bool_]:
    """Where the rule holds; for a customer or two their numbers as they are, since a table costs as much as hundreds of them."""
    if count > FEW_ROWS:
        return when.mask(pd.DataFrame(facts))
    columns = {name: column.tolist() for name, column in facts.items()}
    return np.array([when.holds({name: column[i] for name, column in columns.items()}) for i in range(count)])


def _columns(table: pd.DataFrame, names: list[str]) -> dict[str, Floats]:
    """The columns by name, taken at once: one by one they cost more than all the rest for a single customer."""
    return dict(zip(names, table[names].to_numpy(float).T, strict=True))


@cache
def _told() -> tuple[str, ...]:
    return tuple(name for own in sentences().values() for one in own for name in one.facts)


def _pull(work: _Work, name: str, rows: Rows, signs: Floats) -> Floats:
    known = np.isfinite(work.values[name][rows]) if name in work.values else np.zeros(len(rows), bool)
    return np.where(known, work.moves[name][rows] * signs, 0.0)


@cache
def _candidates(family: str, members: tuple[str, ...]) -> tuple[Sentence, ...]:
    """The family's sentences, and one for each of its features that no sentence tells."""
    own = sentences().get(family, ())
    told = {name for one in own for name in one.says}
    return (*own, *(Sentence((name,), (name,), None, None, {}) for name in members if name not in told))
