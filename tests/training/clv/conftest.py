"""The public CDNOW sample, where it lies beside the project: the project itself holds none of it."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Sample:
    """x, t_x and T in weeks of 2,357 customers until 1997-09-30; number and mean of the repeat spends of the 946 who came back."""

    x: Floats
    t_x: Floats
    T: Floats
    repeats: Floats
    mean_spend: Floats


def _folder() -> Path | None:
    named = os.environ.get("NEXTBEST_DATA")
    places = [Path(named)] if named else [*ROOT.parent.glob("data"), *ROOT.parent.glob("*/data")]
    return next((place / "cdnow" for place in places if (place / "cdnow" / "sample_ids.parquet").exists()), None)


@pytest.fixture(scope="session")
def cdnow() -> Sample:
    """Skips where the data are not there; NEXTBEST_DATA names the folder that holds cdnow/."""
    folder = _folder()
    if folder is None:
        pytest.skip("NEXTBEST_DATA names no folder with cdnow/")
    names = ["customer_id", "day", "quantity", "amount"]
    lines = pd.read_csv(folder / "CDNOW_master.txt.gz", sep=r"\s+", header=None, names=names, dtype={"customer_id": str, "day": str})
    sample = pd.read_parquet(folder / "sample_ids.parquet")["master_id"].astype(str)
    lines = lines[lines.customer_id.isin(sample) & (lines.day <= "19970930")]
    lines["day"] = pd.to_datetime(lines.day, format="%Y%m%d")
    days = lines.groupby(["customer_id", "day"], as_index=False).amount.sum()
    first = days.groupby("customer_id").day.transform("min")
    dates = days.groupby("customer_id").day.agg(["min", "max", "count"])
    spends = days[days.day > first].groupby("customer_id").amount.agg(["count", "mean"])
    return Sample(
        (dates["count"] - 1).to_numpy(float),
        ((dates["max"] - dates["min"]).dt.days / 7).to_numpy(float),
        ((pd.Timestamp("1997-09-30") - dates["min"]).dt.days / 7).to_numpy(float),
        spends["count"].to_numpy(float),
        spends["mean"].to_numpy(float),
    )
