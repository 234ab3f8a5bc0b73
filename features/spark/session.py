"""Starts Spark, once in a program, and says in a user's words why it did not start."""

import atexit
import logging
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

import ibis
from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from features.errors import InputError
from features.spark.backend import Backend

_JAVA: Final = "Install Java 17 (Debian: apt-get install openjdk-17-jre-headless), and set JAVA_HOME if it is not the machine's first java."
_MASTER: Final = "Set NEXTBEST_SPARK_MASTER to local[*], or to a cluster that runs: spark://HOST:7077, yarn, k8s://..."
_ANSWER_SECONDS: Final = 5.0

_OPTIONS: Final = {
    "spark.app.name": "nextbest",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",  # what cannot be worked out is an error, as on DuckDB, and no silent null
    "spark.sql.caseSensitive": "true",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.driver.maxResultSize": "0",  # a result goes to the driver whole, whatever its size
}
_LOCAL: Final = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": str(4 * (os.cpu_count() or 1)),
}


def connect(master: str, *, memory_limit: str = "") -> ibis.BaseBackend:
    """A session on the Spark of this program, started at `master` if there is none; one at another master is stopped first.

    `memory_limit` is that of the program that works (the driver; on a cluster its own settings bound its workers), as in "4GB".
    Raises InputError if Java is missing, Spark does not start, or nobody answers at `master`.
    """
    running = SparkContext._active_spark_context
    if running is not None and running.master != master:
        stop()
    context = SparkContext._active_spark_context or _started(master, memory_limit)
    backend = Backend()
    backend.register_options()
    backend.do_connect(SparkSession(context).newSession())
    return backend


def stop() -> None:
    """Stops the Spark of this program, with all its sessions; nothing if none runs."""
    if (running := SparkContext._active_spark_context) is not None:
        running.stop()
        SparkSession._instantiatedSession = None


def _started(master: str, memory_limit: str) -> SparkContext:
    _check_java()
    _check_reachable(master)
    options = {**_OPTIONS, **(_LOCAL if master.startswith("local") else {}), **_memory(memory_limit), "spark.master": master}
    conf = SparkConf().setAll(list(options.items()))
    with tempfile.TemporaryFile("w+") as said:
        try:
            context = SparkContext(conf=conf, gateway=SparkContext._gateway or _java(conf, said))
        except Exception as error:  # of Java, of the bridge to it, or of Spark: it did not start, and says why
            raise InputError(f"Spark does not start at {master}: {_reason(error, said)}.", remedy=_remedy(error)) from error
    atexit.register(stop)
    PySparkLogger.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)  # an error is raised; it need not be printed, too
    return context


def _java(conf: SparkConf, said: IO[str]) -> Any:
    """The Java program, whose remarks (which Spark makes many of) go to a file for the case that it fails."""
    return launch_gateway(conf, popen_kwargs={"stdout": said, "stderr": said})


def _check_java() -> None:
    named = os.environ.get("JAVA_HOME")
    if named and not (Path(named) / "bin" / "java").exists():
        raise InputError(f"Spark needs Java, and there is none in JAVA_HOME ({named}).", remedy=_JAVA)
    if not named and shutil.which("java") is None:
        raise InputError("Spark needs Java, and none is installed.", remedy=_JAVA)


def _check_reachable(master: str) -> None:
    """Spark itself would try for a minute."""
    if not master.startswith("spark://"):
        return
    hosts = master.removeprefix("spark://").split(",")
    if not any(_answers(host) for host in hosts):
        raise InputError(f"No Spark answers at {master}.", remedy=_MASTER)


def _answers(host: str) -> bool:
    try:
        place = urlsplit(f"spark://{host}")
        with socket.create_connection((place.hostname, place.port or 7077), timeout=_ANSWER_SECONDS):
            return True
    except (OSError, ValueError):
        return False


def _memory(limit: str) -> dict[str, str]:
    """DuckDB's way to say it (4GB, 512MiB) as Spark's (4g, 512m)."""
    return {"spark.driver.memory": limit.replace(" ", "").lower().removesuffix("b").removesuffix("i")} if limit else {}


def _reason(error: Exception, said: IO[str]) -> str:
    said.seek(0)
    lines = [line.strip() for line in said if line.strip() and not line.startswith(("WARNING", "Using", "Setting", "To adjust"))]
    if lines and "JAVA_GATEWAY_EXITED" in str(error):
        return lines[-1]
    raised = [line.split(": ", 1)[-1] for line in str(error).splitlines() if line.startswith(": ")]
    return (raised or str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _remedy(error: Exception) -> str:
    return _JAVA if "JAVA_GATEWAY_EXITED" in str(error) else _MASTER
