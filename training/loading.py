"""Loads a model of any kind from its folder, and proves that it says what it said when it was trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from features.attributes import PREFIX
from features.definitions import NAMES
from features.errors import InputError
from training import golden
from training.affinity.model import AffinityModel
from training.churn import ChurnModel
from training.journey_value import JourneyValues
from training.response import ResponseModel
from training.segments.personas import PersonaModel
from training.value import ValueModel

_LOADERS: Final[Mapping[str, Callable[[Path, int], Any]]] = {
    "churn": lambda folder, threads: ChurnModel.load(folder, threads=threads),
    "value": lambda folder, threads: ValueModel.load(folder, threads=threads),
    "affinity": lambda folder, _: AffinityModel.load(folder),
    "response": lambda folder, _: ResponseModel.load(folder),
    "personas": lambda folder, _: PersonaModel.load(folder),
    "journey": lambda folder, _: JourneyValues.load(folder),
}
KINDS: Final = tuple(_LOADERS)


@dataclass(frozen=True)
class Loaded:
    """A model that may be used. `is_proven`: it was asked what it was asked when it was trained, and said the same; older folders have nothing to ask."""

    model: Any
    is_proven: bool


def load(kind: str, folder: Path, *, threads: int = 0) -> Loaded:
    """The model of this kind in `folder`; 0 `threads` takes all cores.

    Raises InputError, whatever is wrong with it: a file that is missing or was changed, another format, features that this version does not
    know, or answers that differ from the golden ones (`training.golden`).
    """
    try:
        model = _LOADERS[kind](folder, threads)
        _check_features(kind, model)
        return Loaded(model, golden.check(folder, kind, model))
    except InputError:
        raise
    except Exception as error:  # what a file may hold is without end, and so are the errors of those who read it
        raise InputError(
            f"{folder} cannot be read as a {kind} model: {type(error).__name__}: {error}.", remedy="Train again, or roll back."
        ) from error


def _check_features(kind: str, model: Any) -> None:
    unknown = [name for name in getattr(model, "feature_names", ()) if name not in NAMES and not name.startswith(PREFIX)]
    if unknown:
        raise InputError(f"The {kind} model learned from {unknown[0]}, which this version does not know.", remedy="Run: nextbest train")
