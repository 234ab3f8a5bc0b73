from pathlib import Path

import pytest

from features.errors import InputError
from training.bands import load_bands


def test_a_limit_belongs_to_the_band_above() -> None:
    bands = load_bands()
    assert [bands.band(p) for p in (0.0, 0.49, 0.5, 0.89, 0.9, 1.0)] == ["active", "active", "cooling", "at risk", "lapsed", "lapsed"]
    assert list(bands.bands([0.1, 0.6])) == ["active", "cooling"]


TWICE = "bands: [{band: a, below: 0.2}, {band: b, below: 0.5}, {band: a}]"
FALLING = "bands: [{band: a, below: 0.5}, {band: b, below: 0.5}, {band: c}]"
WORDS = "bands: [{band: a, below: x}, {band: b}]"
OPEN = "bands: [{band: a}, {band: b}]"
CLOSED = "bands: [{band: a, below: 0.5}, {band: b, below: 0.9}]"
NAN = "bands: [{band: a, below: .nan}, {band: b}]"
NAMELESS = "bands: [{band: '', below: 0.5}, {band: b}]"
UNNAMED = "bands: [{band: 3, below: 0.5}, {band: b}]"
ABOVE = "bands: [{band: a, below: 1.5}, {band: b}]"


@pytest.mark.parametrize(
    "text", ["", "bands: 3", "bands: []", "bands: [", "[]", OPEN, WORDS, FALLING, TWICE, CLOSED, NAN, NAMELESS, UNNAMED, ABOVE]
)
def test_bands_that_make_no_sense_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bands.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bands\.yaml"):
        load_bands(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml"):
        load_bands(tmp_path / "none.yaml")


def test_one_band_alone_takes_everybody(tmp_path: Path) -> None:
    path = tmp_path / "bands.yaml"
    path.write_text("bands: [{band: all}]")
    assert load_bands(path).bands([0.0, 0.5, 1.0]).tolist() == ["all"] * 3
