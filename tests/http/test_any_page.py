"""Whoever pages through an answer gets every row once and in order, of one snapshot, whatever is told between
the pages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.ledger.journal import Entry
from tests.http.parts import Service
from tests.naive.questions import EXPLAIN, Question, Words, listing, span, table
from tests.naive.told import Told
from tests.naive.worlds import told
from tests.worlds import Message, log_of

Json = dict[str, Any]
NUMBERS = count()
WALKS = 30
"""How many go through answers at the same time."""
MEANWHILE = 5
"""Messages that come between two pages, at most."""


@cache
def heard() -> Sequence[Message]:
    return told(4, customers=5, months=5, late=0.7)


@cache
def words() -> Words:
    at = datetime(2026, 11, 5, tzinfo=UTC)
    rows = [Entry(position, at + timedelta(seconds=position), row) for position, row in log_of(heard())]
    return Words(Told(rows), seed=4)


@contextmanager
def growing(server: EmbeddedServer, template: str, name: str) -> Iterator[tuple[Service, TestClient]]:
    """A service that has heard half of the messages."""
    service = Service(create_database(server, name, template))
    service.hear(heard()[: len(heard()) // 2])
    with TestClient(service.app, raise_server_exceptions=False) as client:
        yield service, client
    service.close()


class Walk:
    """Somebody who reads an answer page by page."""

    def __init__(self, client: TestClient, question: Question, limit: int) -> None:
        self._client, self._question, self._limit = client, question, limit
        self.pages = 0
        self.rows: list[Json] = []
        self.meta: Json = {}
        self.next: str | None = ""
        self.is_refused = False

    def go_on(self) -> None:
        """Read the next page."""
        after = {"after": self.next} if self.next else {}
        answer = self._client.get(self._question.path, params={**self._asked(), **after})
        if not self.rows and answer.status_code in (400, 404):
            self.next, self.is_refused = None, True
            return
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["next"] is None or page["next"] != self.next, "the answer does not go on"
        self.pages += 1
        self.rows += page["data"]
        self.meta = self.meta or page["meta"]
        self.next = page["next"]

    def whole(self) -> list[Json]:
        """The same answer in one piece, asked for by its position."""
        known = "known_to" if "known_from" in self._question.filters else "known_at"
        rest = {name: value for name, value in self._asked().items() if name not in ("known_to", "limit")}
        pinned = {known: str(self.meta["position"])}
        if not self._question.path.startswith(EXPLAIN):  # which else is of all times
            pinned["as_of"] = self.meta["as_of"]
        walk = Walk(self._client, Question(self._question.path, {**rest, **pinned}, {}), 1000)
        while walk.next is not None:
            walk.go_on()
        return walk.rows

    def _asked(self) -> Json:
        return self._question.asked(self._limit)


@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=True))
def test_pages_hold_every_row_once_whatever_comes_between_them(
    server: EmbeddedServer, template: str, random: Random
) -> None:
    with growing(server, template, f"any_page_{next(NUMBERS)}") as (service, client):
        kinds = random.choices([listing, listing, listing, table, span], k=WALKS)
        walks = [Walk(client, kind(words(), random), random.randint(1, 6)) for kind in kinds]
        coming = list(heard()[len(heard()) // 2 :])
        while under_way := [walk for walk in walks if walk.next is not None]:
            random.choice(under_way).go_on()
            several = random.randint(0, MEANWHILE)
            service.hear(coming[:several])
            del coming[:several]
            service.now += 3_600

        for walk in walks:
            assert walk.is_refused or walk.rows == walk.whole()
        assert any(walk.pages > 2 for walk in walks), "nobody went through pages"
