"""DuckDB as the engine: in this program, on all its cores."""

from collections.abc import Mapping

import ibis
import pyarrow as pa


def connect(*, threads: int = 0, memory_limit: str = "") -> ibis.BaseBackend:
    """A DuckDB in memory. `threads` 0 takes all cores; `memory_limit` is DuckDB's own, e.g. "4GB", empty for its default."""
    engine = ibis.duckdb.connect()
    if threads:
        engine.raw_sql(f"SET threads = {int(threads)}")
    if memory_limit:
        engine.con.execute("SET memory_limit = $limit", {"limit": memory_limit})
    return engine


def hold(engine: ibis.BaseBackend, name: str, rows: pa.Table) -> ibis.Table:
    """These rows as a table of the engine."""
    return engine.create_table(name, rows, temp=True)


def is_duck(engine: ibis.BaseBackend) -> bool:
    """Whether this engine is one."""
    return str(engine.name) == "duckdb"


def arrow(engine: ibis.BaseBackend, query: str, texts: Mapping[str, str]) -> pa.Table:
    """The result of a compiled query in which each placeholder, a quoted text, stands for another text."""
    for placeholder, text in texts.items():
        query = query.replace(_quoted(placeholder), _quoted(text))
    rows: pa.Table = engine.con.execute(query).to_arrow_table()
    return rows


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
