"""What ends a command and is neither the user's mistake nor a defect: a full disk, a database that is away."""

import errno
import os
from typing import Final

from features.errors import InputError

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_AGAIN: Final = "run the same again: nothing is left half done"


def outage(error: Exception) -> InputError | None:
    """What to tell of an error that the disk or the state database is the reason of; None for any other."""
    from serving.state.unavailable import unavailable

    why = str(getattr(error, "orig", error)).strip().splitlines()[:1]
    passing = unavailable(error)
    # libraries that write tables themselves say it in their own errors, with the system's words
    if (
        (passing and passing.kind == "disk-full")
        or getattr(error, "errno", None) in _FULL
        or any(os.strerror(each) in str(error) for each in _FULL)
    ):
        return InputError(f"The disk is full: {why[0]}.", remedy=f"Make room, and {_AGAIN}.")
    if passing:
        return InputError(
            f"The state database cannot do it now: {why[0] if why else 'no answer'}.", remedy=f"See that it runs, and {_AGAIN}."
        )
    return None
