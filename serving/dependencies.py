"""What routes are given: everything that belongs to one running application."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from structlog.typing import FilteringBoundLogger

from decisions.policy import Policy
from features.home import Home
from serving.auth import Gate
from serving.champions import Champions
from serving.clock import Clock
from serving.current import Reader
from serving.deciding import Decider
from serving.settings import ServingSettings
from serving.state.database import State
from serving.telemetry import Metrics
from training.bands import Bands


@dataclass(frozen=True)
class Serving:
    """One application's parts, made once by `serving.app.create_app`."""

    settings: ServingSettings
    home: Home
    state: State
    clock: Clock
    gate: Gate
    reader: Reader
    policy: Policy
    champions: Champions
    bands: Bands
    metrics: Metrics
    log: FilteringBoundLogger

    @property
    def decider(self) -> Decider:
        """What decides here."""
        return Decider(self.reader, self.champions, self.policy)


def _serving(request: Request) -> Serving:
    found: Serving = request.app.state.serving
    return found


Ours = Annotated[Serving, Depends(_serving)]
