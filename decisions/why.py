"""The choice in words: what was the best, what came second, what was drawn, in English and in Vietnamese."""

from collections import Counter
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Final

from decisions import locales
from decisions.decision import Chosen, Stood, Terms, Why
from decisions.holdout import Group
from decisions.reasons import Reason
from features.contract import NO_ACTION

_SENTENCES: Final = {
    "holdout": (
        "Nothing is done: the customer is in the group that gets no action, to measure what actions bring. {best} would have won.",
        "Không làm gì: khách thuộc nhóm không nhận hành động nào, để đo tác dụng của các hành động. Lẽ ra {best} sẽ thắng.",
    ),
    "nothing_allowed": ("No action is allowed: {counts}.", "Không hành động nào được phép: {counts}."),
    "nothing_pays": (
        "Nothing is done: no allowed action is worth its cost; the best, {second}, would bring {second_priority}.",
        "Không làm gì: không hành động nào được phép đáng chi phí; hành động tốt nhất, {second}, mang lại {second_priority}.",
    ),
    "random": (
        "{name} was drawn at random among {count} allowed actions, to measure what the policy brings; {best} has the highest priority.",
        "{name} được chọn ngẫu nhiên trong {count} hành động được phép, để đo tác dụng của chính sách; {best} có ưu tiên cao nhất.",
    ),
    "explored": (
        "{name} was drawn to learn from, with probability {probability}; {best} has the highest priority, {best_priority}.",
        "{name} được chọn để học thêm, với xác suất {probability}; {best} có ưu tiên cao nhất, {best_priority}.",
    ),
    "best": (
        "{name} has the highest priority, {sum}, {margin} ahead of {second}. Probability {probability}.",
        "{name} có ưu tiên cao nhất, {sum}, hơn {second} {margin}. Xác suất {probability}.",
    ),
    "placed": (
        "{name} has the highest priority of what may stand in {placement}, {sum}. Probability {probability}.",
        "{name} có ưu tiên cao nhất trong số được đặt ở {placement}, {sum}. Xác suất {probability}.",
    ),
    "only": (
        "{name} has the highest priority, {sum}. Probability {probability}.",
        "{name} có ưu tiên cao nhất, {sum}. Xác suất {probability}.",
    ),
}
_NAMED: Final = {
    code: tuple(dict.fromkeys(name for sentence in both for _, name, _, _ in Formatter().parse(sentence) if name))
    for code, both in _SENTENCES.items()
}
"""What the sentences of each code name."""
_NOTHING_VI: Final = "Không làm gì"
_SUM: Final = (
    "{p} response x {value} value{lift}{weight}{lever} - {cost} cost",
    "{p} phản hồi x {value} giá trị{lift}{weight}{lever} - {cost} chi phí",
)


def why_of(first: Chosen, stood: Stood, group: Group, names: Mapping[str, str], currency: str, *, best: tuple[int, int | None]) -> Why:
    """Why this action stands first. `names` is what people call the actions, `best` are the places of the best and second best allowed action.

    In the group that gets nothing, the best are those that would have been allowed otherwise.
    """
    place, second = best
    margin = None if second is None else stood.terms["priority"][place] - stood.terms["priority"][second]
    code = _code(first, stood, group, place, second)
    tellers = [_tellers(first, stood, names, currency, language, best=best, margin=margin) for language in ("en", "vi")]
    told = [{name: teller[name]() for name in _NAMED[code]} for teller in tellers]
    english, vietnamese = (sentence.format(**each) for sentence, each in zip(_SENTENCES[code], told, strict=True))
    return Why(stood.action_ids[place], None if second is None else stood.action_ids[second], margin, english, vietnamese)


def reason_of(first: Chosen, why: Why, group: Group) -> Reason:
    """The same as a reason of the chosen action."""
    code = {"no_action": "holdout", "random": "random"}.get(group) or ("explored" if first.explored else "best")
    return Reason(code, why.sentence, why.sentence_vi)


def _code(first: Chosen, stood: Stood, group: Group, place: int, second: int | None) -> str:
    if group == "no_action":
        return "holdout"
    if sum(stood.allowed) == 1:
        return "nothing_allowed"
    if group == "random":
        return "random"
    if first.explored:
        return "explored"
    if first.action_id == NO_ACTION:
        return "nothing_pays" if second is not None else "nothing_allowed"
    if stood.action_ids[place] != first.action_id:  # the best of its placement, or of equals
        return "only" if first.placement is None else "placed"
    return "only" if second is None else "best"


def _tellers(
    first: Chosen,
    stood: Stood,
    names: Mapping[str, str],
    currency: str,
    language: str,
    *,
    best: tuple[int, int | None],
    margin: float | None,
) -> dict[str, Callable[[], object]]:
    """What sentences may name, each told when it is asked for: money takes its time to be written."""
    (place, second), count = best, sum(stood.allowed)

    def money(amount: float) -> str:
        return locales.small_money(amount, language, currency)

    def name(action_id: str) -> str:
        return _NOTHING_VI if action_id == NO_ACTION and language == "vi" else names[action_id]

    second_id = stood.action_ids[place if second is None else second]
    return {
        "name": lambda: name(first.action_id),
        "placement": lambda: first.placement,
        "best": lambda: name(stood.action_ids[place]),
        "best_priority": lambda: money(stood.terms["priority"][place]),
        "second": lambda: name(second_id),
        "second_priority": lambda: money(stood.terms["priority"][place if second is None else second]),
        "margin": lambda: "" if margin is None else money(margin),
        "sum": lambda: f"{_sum(first.terms, money, language)} = {money(first.terms.priority)}",
        "probability": lambda: _number(first.drawn_probability, language),
        "count": lambda: count,
        "counts": lambda: "-" if count > 1 else _counts(stood),
    }


def _sum(terms: Terms, told: Callable[[float], str], language: str) -> str:
    vietnamese = language == "vi"
    lift = f" x {_number(1 + terms.lift, language)} {'tác động' if vietnamese else 'lift'}" if terms.lift else ""
    weight = f" x {terms.context_weight:g} {'ngữ cảnh' if vietnamese else 'context'}" if terms.context_weight != 1 else ""
    lever = f" x {terms.lever:g} {'đòn bẩy' if vietnamese else 'lever'}" if terms.lever != 1 else ""
    return _SUM[vietnamese].format(
        p=_number(terms.response_probability, language),
        value=told(terms.value),
        lift=lift,
        weight=weight,
        lever=lever,
        cost=told(terms.cost),
    )


def _number(value: float, language: str) -> str:
    told = f"{value:.3g}"
    return told.replace(".", ",") if language == "vi" else told


def _counts(stood: Stood) -> str:
    """How many actions each code forbids, by the first reason."""
    pairs = zip(stood.action_ids, stood.allowed, strict=True)
    codes = Counter(stood.reasons[action_id][0].code for action_id, allowed in pairs if not allowed and stood.reasons.get(action_id))
    return ", ".join(f"{count} {code.replace('_', ' ')}" for code, count in codes.items()) or "-"
