"""Says mistakes in YAML files in plain words: what is wrong, and what to write instead."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

_QUOTE_REMEDY: Final = 'Put the whole text in double quotes, with single ones within: "..."; or write it below, indented, after a |.'
_INDENT_REMEDY: Final = "Indent it with spaces, as many as the other keys of the same part have."
_YAML_REMEDY: Final = "Correct it there: indent with spaces, and put texts with a colon or a bracket in quotes, or below a |."
_VALUE: Final = re.compile(r"^[\s-]*[\w.]+:\s+(?P<value>\S.*)$")
_PERCENT: Final = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*%\s*")
_DECIMAL_COMMA: Final = re.compile(r"\s*-?\d+,\d+\s*")
_PLAIN_REMEDIES: Final = {
    **dict.fromkeys(("dict_type", "model_type"), "Write them below it, indented, as name: value."),
    "list_type": "Write a list: [one, another].",
    "string_type": 'Write a text; what looks like a number, a date or yes and no stands in quotes: "7".',
    "float_type": "Write a number with a point: 0.10.",
    "int_type": "Write a whole number.",
    "bool_type": "Write true or false.",
}
_PLAIN_PROBLEMS: Final = {
    **dict.fromkeys(("dict_type", "model_type"), "keys and values must stand here"),
    "list_type": "a list must stand here",
    "string_type": "a text must stand here, not {input!r}",
    "float_type": "{input!r} is no number",
    "int_type": "{input!r} is no whole number",
    "bool_type": "{input!r} is neither true nor false",
    "finite_number": "{input!r} is no finite number",
    "greater_than_equal": "{input} is less than {ge:g}, the least it may be",
    "greater_than": "{input} is too small: it must be more than {gt:g}",
    "less_than_equal": "{input} is more than {le:g}, the most it may be",
    "missing": "it is missing",
    "string_too_short": "it is empty",
    "too_short": "it names {actual_length}, and needs at least {min_length}",
    "literal_error": "{input!r} is not known; it may be {expected}",
}


def yaml_mistake(error: yaml.MarkedYAMLError, text: str) -> tuple[str, str]:
    """The problem and the remedy of what is not YAML: the parser's own words only where none plainer are known."""
    problem = error.problem or "it cannot be read"
    lines = text.splitlines()
    at = error.problem_mark.line if error.problem_mark else 0
    line = lines[at] if at < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "it is indented with a tab", "Replace the tab by spaces."
    if "stands there twice" in problem:
        return problem, "Take one of the two out, or begin a new item with a dash: - action_id: ..."
    if problem.startswith(("expected ',' or", "expected the node content")) or error.context in _BRACKETS:
        return "a bracket is not closed, or a text between brackets has one of , : [ ] { } and no quotes", (
            "Put the text in quotes: {eligibility: \"city in ['Huế']\"}; or write each key on a line of its own, without { and }."
        )
    if problem.startswith(("expected <block end>", "mapping values")):
        return (_QUOTES_MISSING, _QUOTE_REMEDY) if _needs_quotes(line) else ("it is not indented as what it belongs to", _INDENT_REMEDY)
    if problem.endswith("cannot start any token"):
        return f"a text that begins with {_sign(problem)} must stand in quotes", _QUOTE_REMEDY
    if problem.startswith("found undefined alias") or error.context in ("while scanning an alias", "while scanning an anchor"):
        return "a text that begins with * or & must stand in quotes", _QUOTE_REMEDY
    if problem == "found unexpected end of stream":
        begun = f" in line {error.context_mark.line + 1}" if error.context_mark else ""
        return f"a text begins{begun} with a quote and does not end", "Add the quote at its end."
    if "must stand in quotes" in problem:
        return problem, _QUOTE_REMEDY
    return problem, _YAML_REMEDY


_BRACKETS: Final = ("while parsing a flow mapping", "while parsing a flow sequence")
_QUOTES_MISSING: Final = "its text has a colon, quotes or {{ }} and must stand in quotes as a whole"


def _needs_quotes(line: str) -> bool:
    """Whether the value of this line, rather than its indentation, is what YAML cannot read."""
    found = _VALUE.match(line)
    return found is not None and (found["value"].startswith(("{{", '"', "'")) or ": " in found["value"])


def _sign(problem: str) -> str:
    found = re.search(r"character '(.*)' that", problem)
    return found[1] if found else "this sign"


def form_mistake(mistakes: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The problem and the remedy of the first of these mistakes in a form, as pydantic tells them."""
    first = mistakes[0]
    kind, given = first["type"], first["input"]
    more = f" (and {len(mistakes) - 1} more mistakes)" if len(mistakes) > 1 else ""
    pattern = _PLAIN_PROBLEMS.get(kind)
    said = pattern.format(input=given, **first.get("ctx", {})) if pattern else first["msg"]
    return said + more, _remedy(kind, given, first)


def _remedy(kind: str, given: object, told: Mapping[str, Any]) -> str:
    percent = _PERCENT.fullmatch(given) if isinstance(given, str) else None
    if kind == "float_type" and percent:
        return f"Write it as a share of 1: {float(percent[1].replace(',', '.')) / 100:g}."
    if kind == "float_type" and isinstance(given, str) and _DECIMAL_COMMA.fullmatch(given):
        return f"Write it with a point: {given.strip().replace(',', '.')}."
    if kind == "less_than_equal" and told["ctx"]["le"] == 1 and isinstance(given, int | float) and 1 < given <= 100:
        return f"Write a share of 1: {given:g} % is {given / 100:g}."
    if kind == "missing":
        return f"Add {told['loc'][-1]}: the guide in docs/ shows every key."
    return f"{_PLAIN_REMEDIES.get(kind, 'Correct it there.')} The guide in docs/ shows every key."
