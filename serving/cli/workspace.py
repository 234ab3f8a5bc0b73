"""What every command starts from: the home, the settings, and how the result is wanted."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from features.errors import InputError
from features.home import Home, config_file, open_home, require_home
from serving.cli.champion import champions_time
from serving.cli.console import note
from serving.cli.importing import importing

if TYPE_CHECKING:  # the settings' defaults come from the rooms of models and decisions: help is given without them
    from serving.settings import ServingSettings

FAR = timedelta(days=2)
"""Later than this after the newest row, people are told how far a time lies beyond what is known."""


@dataclass(frozen=True)
class Workspace:
    """The settings of one run, and whether it prints JSON."""

    settings: "ServingSettings"
    json: bool

    def home(self) -> Home:
        """The home; InputError if there is none."""
        return require_home(self.settings.home)

    @contextmanager
    def new_home(self) -> Iterator[Home]:
        """The home, made if there is none; one that was made here goes again if the block cannot use what it was given."""
        root = self.settings.home.expanduser().absolute()
        made = not root.exists()
        home = open_home(root, currency=self.settings.currency, timezone=self.settings.timezone)
        try:
            yield home
        except InputError:
            if made:
                shutil.rmtree(root)
            raise

    def tables(self) -> Any:
        """The home's tables in the feature engine."""
        from features.engine import open_tables

        return open_tables(self.home(), **self.engine())

    def engine(self) -> dict[str, Any]:
        """Which feature engine runs, where, and within what: as `features.engine.connect` takes it."""
        chosen = self.settings
        return {
            "engine": chosen.engine,
            "spark_master": chosen.spark_master,
            "threads": chosen.threads,
            "memory_limit": chosen.memory_limit,
        }

    def as_of(self, text: str | None, tables: Any) -> datetime:
        """The time asked for, or just after the newest row of the home."""
        from features.cutoffs import default_as_of, parse_as_of

        newest = default_as_of(tables)
        if not text:
            return newest
        asked = parse_as_of(text)
        if asked > datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1):
            raise InputError(
                f"{asked:%Y-%m-%d %H:%M} lies in the future.",
                remedy=f"The newest row is of {newest:%Y-%m-%d %H:%M}: ask for that, or earlier.",
            )
        if asked > newest + FAR:
            note(f"    {asked:%Y-%m-%d} is {(asked - newest).days} days after the newest row: what happened in between is not known here")
        return asked

    def scoring_time(self, text: str | None, tables: Any) -> datetime:
        """The time asked for, or just after the newest row, or that of a champion which was trained for a later one."""
        at, known = self.as_of(text, tables), champions_time(self.home())
        return at if text or known is None else max(at, known)

    def rules(self, default: Path) -> Path:
        """The home's file of rules that `default` is the first content of."""
        return config_file(self.home(), default)

    def registry(self) -> Any:
        """The MLflow registry: the configured address, or the home's own store."""
        from training.registry import Registry
        from training.settings import TrainingSettings

        return Registry(self.home(), address=TrainingSettings().tracking_uri)

    def catalogue(self, path: Path | None = None) -> Any:
        """The catalogue of this file, or the configured one, or the home's."""
        from decisions.catalogue import load_catalogue
        from decisions.default_catalogue import home_catalogue
        from features.profiles import customer_columns

        home = self.home()
        chosen = path or self.settings.catalogue or home_catalogue(home)
        catalogue = load_catalogue(chosen, attributes=customer_columns(home), currency=home.currency)
        for warning in catalogue.warnings:
            note(f"    {warning}")
        return catalogue

    def policy(self, catalogue: Path | None, response: Any | None, journey: Any | None = None) -> Any:
        """The policy of this home, with another catalogue, a response model or the journey's values where given."""
        from decisions.limits import DEFAULT_LIMITS, load_limits
        from decisions.policy import default_policy

        actions = self.catalogue(catalogue)
        limits = load_limits(self.rules(DEFAULT_LIMITS), catalogue=actions)
        for warning in limits.warnings:
            note(f"    {warning}")
        models = {"response": response, "journey": journey}
        return default_policy(
            actions,
            limits,
            response,
            journey=journey,
            models={kind: model.version or "" for kind, model in models.items() if model is not None},
            seed=self.settings.seed,
            holdout_share=self.settings.holdout_share,
            random_share=self.settings.random_share,
            currency=self.home().currency,
        )

    def database_url(self) -> str:
        """Where the state is: the URL configured, or SQLite in the home."""
        return self.settings.database_url.get_secret_value() or f"sqlite:///{self.home().database}"


def workspace(home: Path | None, *, engine: str | None = None, json: bool) -> Workspace:
    """The workspace of the command line's own options over the environment's."""
    with importing():
        from serving.settings import load_settings

    given = {"home": home, "engine": engine}
    return Workspace(load_settings(**{name: value for name, value in given.items() if value}), json)


def of(context: typer.Context) -> Workspace:
    """The workspace that the main command prepared."""
    found = context.obj
    if not isinstance(found, Workspace):
        raise TypeError("a command runs below the main command")
    return found
