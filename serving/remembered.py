"""Answers that are kept while they hold: those asked for last, up to so many bytes."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from decisions.merchandising import Removed
from serving.fallbacks import Fallback

MOST_BYTES: Final = 64_000_000
_OVERHEAD: Final = 500
"""Bytes that an answer takes beside its body, about."""


@dataclass(frozen=True)
class Noted:
    """What is counted of an answer whenever it is given, and until when it holds."""

    until: datetime
    fallback: Fallback | None
    removed: Removed


@dataclass(frozen=True)
class Kept:
    """An answer as it was sent."""

    body: bytes
    noted: Noted


@dataclass
class Remembered:
    """Answers by key. A key says what the answer rests on: when that changes another key is asked for, so nothing has to be told."""

    most_bytes: int = MOST_BYTES
    _answers: OrderedDict[Hashable, Kept] = field(default_factory=OrderedDict, repr=False)
    _bytes: int = 0
    _one: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def get(self, key: Hashable, now: datetime) -> Kept | None:
        """The answer of this key, if it holds at this time."""
        with self._one:
            found = self._answers.get(key)
            if found is None or now >= found.noted.until:
                return None
            self._answers.move_to_end(key)
            return found

    def put(self, key: Hashable, kept: Kept) -> None:
        """Keeps an answer; those that were not asked for longest make room. One that is larger than all room is not kept."""
        size = _size(key, kept)
        if size > self.most_bytes:
            return
        with self._one:
            if (old := self._answers.pop(key, None)) is not None:
                self._bytes -= _size(key, old)
            self._answers[key] = kept
            self._bytes += size
            while self._bytes > self.most_bytes:
                self._bytes -= _size(*self._answers.popitem(last=False))

    def __len__(self) -> int:
        return len(self._answers)


def _size(key: Hashable, kept: Kept) -> int:
    """Bytes of an answer, and of the key that it is found by: a query string may be long."""
    return len(kept.body) + len(repr(key)) + _OVERHEAD
