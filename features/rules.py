"""The rules' language: safe expressions over named values, shared by journey stages and by gates.

    order_count == 1 and days_since_last_order <= 30
    days_since_product_view < 14 or city in ['Hanoi', 'Hue']
    not 0.5 <= overdue_ratio < 2

Known are `and or not`, comparisons (also chained), `+ - * /`, `in [...]`, `not in [...]`, numbers, 'text', `true`, `false`, brackets and
the names that the caller gives. Python's own parser reads the text, and a white list translates it part by part: nothing is evaluated.
A missing value makes a comparison false, so `not x > 3` is true where x is missing. See `features.expressions` for what each part means.
"""

import ast
import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from features.errors import InputError
from features.expressions import (
    Arithmetic,
    Comparison,
    Condition,
    Constant,
    Either,
    Every,
    Indicator,
    Mask,
    Name,
    Opposite,
    Truth,
    Value,
)
from features.nearest import nearest

MOST_CHARACTERS: Final = 2000
MOST_NESTED: Final = 40
SYNTAX: Final = "Rules know: and or not, comparisons, + - * /, in [...], numbers, 'text', true, false and brackets."

_SIGNS: Final[Mapping[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_WORDS: Final = {"true": 1.0, "false": 0.0}

_HINTS: Final = (
    ("[‘’‚“”„]", "Write straight quotes: 'text'."),
    (r"\b(AND|OR|NOT|IN)\b", "Write and, or, not, in with small letters."),
    (r"&|\|", "Write and, or."),
    (r"\d\s*%", "Write a percentage as a share: 30 % is 0.3."),
    (r"<>", "Unequal is written !=."),
    (r"\bbetween\b|\bBETWEEN\b", "Write between as 2 <= order_count <= 5."),
    (r"(?<![=<>!])=(?![=])", "Equality is written ==."),
    (r"\d,\d", "Write numbers with a point: 0.5."),
)
"""What people write who know other languages, and what to write here."""


@dataclass(frozen=True)
class Rule:
    """One parsed rule: its text, the names it uses, and its meaning. Made by `parse`."""

    text: str
    names: frozenset[str]
    condition: Condition

    def holds(self, values: Mapping[str, object]) -> bool:
        """Whether the rule is true for these values; a name that is not among them is missing."""
        return self.condition.one(values)

    def mask(self, frame: pd.DataFrame) -> Mask:
        """Where the rule is true, row by row as `holds` says; a column that is not in the table is missing."""
        return np.broadcast_to(self.condition.many(frame), (len(frame),)).copy()


def parse(text: str, names: Collection[str]) -> Rule:
    """The rule that `text` writes, over values called `names`.

    Raises InputError for what the language does not know, and for an unknown name: it says at which character, and the nearest known name.
    """
    source = text.replace("\n", " ").replace("\r", " ").strip()
    reader = _Reader(source, names)
    condition = reader.condition(_tree(source), 0)
    return Rule(text, frozenset(reader.used), condition)


def _tree(source: str) -> ast.expr:
    if not source:
        raise InputError("A rule is empty.", remedy=SYNTAX)
    if len(source) > MOST_CHARACTERS:
        raise InputError(f"A rule has {len(source)} characters.", remedy=f"Write it in at most {MOST_CHARACTERS}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's doubts about its own syntax say nothing about ours
            return ast.parse(source, mode="eval").body
    except SyntaxError as error:
        problem = f"The rule {source!r} cannot be read at character {error.offset or 1}."
        raise InputError(problem, remedy=f"{_hint(source)}{SYNTAX}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"The rule {source!r} cannot be read.", remedy=SYNTAX) from error


def _hint(source: str) -> str:
    """What the writer of a rule that cannot be read probably meant, as a sentence; empty where nothing is recognised."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", source)
    return next((f"{hint} " for pattern, hint in _HINTS if re.search(pattern, bare)), "")


class _Reader:
    """Translates a syntax tree, and remembers the names it met."""

    def __init__(self, source: str, known: Collection[str]) -> None:
        self.source, self.known = source, frozenset(known)
        self.used: set[str] = set()

    def condition(self, node: ast.expr, depth: int) -> Condition:
        """The part as something true or false."""
        self._not_too_deep(node, depth)
        if isinstance(node, ast.BoolOp):
            parts = tuple(self.condition(part, depth + 1) for part in node.values)
            return Every(parts) if isinstance(node.op, ast.And) else Either(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return Opposite(self.condition(node.operand, depth + 1))
        if isinstance(node, ast.Compare):
            return self._chain(node, depth)
        return Truth(self.value(node, depth))

    def value(self, node: ast.expr, depth: int) -> Value:
        """The part as a number or a text."""
        self._not_too_deep(node, depth)
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
            return Arithmetic(_SIGNS[type(node.op)], self.value(node.left, depth + 1), self.value(node.right, depth + 1))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return Arithmetic(
                _SIGNS[ast.Sub if isinstance(node.op, ast.USub) else ast.Add], Constant(0.0), self.value(node.operand, depth + 1)
            )
        if isinstance(node, ast.BoolOp | ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
            return Indicator(self.condition(node, depth + 1))
        raise self._refusal(node, "is not part of the language")

    def _chain(self, node: ast.Compare, depth: int) -> Condition:
        lefts = [node.left, *node.comparators]
        steps = zip(lefts, node.ops, node.comparators, strict=False)
        links = tuple(self._link(left, sign, right, depth + 1) for left, sign, right in steps)
        return links[0] if len(links) == 1 else Every(links)

    def _link(self, left: ast.expr, sign: ast.cmpop, right: ast.expr, depth: int) -> Condition:
        if isinstance(sign, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
                raise self._refusal(right, "must be a list with something in it, after `in`")
            mark = "==" if isinstance(sign, ast.In) else "!="
            parts = tuple(Comparison(mark, self.value(left, depth), self.value(each, depth)) for each in right.elts)
            return Either(parts) if mark == "==" else Every(parts)
        if type(sign) not in _SIGNS:
            raise self._refusal(right, "cannot stand after `is`: compare with == or !=,")
        return Comparison(_SIGNS[type(sign)], self.value(left, depth), self.value(right, depth))

    def _constant(self, node: ast.Constant) -> Constant:
        if isinstance(node.value, str):
            return Constant(node.value)
        if isinstance(node.value, int | float):
            try:
                return Constant(float(node.value))
            except OverflowError as error:
                raise self._refusal(node, "is too large a number") from error
        raise self._refusal(node, "is not part of the language")

    def _name(self, node: ast.Name) -> Value:
        if node.id in self.known:
            self.used.add(node.id)
            return Name(node.id)
        if node.id in _WORDS:
            return Constant(_WORDS[node.id])
        like = nearest(node.id, self.known)
        remedy = f"The nearest known name is {like!r}." if like else "No names are known here."
        raise InputError(
            f"The rule {self.source!r} names {node.id!r} at character {self._character(node)}, which is not known.", remedy=remedy
        )

    def _not_too_deep(self, node: ast.expr, depth: int) -> None:
        if depth > MOST_NESTED:
            raise self._refusal(node, f"is nested more than {MOST_NESTED} deep")

    def _refusal(self, node: ast.expr, why: str) -> InputError:
        part = ast.get_source_segment(self.source, node) or self.source
        return InputError(f"The rule {self.source!r} cannot be used: {part!r} at character {self._character(node)} {why}.", remedy=SYNTAX)

    def _character(self, node: ast.expr) -> int:
        """Counted from 1, in characters: Python counts bytes."""
        return len(self.source.encode()[: node.col_offset].decode()) + 1
