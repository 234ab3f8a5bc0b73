"""The home: one folder with everything that a shop's nextbest knows."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from features.contract import CONTRACT_VERSION
from features.errors import InputError
from features.replacing import is_unfinished, put_back

_LOCK: Final = ".lock"
_MAKING_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Home:
    """Paths below one home, its currency, and the time zone of its clocks."""

    root: Path
    currency: str
    timezone: str = "UTC"

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


def open_home(root: Path, *, currency: str = "EUR", timezone: str = "UTC") -> Home:
    """The home at `root`, made with this currency and time zone if there is none; tables that a killed ingestion left half replaced are the old ones again.

    Raises InputError if `root` is a file, cannot be written, or was made by an incompatible version.
    """
    root = root.expanduser().absolute()
    if not _marker(root).exists():
        _make(Home(root, currency, timezone))
    marked = _read_marker(_marker(root))
    home = Home(root, marked["currency"], marked.get("timezone", "UTC"))
    if is_unfinished(home.tables):
        _put_right(home)
    return home


def require_home(root: Path) -> Home:
    """The home at `root`; InputError if there is none."""
    if not _marker(root.expanduser().absolute()).exists():
        raise InputError(
            f"There is no nextbest home at {root}.",
            remedy="Bring data in (nextbest ingest --orders FILE), try nextbest demo, or name another home with --home.",
        )
    return open_home(root)


class HomeInUseError(InputError):
    """Somebody else is changing the home's tables."""


@contextmanager
def locked(root: Path, *, wait_seconds: float) -> Iterator[None]:
    """Lets one at a time change the home's tables; the lock ends with the block, or with the program if that is killed.

    Raises HomeInUseError if another holds it for longer than `wait_seconds`, InputError if the home cannot be written.
    """
    until = time.monotonic() + wait_seconds
    with _lock_file(root) as file:
        while not _taken(file.fileno()):
            if time.monotonic() >= until:
                raise HomeInUseError(f"{root}: another ingest is running.", remedy="Wait until it is done, and run this one again.")
            time.sleep(0.05)
        yield


def _lock_file(root: Path) -> TextIO:
    try:
        return (root / _LOCK).open("a")
    except OSError as error:
        raise InputError(f"{root} cannot be written: {error.strerror}.", remedy="Name a home that you may write to with --home.") from error


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _marker(root: Path) -> Path:
    return root / "home.json"


def _make(home: Home) -> None:
    root = home.root
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not (_is_empty(root) or (root / _LOCK).exists()):  # whoever makes a home takes the lock before anything else
            _refuse(root)
        with locked(root, wait_seconds=_MAKING_SECONDS):
            if not _marker(root).exists():
                _fill(home)
    except OSError as error:
        raise InputError(
            f"{root} cannot be made a home: {error.strerror}.", remedy="Name a folder that you may write to with --home."
        ) from error


def _fill(home: Home) -> None:
    if not _is_empty(home.root):
        _refuse(home.root)
    for folder in (home.tables, home.config, home.mlflow):
        folder.mkdir(exist_ok=True)
    marked = {"contract_version": CONTRACT_VERSION, "currency": home.currency, "timezone": home.timezone}
    replace_text(_marker(home.root), json.dumps(marked))


def _is_empty(root: Path) -> bool:
    return all(child.name in (".gitkeep", _LOCK) for child in root.iterdir())


def _refuse(root: Path) -> None:
    raise InputError(
        f"{root} is a folder with other things in it, and no nextbest home.", remedy="Name an empty or a new folder with --home."
    )


def _put_right(home: Home) -> None:
    """The old tables, where a killed ingestion left some replaced; one that is still running is left alone."""
    try:
        with suppress(HomeInUseError), locked(home.root, wait_seconds=0):
            put_back(home.tables)
    except OSError as error:
        raise InputError(
            f"{home.root}: an ingest was stopped halfway, and its tables cannot be put back: {error.strerror}.",
            remedy="Open the home where it may be written.",
        ) from error


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


def config_file(home: Home, default: Path, *, text: str | None = None) -> Path:
    """The home's own copy of a YAML file of rules, written from `default` (default_stages.yaml becomes stages.yaml) at first use.

    `text` is written in place of the default's own, where the home needs another: amounts in its currency, say.
    """
    path = home.config / default.name.removeprefix("default_")
    if not path.exists():
        replace_text(path, default.read_text(encoding="utf-8") if text is None else text)
    return path
