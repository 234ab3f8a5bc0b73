"""The rules that a server answers by, read from the home's files: what a shop's people edit, also while it runs."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from decisions import merchandising
from decisions.actions import Catalogue
from decisions.catalogue import load_catalogue
from decisions.default_catalogue import home_catalogue
from decisions.limits import DEFAULT_LIMITS, Limits, load_limits
from features.errors import InputError
from features.home import Home, config_file
from features.journey import DEFAULT_STAGES, Stages, load_stages
from serving.log import Log
from serving.settings import ServingSettings
from training.bands import DEFAULT_BANDS, Bands, load_bands
from training.segments.rfm import DEFAULT_SEGMENTS, SegmentRules, load_segments

_TOGETHER: Final = ("catalogue", "limits")
"""Limits speak of the catalogue's actions: both are taken, or neither."""


@dataclass(frozen=True)
class ShopRules:
    """What the files say. `paths` are the files by the names of these fields; `refused` says why an edited one is not in use, by name."""

    catalogue: Catalogue
    limits: Limits
    stages: Stages
    bands: Bands
    segments: SegmentRules
    recommendations: merchandising.Rules
    paths: Mapping[str, Path]
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleReader:
    """Reads rules for one home. `attributes` are the shop's own columns about customers, which its catalogue may name."""

    home: Home
    attributes: Collection[str]
    log: Log

    def first(self, paths: Mapping[str, Path]) -> ShopRules:
        """The rules of these files. InputError names what in which cannot be used."""
        read = {name: value for names in _UNITS for name, value in zip(names, self._read(names, paths), strict=True)}
        return ShopRules(**read, paths=paths)

    def again(self, before: ShopRules, names: Collection[str]) -> ShopRules:
        """The same rules with these files read again; of a file that cannot be used now, what it said before stays in use."""
        rules = before
        for unit in _UNITS:
            if not set(names).isdisjoint(unit):
                rules = self._taken(rules, unit)
        return rules

    def _taken(self, rules: ShopRules, names: tuple[str, ...]) -> ShopRules:
        refused = {name: why for name, why in rules.refused.items() if name not in names}
        try:
            for path in (rules.paths[name] for name in names):
                _check_there(path)
            return replace(rules, **dict(zip(names, self._read(names, rules.paths), strict=True)), refused=refused)
        except InputError as error:
            why = f"{error.problem} The rules before the edit stay in use. {error.remedy}"
        except Exception as error:  # an editor may leave anything behind, and a server goes on
            files = " or ".join(str(rules.paths[name]) for name in names)
            why = f"{files} cannot be read: {type(error).__name__}: {error}. The rules before the edit stay in use. Put it right."
        self.log.warning("config_refused", files=list(names), why=why)
        return replace(rules, refused={**refused, **dict.fromkeys(names, why)})

    def _read(self, names: tuple[str, ...], paths: Mapping[str, Path]) -> tuple[Any, ...]:
        if names == _TOGETHER:
            return self._catalogue_and_limits(paths)
        (name,) = names
        if name == "recommendations":
            return (merchandising.load_rules(paths[name], timezone=self.home.timezone),)
        return (_LOADERS[name](paths[name]),)

    def _catalogue_and_limits(self, paths: Mapping[str, Path]) -> tuple[Catalogue, Limits]:
        catalogue = load_catalogue(paths["catalogue"], attributes=self.attributes, currency=self.home.currency)
        limits = load_limits(paths["limits"], catalogue=catalogue)
        for warning in (*catalogue.warnings, *limits.warnings):
            self.log.warning("catalogue", why=warning)
        return catalogue, limits


def rule_files(settings: ServingSettings, home: Home) -> dict[str, Path]:
    """Where the rules are, by name; a file that the home lacks is written with its default."""
    return {
        "catalogue": settings.catalogue or home_catalogue(home),
        "limits": config_file(home, DEFAULT_LIMITS),
        "stages": config_file(home, DEFAULT_STAGES),
        "bands": config_file(home, DEFAULT_BANDS),
        "segments": config_file(home, DEFAULT_SEGMENTS),
        "recommendations": config_file(home, merchandising.DEFAULT_RECOMMENDATIONS),
    }


def _check_there(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} is gone.", remedy="Put it back; a server that starts without it writes the default.")


_LOADERS: Final[Mapping[str, Callable[[Path], Any]]] = {"stages": load_stages, "bands": load_bands, "segments": load_segments}
_UNITS: Final = (_TOGETHER, *((name,) for name in (*_LOADERS, "recommendations")))
