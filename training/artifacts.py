"""A model on disk: a folder with model.json, its data files, and a manifest of their hashes that is verified before anything is read.

No pickle: models are LightGBM text, JSON, and .npz read without objects. A folder is written once and never changed.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from features.errors import InputError

MODEL: Final = "model.json"
MANIFEST: Final = "manifest.json"
FORMAT: Final = 2


def write_model(folder: Path, header: Mapping[str, Any]) -> None:
    """Writes model.json and then the manifest; call it last, when every other file of the model lies in `folder`.

    `header` carries at least `kind`; `format` is added. Numbers must be finite.
    """
    text = json.dumps({"format": FORMAT, **header}, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / MODEL).write_text(text + "\n", encoding="utf-8")
    save_manifest(folder)


def read_model(folder: Path, kind: str) -> dict[str, Any]:
    """model.json of a verified folder.

    Raises InputError where the folder is damaged, holds another kind of model, or was written by a newer nextbest.
    """
    verify(folder)
    header: dict[str, Any] = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    if header.get("kind") != kind:
        raise InputError(
            f"{folder} holds a {header.get('kind')} model, and a {kind} model was asked for.", remedy="Name the right folder or version."
        )
    if header.get("format") != FORMAT:
        raise InputError(
            f"{folder} was written in model format {header.get('format')}; this nextbest reads {FORMAT}.",
            remedy="Train again, or use the nextbest that wrote it.",
        )
    return header


def stamp(folder: Path, version: str) -> None:
    """Writes the registry's version into model.json, and the manifest anew."""
    header = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    write_model(folder, {**header, "version": version})


def save_manifest(folder: Path) -> None:
    """Writes manifest.json: the SHA-256 of every other file in the folder."""
    (folder / MANIFEST).write_text(json.dumps({"files": _hashes(folder)}, indent=1) + "\n", encoding="utf-8")


def manifest_hash(folder: Path) -> str:
    """SHA-256 of manifest.json: one text that stands for the whole model."""
    return _sha256(folder / MANIFEST)


def verify(folder: Path) -> None:
    """Compares every file with the manifest.

    Raises InputError where the manifest is missing, or a file is missing, changed or was added.
    """
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} is no complete model: its {MANIFEST} cannot be read.", remedy="Train again, or roll back.") from error
    found = _hashes(folder)
    wrong = sorted(name for name in said.keys() | found.keys() if said.get(name) != found.get(name))
    if wrong:
        raise InputError(
            f"{folder}: {len(wrong)} of {len(said)} files are not what was trained, first {wrong[0]}.",
            remedy="The model was damaged or changed after training; train again, or roll back.",
        )


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / MANIFEST)
    return {p.relative_to(folder).as_posix(): _sha256(p) for p in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
