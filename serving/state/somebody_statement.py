"""The statement that tells everything about somebody: parts under each other, each a SELECT of the same columns, in the driver's own words.

Values come as the database holds them, and not within JSON: SQLite would write numbers with 15 digits. PostgreSQL is asked for several at once; there
every part is looked up for each of them (LATERAL), by index however much is stored about others.
"""
# ruff: noqa: S608  # put together of this file's own words alone: what is asked for is bound

from collections.abc import Mapping
from functools import cache
from typing import Final

from serving.state.decisions import MOST_CONTACTS
from serving.state.events import MOST_ROWS
from serving.state.tables import PUBLISHED_SCORES

HEAD, LINES, EVENTS, THEIR_EVENTS, VISITORS, CONTACTS = range(6)
"""What a row tells, its first column: who they are and what was published, order lines, their own events, those of their visitors, these, contacts."""
SCORE_NAMES: Final = tuple(PUBLISHED_SCORES.c.keys())

_SHARED: Final = ("t1", "t2", "t3", "t4", "t5", "t6", "a1", "a2", "r1", "r2", "r3", "n1", "n2")
"""Texts, instants, real and whole numbers, in this order after the first column; what follows them the head alone has."""
_OWN: Final = ("profile", "consent", "contacts", "history")
_WHOM: Final = "s.asked_customer_id, s.asked_visitor_id, s.seen_before"


@cache
def statement(dialect: str) -> str:
    """The statement of this database: SQLite is asked for one (customer_id, visitor_id, before, until), PostgreSQL for several (arrays of them)."""
    return _Words(dialect == "sqlite").statement()


class _Words:
    def __init__(self, one: bool) -> None:
        self.one = one
        self.who = "(SELECT customer_id FROM somebody)" if one else "s.customer_id"
        self.before = ":before" if one else "s.seen_before"
        self.until = ":until" if one else "s.seen_until"
        self.generation = "(SELECT generation FROM newest)"
        mine = "SELECT visitor_id FROM visitors" if one else "SELECT v.visitor_id FROM visitors v WHERE v.place = s.place"
        self.theirs = f"IN ({mine})" if one else f"= ANY (ARRAY({mine}))"
        self.subjects = self._among(f"SELECT coalesce({self.who}, {':visitor_id' if one else 's.asked_visitor_id'}) UNION ALL {mine}")

    def _among(self, found: str) -> str:
        return f"IN ({found})" if self.one else f"= ANY (ARRAY({found}))"

    def statement(self) -> str:
        parts = (self.head(), self.lines(), self.events(), self.their_events(), self.visitors(), self.contacts())
        return f"WITH {self.asked()} {' UNION ALL '.join(parts)}"

    def asked(self) -> str:
        """Who is asked for, whom visitors turned out to be, and which visitors turned out to be them: the first who was named counts."""
        asked = (
            "SELECT 1, :customer_id, :visitor_id, :before, :until"
            if self.one
            else "SELECT place, c, v, b, u FROM unnest(%(customer_ids)s::text[], %(visitor_ids)s::text[], %(befores)s::timestamp[],"
            " %(untils)s::timestamp[]) WITH ORDINALITY AS each(c, v, b, u, place)"
        )
        first = "SELECT said.customer_id FROM ({}) AS said ORDER BY said.at, said.customer_id LIMIT 1"
        named = first.format(self._said("a.asked_visitor_id", "a.seen_before"))
        again = first.format(self._said("named.visitor_id", "named.seen_before"))
        return f"""
newest(generation) AS (SELECT max(generation) FROM publications WHERE complete),
asked(place, asked_customer_id, asked_visitor_id, seen_before, seen_until) AS ({asked}),
somebody(place, asked_customer_id, asked_visitor_id, seen_before, seen_until, customer_id) AS (
  SELECT a.*, CASE WHEN a.asked_customer_id IS NOT NULL THEN a.asked_customer_id ELSE ({named}) END FROM asked AS a),
named(place, customer_id, seen_before, visitor_id, at) AS (
  SELECT s.place, s.customer_id, s.seen_before, e.visitor_id, e.occurred_at FROM somebody AS s CROSS JOIN events AS e
  WHERE e.customer_id = s.customer_id AND e.event_type = 'identify' AND e.visitor_id IS NOT NULL AND e.occurred_at < s.seen_before
  UNION ALL
  SELECT s.place, s.customer_id, s.seen_before, p.visitor_id, p.identified_at FROM somebody AS s CROSS JOIN published_visitors AS p
  WHERE p.generation = {self.generation} AND p.customer_id = s.customer_id AND p.identified_at < s.seen_before),
visitors(place, visitor_id, at) AS (
  SELECT named.place, named.visitor_id, min(named.at) FROM named
  GROUP BY named.place, named.customer_id, named.seen_before, named.visitor_id HAVING ({again}) = named.customer_id)"""

    def _said(self, visitor_id: str, before: str) -> str:
        """customer_id and at (when) of everybody who was named for a visitor."""
        return f"""
  SELECT i.customer_id, i.occurred_at AS at FROM events AS i
  WHERE i.visitor_id = {visitor_id} AND i.event_type = 'identify' AND i.customer_id IS NOT NULL AND i.occurred_at < {before}
  UNION ALL
  SELECT q.customer_id, q.identified_at FROM published_visitors AS q
  WHERE q.generation = {self.generation} AND q.visitor_id = {visitor_id} AND q.identified_at < {before}"""

    def head(self) -> str:
        text = "" if self.one else "::text"
        count = f"(SELECT count(*) FROM contacts AS k WHERE k.subject_id {self.subjects})"
        given = {
            "t1": "s.customer_id",
            "t2": "own.customer_id",
            "t3": "own.stage",
            "a1": "put.updated_at",
            "n1": self.generation,
            "n2": count,
        }
        typed = {"t": "text", "a": "timestamp", "r": "float8", "n": "int8"}
        shared = [given.get(name, "NULL") if self.one else f"({given.get(name, 'NULL')})::{typed[name[0]]}" for name in _SHARED]
        more = [f"own.{name}{'' if name == 'history' else text}" for name in _OWN] + [
            f"put.{name}{text}" for name in ("profile", "consent")
        ]
        scores = [f"score.{name}{text if name == 'reasons' else ''}" for name in SCORE_NAMES]
        return f"""
SELECT {HEAD}, {", ".join([*shared, *more, *scores])}{"" if self.one else f", {_WHOM}"} FROM somebody AS s
LEFT JOIN published_customers AS own ON own.generation = {self.generation} AND own.customer_id = s.customer_id
LEFT JOIN published_scores AS score ON score.generation = {self.generation} AND score.customer_id = own.customer_id
LEFT JOIN customers AS put ON put.customer_id = s.customer_id"""

    def _part(self, number: int, given: Mapping[str, str], found: str) -> str:
        """The rows of a part, each of its columns under the name of the shared one that it comes in."""
        shared = [f"x.{given[name]}" if name in given else "NULL" for name in _SHARED]
        columns = ", ".join([*shared, *["NULL"] * (len(_OWN) + 2 + len(SCORE_NAMES))])
        if self.one:
            return f"\nSELECT {number}, {columns} FROM ({found}) AS x"
        return f"\nSELECT {number}, {columns}, {_WHOM} FROM somebody AS s CROSS JOIN LATERAL ({found}) AS x"

    def lines(self) -> str:
        given = {"t1": "order_id", "t2": "product_id", "t3": "channel", "t4": "store_id", "t5": "line_kind", "a1": "ordered_at"}
        given |= {"a2": "received_at", "r1": "quantity", "r2": "unit_price", "r3": "discount_amount", "n1": "line"}
        mine = f"SELECT * FROM order_lines AS l WHERE l.customer_id = {self.who} AND l.ordered_at < {self.before}"
        return self._part(LINES, given, f"{mine} ORDER BY l.ordered_at DESC, l.order_id, l.line LIMIT {MOST_ROWS}")

    def _events(self, number: int, whose: str) -> str:
        given = {"t1": "event_id", "t2": "visitor_id", "t3": "event_type", "t4": "product_id"}
        given |= {"a1": "occurred_at", "a2": "received_at", "r1": "value"}
        mine = f"SELECT * FROM events AS e WHERE {whose} AND e.occurred_at < {self.before}"
        return self._part(number, given, f"{mine} ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT {MOST_ROWS}")

    def events(self) -> str:
        """The customer's own; of a visitor who is nobody yet, all that are known."""
        visitor = ":visitor_id" if self.one else "s.asked_visitor_id"
        return (
            self._events(EVENTS, f"e.customer_id = {self.who}")
            + " UNION ALL"
            + self._events(EVENTS, f"e.visitor_id = CASE WHEN {self.who} IS NULL THEN {visitor} END")
        )

    def their_events(self) -> str:
        # || hides the id from its index: by that, everybody's anonymous events would be read
        return self._events(THEIR_EVENTS, f"e.customer_id || '' IS NULL AND e.visitor_id {self.theirs}")

    def visitors(self) -> str:
        mine = "SELECT * FROM visitors AS v" + ("" if self.one else " WHERE v.place = s.place")
        return self._part(VISITORS, {"t1": "visitor_id", "a1": "at"}, mine)

    def contacts(self) -> str:
        given = {"t1": "decision_id", "t2": "subject_id", "t3": "action_id", "t4": "channel", "t5": "outcome_type"}
        given |= {"a1": "decided_at", "a2": "occurred_at", "n1": "rank"}
        newest = f"""SELECT * FROM contacts AS k WHERE k.subject_id {self.subjects} AND k.decided_at <= {self.until}
  ORDER BY k.decided_at DESC, k.decision_id, k.rank LIMIT {MOST_CONTACTS}"""
        joined = f"""SELECT c.*, o.outcome_type, o.occurred_at FROM ({newest}) AS c
  LEFT JOIN outcomes AS o ON o.decision_id = c.decision_id AND o.occurred_at < {self.before}
  ORDER BY c.decided_at, c.decision_id, c.rank, o.occurred_at, o.event_id"""
        return self._part(CONTACTS, given, joined)
