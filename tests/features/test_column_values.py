"""What a table's columns hold: their kinds as rules see them, and their texts."""

from datetime import datetime
from pathlib import Path

import pandas as pd

from features.column_values import ColumnValues, column_values, read_columns


def test_kinds_and_texts_of_the_columns_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    frame = pd.DataFrame(
        {
            "city": ["Huế", "Hà Nội", None, "Huế"],
            "tier": pd.Categorical(["gold", "gold", None, "silver"]),
            "age": [1.0, None, 2.0, 3.0],
            "member": [True, False, True, True],
            "joined_at": [datetime(2024, 1, 1)] * 4,
            "secret": ["a", "b", "c", "d"],
        }
    )
    frame.to_parquet(path)
    found = column_values(path, {"city", "tier", "age", "member", "joined_at", "not_there"})
    assert found == {
        "city": ColumnValues("text", frozenset({"Huế", "Hà Nội"})),
        "tier": ColumnValues("text", frozenset({"gold", "silver"})),
        "age": ColumnValues("number"),
        "member": ColumnValues("number"),
        "joined_at": ColumnValues("instant"),
    }
    read = read_columns(path, ["age", "not_there"])
    assert read is not None
    assert read.columns.tolist() == ["age"]
    assert len(read) == 4


def test_a_table_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert column_values(tmp_path / "none.parquet", ["city"]) == {}
    assert read_columns(tmp_path / "none.parquet", ["city"]) is None
