"""A log may hold messages from before they had a brief, beside those that have one."""

from itertools import cycle

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.scan import scan
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger import admission
from ledgerstone.ledger.heads import brief
from ledgerstone.ledger.invariants import findings
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import remembering
from ledgerstone.projections.rebuild import rebuild
from ledgerstone.projections.sync import Sync
from ledgerstone.projections.writes import added, lines
from tests.projections.tables import sums
from tests.worlds import log_of, messages

SYNC = Sync()


def test_messages_with_a_brief_and_without_are_counted_alike(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    has = cycle([True, False, False])

    def now_and_then(row: Recorded) -> bytes:
        return brief(row) if next(has) else b""

    monkeypatch.setattr(admission, "brief", now_and_then)
    journal, store = Journal(environment(database.app_dsn)), PostgresViews(database.app_dsn)
    told = messages(2)
    journal.append_many(told)
    expected = lines(added({}, remembering([SYNC], log_of(told)).changes(SYNC)))

    Engine([SYNC], journal, store).catch_up(100)
    live = sums(database.app_dsn, SYNC)
    beside = PostgresViews(database.app_dsn, "_new_1")
    rebuild([[SYNC]], journal, beside)

    assert 0 < _briefs(database) < len(told)
    assert live == sums(database.app_dsn, SYNC) == expected
    assert list(findings(scan(database.app_dsn), lambda row, position: None)) == []
    for each in (beside, store, journal):
        each.close()


def _briefs(database: Database) -> int:
    with psycopg.connect(database.app_dsn) as connection:
        (found,) = connection.execute("select count(brief) from stored_events").fetchone() or (0,)
        return int(found)
