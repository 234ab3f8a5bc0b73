"""Starts Spark, once in a program, and quietly; stops it at the program's end."""

import atexit
import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any, Final

import ibis
from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from features.spark.backend import Backend
from features.spark.conditions import check_java, check_reachable, driver_memory, not_started

_OPTIONS: Final = {
    "spark.app.name": "nextbest",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # instants are naive UTC, as in the contract
    "spark.sql.ansi.enabled": "true",  # what cannot be worked out is an error, as on DuckDB, and no silent null
    "spark.sql.caseSensitive": "true",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.variant.allowDuplicateKeys": "true",  # in JSON, as on DuckDB
    "spark.driver.maxResultSize": "0",  # a result goes to the driver whole, whatever its size
    "spark.driver.defaultJavaOptions": "-Xss16m",  # each iteration of ALS deepens what Java has to walk: fifteen need more than its 1 MB
    "spark.executor.defaultJavaOptions": "-Xss16m",
}
_HERE: Final = {  # on this machine, unless spark-defaults.conf says otherwise
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": str(4 * (os.cpu_count() or 1)),
}


def connect(master: str, *, memory_limit: str = "") -> ibis.BaseBackend:
    """A session on the Spark of this program, started at `master` if there is none; one at another master is stopped first.

    `memory_limit` is that of this program's part of Spark (the driver, which on one machine is all of it), like "4GB".
    Raises InputError if Java is missing, Spark does not start, or nobody answers at `master`.
    """
    running = SparkContext._active_spark_context
    if running is None or running.master != master:
        check_java()
        check_reachable(master)
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
    options = {**_OPTIONS, "spark.master": master}
    if memory_limit:
        options["spark.driver.memory"] = driver_memory(memory_limit)
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        try:
            gateway = SparkContext._gateway or _java(options, said)
            context = SparkContext(conf=_configured(gateway, options), gateway=gateway)
        except Exception as error:  # of Java, of the bridge to it, or of Spark
            said.seek(0)
            raise not_started(master, error, said.read()) from error
    if master.startswith("local") and "PYSPARK_PYTHON" not in os.environ:
        context.pythonExec = sys.executable  # workers on this machine have this program's packages; elsewhere Spark's settings say
    PySparkLogger.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)  # an error is raised; it need not be printed, too
    atexit.register(stop)
    return context


def _java(options: Mapping[str, str], said: IO[str]) -> Any:
    """The Java program, whose remarks (Spark makes many) go to a file for the case that it fails."""
    return launch_gateway(SparkConf().setAll(list(options.items())), popen_kwargs={"stdout": said, "stderr": said})


def _configured(gateway: Any, options: Mapping[str, str]) -> SparkConf:
    """The options over what spark-defaults.conf says, which Java has read; and over neither, what suits one machine."""
    conf = SparkConf(_jvm=gateway.jvm).setAll(list(options.items()))
    if options["spark.master"].startswith("local"):
        for name, value in {**_HERE, "spark.sql.warehouse.dir": f"{tempfile.gettempdir()}/spark-warehouse"}.items():
            conf.setIfMissing(name, value)  # Spark makes an empty folder of that name, otherwise where the command runs
    return conf
