"""What must hold before Spark can start, and in a user's words why it did not."""

import os
import re
import shutil
import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from features.errors import InputError

_JAVA: Final = "Install Java 17 (Debian: apt-get install openjdk-17-jre-headless), and set JAVA_HOME if it is not the machine's first java."
_MASTER: Final = "Set NEXTBEST_SPARK_MASTER to local[*] for this machine, or to a cluster that runs: spark://HOST:7077, yarn, k8s://..."
_ANSWER_SECONDS: Final = 5.0
_MEGABYTES: Final = {"m": 1, "g": 1024, "t": 1024 * 1024}
_LEAST_MEGABYTES: Final = 512
_RAISED: Final = re.compile(r"^(?:Exception in thread \S+ )?:? ?[\w.$]+(?:Exception|Error): (.+)$", re.MULTILINE)


def check_java() -> None:
    """InputError if no Java is found where Spark looks for it."""
    named = os.environ.get("JAVA_HOME")
    if named and not (Path(named) / "bin" / "java").exists():
        raise InputError(f"Spark needs Java, and there is none in JAVA_HOME ({named}).", remedy=_JAVA)
    if not named and shutil.which("java") is None:
        raise InputError("Spark needs Java, and none is installed.", remedy=_JAVA)


def check_reachable(master: str) -> None:
    """InputError if nobody answers at any host of a spark:// address: Spark itself would try for a minute."""
    if master.startswith("spark://") and not any(_answers(host) for host in master.removeprefix("spark://").split(",")):
        raise InputError(f"No Spark answers at {master}.", remedy=_MASTER)


def driver_memory(limit: str) -> str:
    """DuckDB's way to say it (1.5GB, 512MiB) as Spark's (1536m, 512m). InputError if it is neither, or too little for Spark to start."""
    said = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mgt])i?b?", limit.strip().lower())
    if said is None:
        raise InputError(f"{limit!r} is no amount of memory.", remedy="Set NEXTBEST_MEMORY_LIMIT to something like 4GB.")
    megabytes = int(float(said[1]) * _MEGABYTES[said[2]])
    if megabytes < _LEAST_MEGABYTES:
        raise InputError(f"Spark does not start with {limit}.", remedy=f"Set NEXTBEST_MEMORY_LIMIT to {_LEAST_MEGABYTES}MB or more.")
    return f"{megabytes}m"


def not_started(master: str, error: Exception, said: str) -> InputError:
    """Why Spark did not start: what it raised, or what it wrote before it ended."""
    found = _RAISED.search(said) or _RAISED.search(str(error))
    reason = found[1] if found else (str(error) or type(error).__name__).splitlines()[0]
    remedy = _JAVA if "UnsupportedClassVersionError" in said else _MASTER
    return InputError(f"Spark does not start at {master}: {reason.rstrip('.')}.", remedy=remedy)


def _answers(host: str) -> bool:
    try:
        place = urlsplit(f"spark://{host}")
        with socket.create_connection((place.hostname, place.port or 7077), timeout=_ANSWER_SECONDS):
            return True
    except (OSError, ValueError):
        return False
