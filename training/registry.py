"""The only door to MLflow: models are recorded, become champions, are rolled back, and are exported for serving.

A model is a folder (training.artifacts), kept as an artifact of its run; a version of the registered model nextbest-<kind> points at it.
The alias `champion` says which version serves, `challenger` which came last without being promoted. Versions that were champion before
are kept in order in a tag of the registered model, so that a rollback can be repeated.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from features.errors import InputError
from features.home import Home
from training import artifacts
from training.export import link_version
from training.making import make_whole
from training.quiet import quiet

KINDS: Final = ("churn", "value", "affinity", "response", "personas", "journey")
CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
_HISTORY: Final = "nextbest.champions"
_HASH: Final = "nextbest.manifest"
_FOLDER: Final = "model"
_STORE: Final = "mlflow.db"


@dataclass(frozen=True)
class Version:
    """One version of a registered model, as the registry knows it."""

    kind: str
    version: str
    run_id: str
    created_at: datetime
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


class Registry:
    """Tracking and registry of one home: SQLite in home.mlflow, unless another MLflow address is given.

    Opening a new store takes seconds (MLflow migrates an empty database), an existing one under a second.
    Raises InputError where the address is empty: MLflow would silently make ./mlruns.
    """

    def __init__(self, home: Home, *, address: str | None = None) -> None:
        if address is not None and not address.strip():
            raise InputError(
                "The MLflow address is empty.", remedy="Set NEXTBEST_TRACKING_URI to an address, or leave it out for the home's own store."
            )
        home.mlflow.mkdir(parents=True, exist_ok=True)
        self._artifacts = home.mlflow / "artifacts"
        if address is None:  # a store that was made halfway could never be opened again
            make_whole(home.mlflow / _STORE, lambda path: _open_client(f"sqlite:///{path}"))
        self.address = address or f"sqlite:///{home.mlflow / _STORE}"
        self._local = self.address.startswith("sqlite:")
        self._client = _open_client(self.address)

    def record(
        self,
        kind: str,
        folder: Path,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        documents: Mapping[str, str] | None = None,
    ) -> str:
        """Keeps a trained model and its evidence as a new version, and names it challenger; returns the version.

        `documents` are named texts beside the model (the model card, pictures as SVG). Raises InputError where the folder is damaged.
        """
        artifacts.verify(folder)
        with quiet():
            run = self._client.create_run(self._experiment(kind), run_name=f"{kind} {tags.get('as_of', '')}".strip(), tags=dict(tags))
            version = self._register(kind, run, tags)
            try:
                self._log(run.info.run_id, parameters, metrics, documents or {})
                self._keep(kind, version, run.info.run_id, folder)
            except BaseException:
                self._client.delete_model_version(_name(kind), version)
                self._client.set_terminated(run.info.run_id, status="FAILED")
                raise
            self._client.set_terminated(run.info.run_id)
            self._client.set_registered_model_alias(_name(kind), CHALLENGER, version)
        return version

    def champion(self, kind: str) -> Version | None:
        """The version that serves, or None."""
        return self._aliased(kind, CHAMPION)

    def challenger(self, kind: str) -> Version | None:
        """The newest version that was not promoted, or None."""
        return self._aliased(kind, CHALLENGER)

    def version(self, kind: str, version: str) -> Version:
        """One version by its number, or by `champion` or `challenger`; InputError where there is none."""
        known = self.versions(kind)
        for one in known:
            if version == one.version or version in one.aliases:
                return one
        numbers = ", ".join(v.version for v in known) or "none"
        raise InputError(f"There is no version {version} of {_name(kind)} (there is: {numbers}).", remedy="`nextbest models` lists them.")

    def versions(self, kind: str) -> list[Version]:
        """Every version, newest first; empty where nothing was trained."""
        name = _name(kind)
        with quiet():
            found: list[Any] = []
            token: str | None = None
            while token is None or token:
                page = self._client.search_model_versions(f"name='{name}'", page_token=token)
                found, token = [*found, *page], page.token or ""
            aliases = self._aliases(name) if found else {}
            read = [self._version(kind, one, aliases) for one in found]
        return sorted(read, key=lambda v: -int(v.version))

    def promote(self, kind: str, version: str) -> None:
        """Makes a version the champion; the one before stays first in line for a rollback. InputError where there is no such version.

        Stopped anywhere, the champion is the old one or the new one, and the same again ends what was begun.
        """
        chosen = self.version(kind, version).version
        history = self._history(kind)
        if history[-1:] != [chosen]:
            self._tell_history(kind, [*history, chosen])
        self._set_champion(kind, chosen)

    def earlier(self, kind: str) -> str:
        """The version that was champion before the present one. InputError where there was none."""
        history = self._told(kind) if self._is_stopped(kind) else self._history(kind)
        if len(history) < 2:
            raise InputError(
                f"{_name(kind)} has no earlier champion to go back to.",
                remedy="`nextbest models` lists the versions; promote one by number.",
            )
        return history[-2]

    def rollback(self, kind: str) -> str:
        """Makes the champion before the present one champion again; returns its version. InputError where there was none.

        Stopped anywhere, the same again ends what was begun, and goes no step further.
        """
        version = self.earlier(kind)
        self._set_champion(kind, version)
        self._tell_history(kind, self._history(kind))  # last: until it is told, the same again means the same step
        return version

    def fetch(self, kind: str, version: str = CHAMPION) -> Path:
        """The verified model folder of a version (number or alias), to be read and not changed.

        Raises InputError where there is no such version or its files are not what was recorded.
        """
        chosen = self.version(kind, version)
        folder = self._folder(chosen)
        artifacts.verify(folder)
        if artifacts.manifest_hash(folder) != chosen.tags.get(_HASH):
            raise InputError(
                f"{_name(kind)} version {chosen.version} is not what was recorded: {folder} was changed.",
                remedy="Roll back to an earlier version, or train again.",
            )
        return folder

    def export_champions(self, target: Path) -> dict[str, str]:
        """Brings every champion to target/<kind>, each swapped in one step and with its version in model.json; returns kind -> version."""
        exported: dict[str, str] = {}
        for kind in KINDS:
            if (champion := self.champion(kind)) is not None:
                link_version(self.fetch(kind, champion.version), target, kind, champion.version)
                exported[kind] = champion.version
        return exported

    def _experiment(self, kind: str) -> str:
        place = (self._artifacts / kind).as_uri() if self._local else None
        name = _name(kind)
        found = self._client.get_experiment_by_name(name)
        if found is not None and place is not None and found.artifact_location != place:  # the home was moved since
            name = f"{name}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
            found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found is not None else self._client.create_experiment(name, artifact_location=place))

    def _log(self, run_id: str, parameters: Mapping[str, Any], metrics: Mapping[str, float], documents: Mapping[str, str]) -> None:
        for name, value in parameters.items():
            self._client.log_param(run_id, name, value)
        for name, number in metrics.items():
            self._client.log_metric(run_id, name, float(number))
        for name, text in documents.items():
            self._client.log_text(run_id, text, name)

    def _register(self, kind: str, run: Any, tags: Mapping[str, str]) -> str:
        name = _name(kind)
        if not self._client.search_registered_models(f"name='{name}'"):
            self._client.create_registered_model(name)
        made = self._client.create_model_version(name, source=f"{run.info.artifact_uri}/{_FOLDER}", run_id=run.info.run_id, tags=dict(tags))
        return str(made.version)

    def _keep(self, kind: str, version: str, run_id: str, folder: Path) -> None:
        """Logs the folder with its version in model.json, and keeps the manifest's hash beside it."""
        with tempfile.TemporaryDirectory(prefix="nextbest-") as place:
            copy = Path(shutil.copytree(folder, Path(place) / _FOLDER))
            artifacts.stamp(copy, version)
            self._client.log_artifacts(run_id, str(copy), _FOLDER)
            self._client.set_model_version_tag(_name(kind), version, _HASH, artifacts.manifest_hash(copy))

    def _aliased(self, kind: str, alias: str) -> Version | None:
        return next((v for v in self.versions(kind) if alias in v.aliases), None)

    def _aliases(self, name: str) -> dict[str, list[str]]:
        by_version: dict[str, list[str]] = {}
        for alias, version in sorted(self._client.get_registered_model(name).aliases.items()):
            by_version.setdefault(str(version), []).append(alias)
        return by_version

    def _version(self, kind: str, found: Any, aliases: Mapping[str, Sequence[str]]) -> Version:
        run = self._client.get_run(found.run_id).data
        made = datetime.fromtimestamp(found.creation_timestamp / 1000, tz=UTC).replace(tzinfo=None)
        number = str(found.version)
        return Version(
            kind, number, found.run_id, made, tuple(aliases.get(number, ())), dict(found.tags), dict(run.params), dict(run.metrics)
        )

    def _told(self, kind: str) -> list[str]:
        """The champions as they were told, oldest first: behind the present one stands what a change that was stopped began with, or did not end."""
        with quiet():
            models = self._client.search_registered_models(f"name='{_name(kind)}'")
        return list(json.loads(models[0].tags.get(_HISTORY, "[]"))) if models else []

    def _history(self, kind: str) -> list[str]:
        """The champions so far, the present one last, as its alias says it."""
        told, champion = self._told(kind), self.champion(kind)
        if champion is None:
            return []
        chosen = champion.version
        return told[: len(told) - told[::-1].index(chosen)] if chosen in told else [*told, chosen]

    def _is_stopped(self, kind: str) -> bool:
        """Whether a rollback was stopped before it was told, or a promotion after that: both go back to the present champion."""
        champion = self.champion(kind)
        return champion is not None and self._told(kind)[-2:-1] == [champion.version]

    def _tell_history(self, kind: str, history: Sequence[str]) -> None:
        with quiet():
            self._client.set_registered_model_tag(_name(kind), _HISTORY, json.dumps(list(history)))

    def _set_champion(self, kind: str, chosen: str) -> None:
        name = _name(kind)
        with quiet():
            self._client.set_registered_model_alias(name, CHAMPION, chosen)
            if str(self._client.get_registered_model(name).aliases.get(CHALLENGER)) == chosen:
                self._client.delete_registered_model_alias(name, CHALLENGER)

    def _folder(self, version: Version) -> Path:
        if self._local:  # below the home as it lies now, also after it was moved
            return self._artifacts / version.kind / version.run_id / "artifacts" / _FOLDER
        with quiet():
            return Path(self._client.download_artifacts(version.run_id, _FOLDER, tempfile.mkdtemp(prefix="nextbest-")))


def _name(kind: str) -> str:
    if kind not in KINDS:
        raise InputError(f"There is no model called {kind}.", remedy=f"Models are {', '.join(KINDS)}.")
    return f"nextbest-{kind}"


def _open_client(address: str) -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a shop's training is nobody else's business
    with quiet():
        from mlflow import MlflowClient  # noqa: PLC0415 - costs seconds, starts telemetry and warns: not before a registry is wanted
    with quiet():  # again: the import configures logging anew
        try:
            client = MlflowClient(tracking_uri=address, registry_uri=address)
            client.search_registered_models(max_results=1)
        except Exception as error:  # MLflow lets the errors of whatever lies behind the address through
            why = str(error).splitlines()[0]
            full = "disk is full" in why or "disk I/O error" in why
            remedy = "Make room on its disk, and run this again." if full else "Restore it from a backup, or move it away and train again."
            raise InputError(f"The MLflow store {address} cannot be opened: {why}.", remedy=remedy) from error
    return client
