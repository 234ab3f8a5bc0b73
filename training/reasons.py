"""Why a customer's risk is high or low: by family of features, with the customer's own numbers, as data that any known language can read.

What a model's features add to the log odds is summed by family, so that features that say nearly the same do not take three places or hide each
other; the sentence tells the numbers of those that pull the family's way. Families and sentences are data: reasons.yaml, beside this file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import InputError
from features.rules import Rule
from training.matrix import Features, columns, names_of, places
from training.reason_sentences import LOCALES, Direction, Sentence, family_of, read_alone, sentences, telling

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
FEW_ROWS: Final = 8
_TABLES_KEPT: Final = 64  # of names; an application explains one or two
LEAST: Final = 0.02  # log odds below which a family is no reason
MINOR: Final = {"calendar": 0.3}  # the same for families that say little to people: the hour of day, the season

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


def top_reasons(features: Features, contributions: Features, k: int) -> list[list[Reason]]:
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
class _Family:
    """A family among a table's columns: the places of its features among the moves, and its sentences that these columns can tell.

    Sentence i speaks through the features from starts[i] on: their places among the moves and among the values. facts[i] are places among the values.
    """

    name: str
    members: Rows
    sentences: tuple[Sentence, ...]
    facts: tuple[Rows, ...]
    starts: Rows
    moves: Rows
    values: Rows

    @classmethod
    def of(cls, name: str, moves: tuple[str, ...], values: tuple[str, ...]) -> Self:
        members = tuple(one for one in moves if family_of(one) == name)
        speaking = [(one, [says for says in one.says if says in moves and says in values]) for one in _candidates(name, members)]
        told = [(one, says) for one, says in speaking if says and all(fact in values for fact in one.facts)]
        spoken = tuple(one for _, says in told for one in says)
        return cls(
            name,
            places(moves, members),
            tuple(one for one, _ in told),
            tuple(places(values, one.facts) for one, _ in told),
            np.cumsum([0, *(len(says) for _, says in told)])[:-1],
            places(moves, spoken),
            places(values, spoken),
        )


@dataclass(frozen=True)
class _Work:
    """Values and moves (row x name), the families among them, and their sums (row x family)."""

    values: Floats
    moves: Floats
    families: Sequence[_Family]
    totals: Floats

    @classmethod
    def of(cls, features: Features, contributions: Features) -> Self:
        moved, there = names_of(contributions), names_of(features)
        told, families = _families(moved, there)
        moves = columns(contributions, moved)
        totals = np.zeros((len(families), len(features)))
        for total, family in zip(totals, families, strict=True):
            for place in family.members.tolist():  # one after the other: so is the sum, however many rows there are
                total += moves[:, place]
            total[np.abs(total) < MINOR.get(family.name, 0.0)] = 0.0
        return cls(columns(features, told), moves, families, totals.T)


def _add(found: list[list[Reason]], work: _Work, j: int, rows: Rows) -> None:
    """Adds the family's reason to these rows, where it has one."""
    family, totals = work.families[j], work.totals[rows, j]
    best = _strongest(work, family, rows, np.sign(totals))
    for choice in np.unique(best[best >= 0]).tolist():
        mine = np.flatnonzero(best == choice)
        told, facts = family.sentences[choice].facts, work.values[rows[mine][:, None], family.facts[choice]]
        for i, effect, numbers in zip(rows[mine].tolist(), totals[mine].tolist(), facts.tolist(), strict=True):
            found[i].append(Reason(family.name, "raises" if effect > 0 else "lowers", effect, dict(zip(told, numbers, strict=True))))


def _strongest(work: _Work, family: _Family, rows: Rows, signs: Floats) -> Rows:
    """The sentence whose features pull strongest the family's way among those that may be said, row by row, of equal ones the first; -1 for none."""
    best, strength = np.full(len(rows), -1), np.zeros(len(rows))
    if not family.sentences:
        return best
    known = np.isfinite(work.values[rows[:, None], family.values])
    pulls = np.where(known, work.moves[rows[:, None], family.moves] * signs[:, None], 0.0)
    pulled = np.maximum.reduceat(pulls, family.starts, axis=1)
    for i in np.flatnonzero((pulled > 0.0).any(axis=0)).tolist():
        stronger = np.flatnonzero(pulled[:, i] > strength)
        if len(stronger):
            said = stronger[_may_be_said(family.sentences[i], work.values[rows[stronger][:, None], family.facts[i]], signs[stronger])]
            best[said], strength[said] = i, pulled[said, i]
    return best


def _may_be_said(one: Sentence, facts: Floats, signs: Floats) -> NDArray[np.bool_]:
    """Where all facts (row x fact) are known, and neither they nor the direction contradict the sentence."""
    allowed: NDArray[np.bool_] = np.all(np.isfinite(facts), axis=1)
    if one.direction is not None:
        allowed &= signs == (1.0 if one.direction == "raises" else -1.0)
    if one.when is not None and allowed.any():
        allowed &= _holds(one.when, one.facts, facts)
    return allowed


def _holds(when: Rule, names: tuple[str, ...], facts: Floats) -> NDArray[np.bool_]:
    """Where the rule holds; for a customer or two their numbers as they are, since a table costs as much as hundreds of them."""
    if len(facts) > FEW_ROWS:
        return when.mask(pd.DataFrame(facts, columns=list(names)))
    return np.array([when.holds(dict(zip(names, row, strict=True))) for row in facts.tolist()], dtype=bool)


@lru_cache(maxsize=_TABLES_KEPT)
def _families(moves: tuple[str, ...], there: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[_Family, ...]]:
    """The columns that can be told, and the families of the moves in the order of their first ones: the same for every customer of a shop."""
    told = tuple(name for name in dict.fromkeys([*moves, *_told()]) if name in there)
    return told, tuple(_Family.of(name, moves, told) for name in dict.fromkeys(family_of(name) for name in moves))


@cache
def _told() -> tuple[str, ...]:
    return tuple(name for own in sentences().values() for one in own for name in one.facts)


def _candidates(family: str, members: tuple[str, ...]) -> tuple[Sentence, ...]:
    """The family's sentences, and one for each of its features that no sentence tells."""
    own = sentences().get(family, ())
    told = {name for one in own for name in one.says}
    return (*own, *(Sentence((name,), (name,), None, None, {}) for name in members if name not in told))
