"""A table is written whole, in the form that the file's ending names."""

import json

import pandas as pd
import pytest

from features.build import write_table
from features.errors import InputError

TABLE = pd.DataFrame({"customer_id": ["007", "b"], "reasons": [["No order for 74 days.", "Few orders."], []], "value": [1.5, None]})


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_lists_of_texts_are_one_cell_in_csv(tmp_path, name):
    write_table(TABLE, tmp_path / name)
    read = pd.read_csv(tmp_path / name, dtype={"customer_id": str}, keep_default_na=False)
    assert read.reasons.tolist() == ["No order for 74 days.; Few orders.", ""]
    assert read.customer_id.tolist() == ["007", "b"]
    assert TABLE.reasons[0] == ["No order for 74 days.", "Few orders."], "the table itself is not changed"


def test_lists_stay_lists_elsewhere(tmp_path):
    write_table(TABLE, tmp_path / "t.parquet")
    assert pd.read_parquet(tmp_path / "t.parquet").reasons[0].tolist() == TABLE.reasons[0]
    write_table(TABLE, tmp_path / "t.ndjson")
    assert json.loads((tmp_path / "t.ndjson").read_text().splitlines()[0])["reasons"] == TABLE.reasons[0]


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(InputError, match=r"taken.csv"):
        write_table(TABLE, tmp_path / "taken.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.csv"]
