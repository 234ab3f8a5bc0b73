"""Personas: groups of like customers that a shop's own data show, under labels that last from one training to the next."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import CUSTOMER_ID
from features.errors import InputError
from training import artifacts
from training.matrix import Features, column
from training.segments.clusters import Found, find, letters, match, nearest
from training.segments.persona import Persona, favourites, set_apart, typical
from training.segments.traits import Scaling, scaling
from training.splits import customer_parts

KIND: Final = "personas"
LEAST_CUSTOMERS: Final = 100
MOST_LEARNED: Final = 20_000  # customers that the groups are found among; the rest are put into them

Floats = NDArray[np.float64]


class PersonaModel:
    """Groups of like customers, by a few readable features (training/segments/traits.yaml)."""

    as_of: datetime
    scale: Scaling
    centres: Floats
    personas: tuple[Persona, ...]

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.used: tuple[str, ...] = ()
        self.metrics: dict[str, float] = {}
        self.data_hash = ""
        self.version: str | None = None

    def fit(
        self, features: pd.DataFrame, *, as_of: datetime, previous: "PersonaModel | None" = None, bought: pd.DataFrame | None = None
    ) -> Self:
        """Finds the groups in `features` (one row per customer as of `as_of`), of those who bought.

        With a `previous` model its groups are carried on where they still do, and a group with its customers keeps its label; another gets a
        label that was never used. `bought` (customer_id, category; one row per purchase) gives the favourite categories. Raises InputError
        for fewer than LEAST_CUSTOMERS customers who bought, or where they do not differ.
        """
        buyers = _buyers(features)
        self.as_of = as_of
        self.scale, found = self._found(buyers, previous)
        self.centres = found.centres
        groups = nearest(self.scale.apply(buyers), self.centres)
        labels = self._labelled(buyers, groups, previous)
        order = sorted(range(len(labels)), key=lambda i: (len(labels[i]), labels[i]))
        labels, self.centres = [labels[i] for i in order], self.centres[order]
        groups = nearest(self.scale.apply(buyers), self.centres)
        self.personas = _described(buyers, groups, labels, self, bought)
        kept = np.nan if previous is None else float((previous.predict(buyers).to_numpy() == np.array(labels)[groups]).mean())
        self.metrics = {"groups": float(len(labels)), "quality": found.quality, **({} if np.isnan(kept) else {"kept_share": kept})}
        return self

    def predict(self, features: pd.DataFrame) -> pd.Series:
        """The label of every row's persona, in its index; missing for those who never bought."""
        return pd.Series(self.labels(features), index=features.index, dtype="str", name="persona")

    def labels(self, features: Features) -> list[str | None]:
        """The same as plain texts; None for those who never bought."""
        groups = nearest(self.scale.apply(features), self.centres).tolist()
        bought = (column(features, "order_day_count") > 0).tolist()
        return [self.personas[group].label if buyer else None for group, buyer in zip(groups, bought, strict=True)]

    def save(self, folder: Path) -> None:
        """Writes the model into an existing, empty folder, as JSON."""
        header = {
            "kind": KIND,
            "as_of": self.as_of.isoformat(),
            "seed": self.seed,
            "scale": self.scale.to_json(),
            "centres": self.centres.tolist(),
            "personas": [one.to_json() for one in self.personas],
            "used": list(self.used),
            "metrics": self.metrics,
            "data_hash": self.data_hash,
        }
        artifacts.write_model(folder, header)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote. Raises InputError where the folder is damaged or holds another kind."""
        read: Mapping[str, Any] = artifacts.read_model(folder, KIND)
        model = cls(seed=int(read["seed"]))
        model.as_of, model.scale = datetime.fromisoformat(read["as_of"]), Scaling.from_json(read["scale"])
        model.centres = np.array(read["centres"], dtype=np.float64)
        model.personas, model.used = tuple(Persona.from_json(one) for one in read["personas"]), tuple(read["used"])
        model.metrics, model.data_hash, model.version = dict(read["metrics"]), str(read["data_hash"]), read.get("version")
        return model

    def _found(self, buyers: pd.DataFrame, previous: "PersonaModel | None") -> tuple[Scaling, Found]:
        """The groups, in the previous model's coordinates where it looks at the same traits: only then its groups can be carried on."""
        own = scaling(buyers)
        alike = previous is not None and previous.scale.names == own.names
        scale = previous.scale if previous is not None and alike else own
        points = scale.apply(_sample(buyers))
        if len(np.unique(points, axis=0)) < LEAST_CUSTOMERS // 2:
            raise InputError(
                "The customers do not differ enough for personas.", remedy="Bring in orders with values, products or channels."
            )
        former = previous.centres if previous is not None and alike else None
        found = find(points, former, np.random.default_rng(self.seed))
        inhabited = np.unique(nearest(points, found.centres))
        return scale, Found(found.centres[inhabited], found.quality)

    def _labelled(self, buyers: pd.DataFrame, groups: NDArray[np.intp], previous: "PersonaModel | None") -> list[str]:
        k = len(self.centres)
        if previous is None:
            fresh, by_size = letters(set()), np.argsort(-np.bincount(groups, minlength=k), kind="stable")
            named = {int(group): next(fresh) for group in by_size}
            labels = [named[i] for i in range(k)]
        else:
            former = [one.label for one in previous.personas]
            points = previous.scale.apply(buyers)
            middles = np.stack([points[groups == i].mean(axis=0) for i in range(k)])
            distances = np.sqrt(((middles[:, None, :] - previous.centres[None, :, :]) ** 2).sum(axis=2))
            labels = match(groups, nearest(points, previous.centres), distances, former=former, used=previous.used)
        self.used = tuple(dict.fromkeys([*(previous.used if previous else ()), *sorted(labels)]))
        return labels


def _buyers(features: pd.DataFrame) -> pd.DataFrame:
    buyers = features[features["order_day_count"] > 0]
    if len(buyers) < LEAST_CUSTOMERS:
        raise InputError(
            f"{len(buyers)} customers have bought; personas need {LEAST_CUSTOMERS} to tell groups from chance.",
            remedy="Bring in more orders; RFM segments work with any number of customers.",
        )
    return buyers


def _sample(buyers: pd.DataFrame) -> pd.DataFrame:
    """At most about MOST_LEARNED customers, the same ones every time."""
    parts = -(-len(buyers) // MOST_LEARNED)
    return buyers if parts <= 1 else buyers[customer_parts(buyers[CUSTOMER_ID], parts) == 0]


def _described(
    buyers: pd.DataFrame, groups: NDArray[np.intp], labels: list[str], model: PersonaModel, bought: pd.DataFrame | None
) -> tuple[Persona, ...]:
    members = [buyers[groups == i] for i in range(len(labels))]
    typicals = [typical(own) for own in members]
    apart = set_apart(model.scale, model.centres, typicals)
    own_categories = [
        () if bought is None else favourites(bought.loc[bought[CUSTOMER_ID].isin(own[CUSTOMER_ID]), "category"].dropna()) for own in members
    ]
    shares = [len(own) / len(buyers) for own in members]
    return tuple(Persona(*parts) for parts in zip(labels, shares, typicals, own_categories, apart, strict=True))
