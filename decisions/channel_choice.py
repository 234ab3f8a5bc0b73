"""How likely each channel is answered by each customer: their own answers, shrunk to the shop's on that channel, and that to all channels'.

Rows of arrays are customers, columns are channels. Everything is element by element, so that a customer's rates are the same to the last bit
whether they are asked for alone or among a hundred thousand.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.own_habits import VISIT_WEEKS, visits_key
from decisions.remarks import Param, Remark

Floats = NDArray[np.float64]
Answers = Mapping[str, tuple[float, float]]

OWN_STRENGTH: Final = 10.0
"""How many contacts the shop's rate counts among a customer's own: Beta(mean x 10, (1 - mean) x 10) holds rates near 8 % that differ
between customers as much as they are large (a standard deviation of 8 %: .08 x .92 / .08^2 - 1 = 10.5), as response rates do."""
CHANNEL_STRENGTH: Final = 50.0
"""The same for a channel among all channels, which differ less: by about half of their rate (.08 x .92 / .04^2 - 1 = 45)."""
FIRST_RATE: Final = 0.02
"""The answer rate of a shop that has not contacted anybody, worth `CHANNEL_STRENGTH` contacts: the default response prior of an action."""
VISITS_WORTH: Final = 2.0
"""So many answered contacts is it worth that a customer used a channel in every week of the last twelve; fewer weeks in proportion."""


def counts(answers: Sequence[Answers], channels: Sequence[str]) -> tuple[Floats, Floats]:
    """(sent, answered), each (N, C), of these customers' answers (`Habits.answers`) on these channels.

    Where customers come by themselves (app, store, chat) their visits are evidence that they can be met there, although nothing was sent:
    they count as answered contacts, `VISITS_WORTH` of them at most, so that a contact's own outcome outweighs them soon. They only raise a
    customer's own rate; the shop's is made of contacts alone (`shop_counts`).
    """
    column = {channel: number for number, channel in enumerate(channels)}
    visits = {visits_key(channel): number for channel, number in column.items()}
    sent, answered = np.zeros((2, len(answers), len(channels)))
    for row, own in enumerate(answers):
        for name, (tried, succeeded) in own.items():
            if (at := column.get(name)) is not None:
                sent[row, at] += tried
                answered[row, at] += succeeded
            elif (at := visits.get(name)) is not None:
                used = VISITS_WORTH * succeeded / tried if tried else 0.0
                sent[row, at] += used
                answered[row, at] += used
    return sent, answered


def shop_counts(answers: Answers, channels: Sequence[str]) -> tuple[Floats, Floats]:
    """(sent, answered), each (C,), of the whole shop (`decisions.own_habits.shop_habits`) on these channels: contacts alone."""
    own = [answers.get(channel, (0.0, 0.0)) for channel in channels]
    return np.array([sent for sent, _ in own], np.float64), np.array([answered for _, answered in own], np.float64)


def shop_rates(sent: Floats, answered: Floats) -> Floats:
    """(C,): the shop's answer rate on each channel, shrunk to the rate over all of these channels; 0 < rate < 1."""
    together = (answered.sum() + FIRST_RATE * CHANNEL_STRENGTH) / (sent.sum() + CHANNEL_STRENGTH)
    rates: Floats = (answered + together * CHANNEL_STRENGTH) / (sent + CHANNEL_STRENGTH)
    return rates


def answer_rates(sent: Floats, answered: Floats, shop_sent: Floats, shop_answered: Floats) -> Floats:
    """(N, C): the posterior mean of each customer's answer rate on each channel; 0 < rate < 1.

    sent and answered are (N, C), 0 <= answered <= sent; shop_sent and shop_answered are (C,), over all the shop's channels.

    rate = (answered + m x shop) / (sent + m), with m = `OWN_STRENGTH` and shop = (shop_answered + k x all) / (shop_sent + k), k =
    `CHANNEL_STRENGTH`: the beta-binomial empirical Bayes estimator (Casella 1985, The American Statistician 39(2), 83-87; Robinson 2017,
    Introduction to Empirical Bayes, ch. 3) at strengths that are given, since a shop's first weeks do not tell them.
    """
    prior = shop_rates(shop_sent, shop_answered)
    rates: Floats = (answered + OWN_STRENGTH * prior) / (sent + OWN_STRENGTH)
    return rates


def channel_remark(channel: str, answers: Answers, shop_rate: float) -> Remark:
    """Why this customer's rate on this channel is what it is. `shop_rate` is one of `shop_rates`."""
    sent, answered = answers.get(channel, (0.0, 0.0))
    _, visited = answers.get(visits_key(channel), (0.0, 0.0))
    told: dict[str, Param] = {"channel": channel, "shop_rate": shop_rate}
    if sent:
        told |= {"sent": sent, "answered": answered}
    if visited:
        told |= {"visited_weeks": visited, "weeks": VISIT_WEEKS}
    code = {(True, True): "channel_answers_and_visits", (True, False): "channel_answers", (False, True): "channel_visits"}
    return Remark(code.get((sent > 0, visited > 0), "channel_untried"), told)
