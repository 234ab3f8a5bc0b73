"""What routes are given: everything that belongs to one running application."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, Final

from fastapi import Depends, Request

from decisions.policy import Policy
from features.home import Home
from serving.auth import Gate
from serving.champions import Champions
from serving.clock import Clock
from serving.current import Reader
from serving.deciding import Decider
from serving.desk import Desk
from serving.log import Log
from serving.looks import Looks
from serving.offering import Offering
from serving.older_policies import OlderPolicies
from serving.reading import Reading
from serving.remembered import Remembered
from serving.settings import ServingSettings
from serving.shop_rules import ShopRules
from serving.situations import Situations
from serving.state.database import State
from serving.state.lookup import Lookup
from serving.state.policies import KeptPolicies
from serving.state.versions import Moment
from serving.stored_score import StoredScores
from serving.streaming import Streams
from serving.telemetry import Metrics
from training.bands import Bands
from training.segments.rfm import SegmentRules


@dataclass(frozen=True)
class Serving:
    """One application's parts, made by `serving.app.create_app`, and anew by `serving.in_use.renewed` when models or rules change.

    A request takes it once and is answered by one set of models and rules, from start to end. `edition` counts these sets; `looks` is how their
    files looked when they were read.
    """

    settings: ServingSettings
    home: Home
    state: State
    clock: Clock
    gate: Gate
    reader: Reader
    stored: StoredScores
    policy: Policy
    champions: Champions
    offering: Offering
    versions: Lookup[Moment]
    reading: Reading
    taken: Lookup[datetime]
    rules: ShopRules
    looks: Looks
    metrics: Metrics
    log: Log
    streams: Streams = field(default_factory=Streams)
    remembered: Remembered = field(default_factory=Remembered)
    kept: KeptPolicies = field(default_factory=KeptPolicies)
    edition: int = 0

    @property
    def bands(self) -> Bands:
        """The shop's bands of risk."""
        return self.rules.bands

    @property
    def segments(self) -> SegmentRules:
        """The shop's segments."""
        return self.rules.segments

    @cached_property
    def older(self) -> OlderPolicies:
        """The policies of earlier decisions."""
        return OlderPolicies(self.policy)

    @cached_property
    def desk(self) -> Desk:
        """What decides here."""
        return Desk(self.reader, Situations(self.champions, self.policy, self.offering), self.older, self.kept)

    @cached_property
    def decider(self) -> Decider:
        """What decides and records here."""
        return Decider(self.state, self.desk, self.reading, self.versions, self.taken)


_OF_REQUEST: Final = "nextbest.serving"


def serving_of(request: Request) -> Serving:
    """What this request is answered with: the same from its first question to its end, whatever is swapped meanwhile."""
    found: Serving | None = request.scope.get(_OF_REQUEST)
    if found is None:
        found = request.scope[_OF_REQUEST] = request.app.state.serving
    return found


async def _serving(request: Request) -> Serving:  # as of one that is no coroutine, a thread would be asked
    return serving_of(request)


Ours = Annotated[Serving, Depends(_serving)]
