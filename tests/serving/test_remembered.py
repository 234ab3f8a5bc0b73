"""Answers are kept while they hold, those asked for last, and never more than there is room for."""

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from serving.remembered import Kept, Noted, Remembered

NOW = datetime(2025, 3, 1)
NOTED = Noted(NOW + timedelta(hours=1), None, Counter())


def kept(size: int) -> Kept:
    return Kept(b"x" * size, NOTED)


def test_an_answer_holds_until_its_time() -> None:
    remembered = Remembered()
    remembered.put("a", kept(3))
    assert remembered.get("a", NOTED.until - timedelta(microseconds=1)) == kept(3)
    assert remembered.get("a", NOTED.until) is None
    assert remembered.get("b", NOW) is None


def test_what_was_not_asked_for_longest_makes_room() -> None:
    remembered = Remembered(most_bytes=4_000)
    for name in "abc":
        remembered.put(name, kept(700))
    assert remembered.get("a", NOW) is not None
    remembered.put("d", kept(700))
    assert [name for name in "abcd" if remembered.get(name, NOW)] == ["a", "c", "d"]
    remembered.put("large", kept(5_000))
    assert remembered.get("large", NOW) is None
    assert len(remembered) == 3


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 3_000)), min_size=20, max_size=60))
def test_it_never_holds_more_than_it_may_and_always_the_newest(puts: list[tuple[str, int]]) -> None:
    remembered = Remembered(most_bytes=5_000)
    newest: dict[str, Kept] = {}
    for name, size in puts:
        newest[name] = kept(size)
        remembered.put(name, newest[name])
        held = {each: remembered.get(each, NOW) for each in newest}
        assert held[name] is newest[name]
        assert sum(len(one.body) for one in held.values() if one) <= 5_000
        assert all(one is None or one is newest[each] for each, one in held.items())
