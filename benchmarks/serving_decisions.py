"""What a recorded decision costs, part by part, in one process: of somebody unchanged, and of somebody of whom everything is read anew."""

import time
import uuid
from asyncio import Runner
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from fastapi import FastAPI

from decisions.decide import prepare
from decisions.records import Written
from decisions.situation import Ask
from serving.api.answers import answer_json
from serving.decision_rows import Subject, contact_rows, row_of
from serving.dependencies import Serving
from serving.ready import About, Ready
from serving.recording import Entry, record
from serving.state.somebody import Whom
from serving.state.versions import Moment

ROUNDS: Final = 5
T = TypeVar("T")


def decision_parts(running: Runner, app: FastAPI, customer_ids: Sequence[str]) -> dict[str, float]:
    """CPU microseconds of each part for one of these customers, in its cheapest round, in the order in which a request comes by them."""
    return running.run(_parts(app.state.serving, customer_ids))


async def _parts(ours: Serving, customer_ids: Sequence[str]) -> dict[str, float]:
    now, desk, found = ours.clock.now(), ours.desk, dict[str, float]()
    whom = [Whom(who, None, now) for who in customer_ids]
    found["version of their state"] = await _cheapest(lambda who: ours.versions.row(Moment(who, now)), customer_ids)
    found["state, everything that is stored"] = await _cheapest(ours.reading.rows, whom)
    read = [await ours.reading.rows(each) for each in whom]
    currents = [desk.reader.current(rows, shop) for rows, shop in read]
    found["features, stage and segment"] = _cheapest_now(lambda each: desk.reader.current(*each), read)
    situations = [desk.situations.of(each, {}) for each in currents]
    found["churn, products ranked"] = _cheapest_now(lambda each: desk.situations.of(each, {}), currents)
    ask, policy = Ask(), ours.policy
    prepared = [prepare(each, ask, policy) for each in situations]
    found["gates and weighing"] = _cheapest_now(lambda each: prepare(each, ask, policy), situations)
    found["common to their records"] = _cheapest_now(lambda each: Written.of(each.frame), prepared)
    ones = [Ready(About.of(each, 0), situation) for each, situation in zip(currents, situations, strict=True)]
    for one in ones:
        one.decide(ask, policy)
    found["draw, and the record as JSON"] = _cheapest_now(lambda each: each.decide(Ask(str(uuid.uuid4())), policy), ones)
    found["row and its digest"] = _cheapest_now(lambda each: _entry(each, ours), ones) - found["draw, and the record as JSON"]
    found["record, a hundred together"] = _recorded(ones, ours)
    made = [one.decide(ask, policy) for one in ones]
    found["answer"] = _cheapest_now(lambda each: answer_json(each.decision, known=True, kept=each.answers), made)
    return found


def _entry(one: Ready, ours: Serving) -> Entry:
    made = one.decide(Ask(str(uuid.uuid4())), ours.policy)
    row = row_of(made, one.about, Subject(customer_id=one.about.customer_id), {})
    return Entry(row, contact_rows(made.decision), (), one.about.subject_ids, 0)


def _recorded(ones: Sequence[Ready], ours: Serving) -> float:
    """The store's share: none of these contacts anybody, so that all are recorded."""
    found = []
    for _ in range(ROUNDS):
        entries = [entry for one in ones if not (entry := _entry(one, ours)).contacts][:100]
        if not entries:
            return 0.0
        began = time.process_time()
        record(ours.state, entries, lambda _: None)
        found.append((time.process_time() - began) / len(entries) * 1e6)
    return min(found)


async def _cheapest(work: Callable[[T], Awaitable[Any]], each: Sequence[T]) -> float:
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for one in each:
            await work(one)
        found.append((time.process_time() - began) / len(each) * 1e6)
    return min(found)


def _cheapest_now(work: Callable[[T], object], each: Sequence[T]) -> float:
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for one in each:
            work(one)
        found.append((time.process_time() - began) / len(each) * 1e6)
    return min(found)
