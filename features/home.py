"""The home: one folder with everything that a shop's nextbest knows."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from features.contract import CONTRACT_VERSION
from features.errors import InputError


@dataclass(frozen=True)
class Home:
    """Paths below one home, and its currency."""

    root: Path
    currency: str

    @property
    def tables(self) -> Path:
        """Parquet tables of the contract, one file each: tables/orders.parquet."""
        return self.root / "tables"

    @property
    def config(self) -> Path:
        """The business's rules in YAML: catalogue, stages, bands, limits."""
        return self.root / "config"

    @property
    def mlflow(self) -> Path:
        """Tracking and registry: mlflow.db and artifacts/."""
        return self.root / "mlflow"

    @property
    def champions(self) -> Path:
        """Exported champion models, one folder each, read by serving."""
        return self.root / "champions"

    @property
    def database(self) -> Path:
        """The state database, where no other is configured."""
        return self.root / "state.db"

    def table(self, name: str) -> Path:
        """Where this table's Parquet file lies, or will lie."""
        return self.tables / f"{name}.parquet"


def open_home(root: Path, *, currency: str = "EUR") -> Home:
    """The home at `root`, made if there is none.

    Raises InputError if `root` is a file, cannot be written, or was made by an incompatible version.
    """
    root = root.expanduser().absolute()
    marker = root / "home.json"
    if marker.exists():
        return Home(root, _read_marker(marker)["currency"])
    try:
        root.mkdir(parents=True, exist_ok=True)
        if any(child.name != ".gitkeep" for child in root.iterdir()):
            raise InputError(
                f"{root} is a folder with other things in it, and no nextbest home.", remedy="Name an empty or a new folder with --home."
            )
        home = Home(root, currency)
        for folder in (home.tables, home.config, home.mlflow):
            folder.mkdir(exist_ok=True)
        replace_text(marker, json.dumps({"contract_version": CONTRACT_VERSION, "currency": currency}))
    except OSError as error:
        raise InputError(
            f"{root} cannot be made a home: {error.strerror}.", remedy="Name a folder that you may write to with --home."
        ) from error
    return home


def _read_marker(marker: Path) -> dict[str, str]:
    try:
        read = json.loads(marker.read_text())
        version, _ = int(read["contract_version"]), read["currency"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{marker} cannot be read.", remedy="Restore it from a backup, or start a new home with --home.") from error
    if version != CONTRACT_VERSION:
        raise InputError(
            f"{marker.parent} was written by another version of nextbest (contract {version}, this one has {CONTRACT_VERSION}).",
            remedy="Use the nextbest that wrote it, or ingest the data again into a new home with --home.",
        )
    return dict(read)


def replace_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all: a crash leaves the old one."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def config_file(home: Home, default: Path) -> Path:
    """The home's own copy of a YAML file of rules, written from `default` (default_stages.yaml becomes stages.yaml) at first use."""
    path = home.config / default.name.removeprefix("default_")
    if not path.exists():
        replace_text(path, default.read_text(encoding="utf-8"))
    return path
