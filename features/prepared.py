"""A condition made ready to be asked about one mapping after the other: the same answers as `Condition.one`, several times faster."""

from collections.abc import Callable, Mapping

from features.expressions import COMPARISONS, Comparison, Condition, Constant, Either, Every, Name, Opposite

Test = Callable[[Mapping[str, object]], bool]


def prepared(condition: Condition) -> Test:
    """The condition as a function of the named values."""
    if isinstance(condition, Comparison) and isinstance(condition.left, Name) and isinstance(condition.right, Constant):
        return _compared(condition, condition.left.name, condition.right.value)
    if isinstance(condition, Opposite):
        return _opposite(prepared(condition.part))
    if isinstance(condition, Every | Either) and len(condition.parts) == 2:
        return _both(condition, *(prepared(part) for part in condition.parts))
    return condition.one


def _compared(condition: Comparison, name: str, value: float | str) -> Test:
    """A named value against a number: nearly always both are floats, and there."""
    compare, general = COMPARISONS[condition.sign], condition.one
    if not isinstance(value, float):
        return general

    def test(values: Mapping[str, object]) -> bool:
        known = values.get(name)
        if known is None:
            return False
        if type(known) is float and known == known:
            return bool(compare(known, value))
        return general(values)

    return test


def _opposite(part: Test) -> Test:
    return lambda values: not part(values)


def _both(condition: Every | Either, first: Test, second: Test) -> Test:
    if isinstance(condition, Every):
        return lambda values: first(values) and second(values)
    return lambda values: first(values) or second(values)
