"""The presets that there are: known without reading one, so that the command line lists them at once."""

from pathlib import Path
from typing import Final

PRESETS: Final = Path(__file__).parent / "presets"


def presets() -> tuple[str, ...]:
    """Names of the presets, sorted."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yaml")))
