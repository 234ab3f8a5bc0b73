"""The published score of one customer, answered as it stands: right where nothing was posted since, and many times cheaper than a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from serving.clock import Clock
from serving.state.lookup import Lookup
from serving.state.score_reader import NAMES
from training.reasons import Reason

SAID: Final = "said"
"""Where a stored reason has its sentences, by language."""

GOOD_FOR: Final = timedelta(days=1)
"""How long a published score is answered as it stands: days pass, and with them what a model would say."""


@dataclass(frozen=True)
class StoredScores:
    """The published scores of one application; `model_version` is that of the churn model in use, None where there is none.

    `currency` is the shop's: reasons that were published without sentences tell money in it.
    """

    reader: Lookup[str]
    clock: Clock
    model_version: str | None
    currency: str

    async def answer(self, customer_id: str, locale: str) -> bytes | None:
        """The churn answer (`serving.api.churn.Churn`) as JSON.

        None where the model has to be asked: something of this customer's was posted since, the score is over a day old or of a later time
        than the clock's, it comes from another model than the one in use, or was published without reasons. None, too, for somebody unknown.
        """
        row = await self.reader.row(customer_id)
        if row is None:
            return None
        answer = dict(zip(NAMES, row, strict=True))
        as_of = answer["as_of"]
        answer["as_of"] = as_of = as_of if isinstance(as_of, datetime) else datetime.fromisoformat(as_of)
        if not self.holds(answer, as_of):
            return None
        answer["insufficient_data"] = bool(answer["insufficient_data"])
        answer["reasons"] = [in_words(reason, locale, self.currency) for reason in orjson.loads(answer["reasons"])]
        return orjson.dumps(answer)

    def holds(self, answer: Mapping[str, Any], as_of: datetime) -> bool:
        """Whether a score of somebody of whom nothing was posted is answered as it stands."""
        now = self.clock.now()
        ours = self.model_version is None or answer["model_version"] == self.model_version
        return now - GOOD_FOR <= as_of <= now and ours and answer["reasons"] is not None and answer["stage"] is not None


def in_words(reason: str | Mapping[str, Any], locale: str, currency: str) -> str:
    """A stored reason as a sentence, as it was published; one of an older version is a sentence already, in English."""
    if isinstance(reason, str):
        return reason
    said: str | None = reason.get(SAID, {}).get(locale)
    return said or Reason.from_json(reason).sentence(locale, currency=currency)
