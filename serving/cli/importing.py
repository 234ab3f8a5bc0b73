"""Imports of much, without looking for garbage in between: nearly all that they make lasts."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Around imports: garbage is not looked for meanwhile, nor ever again in what is there after them.

    Python looks through all that lasts again and again while it grows: a fifth of what importing costs. Where everything was imported before, nothing is
    set aside: a process that comes here often keeps no garbage for it.
    """
    before, was_enabled = len(sys.modules), gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > before:
            gc.freeze()
        if was_enabled:
            gc.enable()
