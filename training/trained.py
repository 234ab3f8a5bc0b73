"""The last step of every recipe: a fitted model and its evidence go to the registry, and the gate's verdict is carried out."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from training import golden
from training.evaluation.gate import Verdict
from training.loading import load
from training.registry import Registry


class Saved(Protocol):
    """Anything that writes itself as a model folder."""

    def save(self, folder: Path) -> None:
        """Writes model.json, data files and the manifest into an existing, empty folder."""


@dataclass(frozen=True)
class Evidence:
    """What is kept beside a model: parameters, metrics, tags (as_of, horizon_days, data_hash), and documents (model card, pictures)."""

    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    documents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """What a recipe answers: the version it made, whether that became champion, and why or why not; warnings to tell the user, and a table to show."""

    kind: str
    version: str
    promoted: bool
    metrics: Mapping[str, float]
    why: str
    warnings: Sequence[str] = ()
    table: Sequence[Mapping[str, Any]] = ()


def submit(registry: Registry, kind: str, model: Saved, evidence: Evidence, verdict: Verdict) -> Trained:
    """Records the model as a new version, and promotes it where the verdict says so."""
    with tempfile.TemporaryDirectory(prefix="nextbest-") as place:
        folder = Path(place) / kind
        folder.mkdir()
        model.save(folder)
        golden.write(folder, kind, model)
        load(kind, folder)  # before it is kept: it can be read again, and says the same
        tags = {**evidence.tags, "verdict": verdict.why}
        version = registry.record(kind, folder, evidence.parameters, evidence.metrics, tags, evidence.documents)
    if verdict.promoted:
        registry.promote(kind, version)
    return Trained(kind, version, verdict.promoted, dict(evidence.metrics), verdict.why)
