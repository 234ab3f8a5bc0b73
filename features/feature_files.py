"""Everybody's features as of a time, written to a file a part at a time, so that a large home needs no large memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features import attributes, batch
from features.build import WRITERS, check_output, write_table
from features.contract import AS_OF, CUSTOMER_ID, STAGE
from features.definitions import FEATURES
from features.engine import Tables
from features.errors import InputError
from features.journey import Levels, Stages, levels, stages_at
from features.learnable import learnable


@dataclass(frozen=True)
class Written:
    """What a file of features holds: rows, feature columns, and the features that were left out, as they say nothing about this shop."""

    customer_count: int
    names: tuple[str, ...]
    left_out: tuple[str, ...]


def write_features(tables: Tables, as_of: datetime, path: Path, stages: Stages, *, every: bool = False) -> Written:
    """Writes customer_id, as_of, features, customer attributes and stage of everybody with an order line or an event before `as_of`.

    Features that are the same for everybody, and windows as long as the history, are left out, unless `every` is wanted. Sorted by
    customer_id; Parquet, CSV or NDJSON by the file's ending, whole or not at all. InputError when nothing was known before `as_of`, or as
    `check_output` has it.
    """
    check_output(path)
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        computed = Path(folder) / "computed.parquet"
        rows = _write(computed, (_timed(part) for part in batch.parts(tables, [as_of])))
        if not rows:
            raise InputError(f"Nothing is known before {as_of:%Y-%m-%d %H:%M}.", remedy="Give a later --as-of, or bring older rows in.")
        known = _columns(computed, [CUSTOMER_ID, AS_OF, *attributes.ORDER_TRACES])
        own = attributes.attribute_names(tables, known)
        shop = levels(_columns(computed, ["order_count", *{level.feature for level in stages.levels}]), stages)
        names = (*(f.name for f in FEATURES), *own) if every else _telling(computed, own)
        finished = Path(folder) / "finished.parquet"
        _write(finished, _finished(computed, tables, names, shop, stages))
        _put(finished, path)
    left_out = tuple(f.name for f in FEATURES if f.name not in names)
    return Written(rows, names, left_out)


def _timed(part: pa.Table) -> pa.Table:
    """A part of `batch.parts` with the instant in the place of the cut-off, sorted by customer."""
    ordered = part.sort_by(CUSTOMER_ID)
    return ordered.drop_columns(batch.CUT).add_column(1, AS_OF, ordered[batch.CUT].cast(pa.timestamp("us")))


def _write(path: Path, parts: Iterator[pa.Table]) -> int:
    """Writes the parts, and says how many rows they were."""
    first = next(parts)
    rows = len(first)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for part in parts:
            writer.write_table(part.cast(first.schema))
            rows += len(part)
    return rows


def _columns(path: Path, names: list[str]) -> pd.DataFrame:
    frame: pd.DataFrame = pq.read_table(path, columns=list(dict.fromkeys(names))).to_pandas()
    return frame


def _telling(computed: Path, own: tuple[str, ...]) -> tuple[str, ...]:
    """Column by column, so that one at a time is in memory."""
    age = _columns(computed, ["customer_age_days"])
    told = [f.name for f in FEATURES if f.name in learnable(age.assign(**{f.name: _columns(computed, [f.name])[f.name]}))]
    return (*told, *own)


def _finished(computed: Path, tables: Tables, names: tuple[str, ...], shop: Levels, stages: Stages) -> Iterator[pa.Table]:
    file = pq.ParquetFile(computed)
    for group in range(file.num_row_groups):
        frame = file.read_row_group(group).to_pandas()
        frame = attributes.beside(frame, tables, names).assign(**{STAGE: stages_at(frame, shop, stages)})
        yield pa.Table.from_pandas(frame[[CUSTOMER_ID, AS_OF, *names, STAGE]], preserve_index=False).replace_schema_metadata(None)


def _put(finished: Path, path: Path) -> None:
    if WRITERS[path.suffix] is WRITERS[".parquet"]:
        finished.replace(path)
    else:
        write_table(pq.read_table(finished).to_pandas(), path)
