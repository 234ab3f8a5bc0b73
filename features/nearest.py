"""The known word that somebody probably meant, for messages that name it."""

import difflib
import re
from collections.abc import Collection, Iterable


def nearest(word: str, known: Collection[str]) -> str:
    """The known word that is most like this one; empty if none is known."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0)), "")


def likely(word: str, known: Iterable[str]) -> str:
    """The words ' (nearest: x)' for a known name that looks much like this one whatever its case and signs, or nothing if none does."""
    plain = {_plain(name): name for name in known}
    found = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return f" (nearest: {plain[found[0]]})" if found else ""


def _plain(name: str) -> str:
    return re.sub(r"\W|_", "", name).lower()
