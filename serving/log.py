"""The server's log: one JSON object a line."""

import sys
import threading
from datetime import UTC, datetime
from typing import TextIO

import orjson


class Log:
    """Writes what happened, with its facts, level and time (UTC), as one line each; to stderr unless told. Nothing global is configured.

    Lines that cannot be written, to a full disk or to a reader that is gone, fail nobody: the next one that can tells how many they were
    (`log_interrupted`).
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._missing, self._why = 0, ""
        self._one = threading.Lock()

    def info(self, event: str, **facts: object) -> None:
        """Logs what went as it should."""
        self._write(event, "info", facts)

    def warning(self, event: str, **facts: object) -> None:
        """Logs what somebody should look at."""
        self._write(event, "warning", facts)

    def error(self, event: str, **facts: object) -> None:
        """Logs a defect."""
        self._write(event, "error", facts)

    def _write(self, event: str, level: str, facts: dict[str, object]) -> None:
        at = datetime.now(UTC).replace(tzinfo=None).isoformat() + "Z"
        line = _to_json({**facts, "event": event, "level": level, "timestamp": at})
        with self._one:
            told = {"lines": self._missing, "why": self._why, "event": "log_interrupted", "level": "warning"}
            try:
                self._stream.write(_to_json(told) + line if self._missing else line)
                self._stream.flush()
            except OSError as error:
                self._missing, self._why = self._missing + 1, str(error)
            else:
                self._missing = 0


def _to_json(line: dict[str, object]) -> str:
    return orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE).decode()
