"""A log and a few views in one database, emptied between two plays; and what must be true of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from random import Random
from typing import Any
from uuid import UUID

import psycopg

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.postgres.view_blocks import blocks, heads
from ledgerstone.adapters.postgres.view_tables import relations, statement
from ledgerstone.ledger.admission import Receipt
from ledgerstone.ledger.customers import CustomerSeen
from ledgerstone.ledger.recorded import Recorded, decode
from ledgerstone.projections.customers import Customers
from ledgerstone.projections.folder import remembering
from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.terms import Terms
from ledgerstone.projections.view import AnyView, chains, encode_state, table
from tests.projections.tables import in_memory, plain
from tests.worlds import Message, messages

SOME: tuple[AnyView, ...] = (Terms(), Mrr(), Customers())
"""Two chains, one of them with a reference and with sums."""
GROUPS = chains(SOME)
LOG = "select notification_id, topic, state from stored_events order by 1"


@cache
def pool() -> tuple[Message, ...]:
    """Messages of a small business, most of which change a row of these views."""
    told = messages(3, 3, 2)
    first = next(n for n, rows in enumerate(told) if any(isinstance(row.body, CustomerSeen) for row in rows))
    kinds = {kind for view in SOME for kind in view.hears}
    prices = [rows for rows in told[:first] if len(rows) > 1][-6:]
    return (*prices, *(rows for rows in told[first:] if any(type(row.body) in kinds for row in rows)))


class World:
    """The database of a run of plays, held by its administrator."""

    def __init__(self, database: Database, administrator: psycopg.Connection[Any]) -> None:
        self.dsn, self.administrator = database.app_dsn, administrator
        # Only here, so that one database serves for thousands of logs: nobody can do that to the real one.
        administrator.execute("alter table stored_events disable trigger all")

    def empty(self, dice: Random) -> None:
        """Begin again: now and then without the tables of views, which have to be made then."""
        self.administrator.execute("delete from stored_events")
        if not self.laid() or dice.random() < 0.05:
            self.administrator.execute("drop schema views cascade; create schema views")
            self.administrator.execute("grant usage, create on schema views to public")
            return
        for view in SOME:
            for name in relations(table(view)):
                self.administrator.execute(statement("delete from {}", name))
        self.administrator.execute("update views.tracking set position = 0, stopped_at = null, reason = null")

    def laid(self) -> bool:
        """Whether all tables of the views are there."""
        query = "select count(*) from pg_tables where schemaname = 'views'"
        (found,) = self.administrator.execute(query).fetchone() or (0,)
        return bool(found == 1 + sum(len(relations(table(view))) for view in SOME))

    def rows(self) -> list[tuple[int, Recorded | None]]:
        """The log: positions and rows, None for a decision that is no fact."""
        found = self.administrator.execute(LOG).fetchall()
        return [(at, None if topic == "decision" else decode(state)) for at, topic, state in found]

    def decisions(self) -> list[tuple[UUID, int]]:
        """The streams in which somebody decided, and where."""
        query = "select originator_id, notification_id from stored_events where topic = 'decision'"
        return self.administrator.execute(query).fetchall()

    def positions(self) -> dict[str, int]:
        """How far each view is. A view that was stopped is a failure: no row here is at fault."""
        found = self.administrator.execute("select name, position, reason from views.tracking").fetchall()
        assert [reason for _, _, reason in found if reason] == []
        return {name: position for name, position, _ in found}

    def check_log(self, told: Sequence[tuple[Message, Receipt]]) -> None:
        """Positions have no gap, and what was acknowledged is there, once, where it was said to be."""
        rows = self.rows()
        assert [at for at, _ in rows] == list(range(1, len(rows) + 1))
        names = [row.name for _, row in rows if row is not None]
        assert len(set(names)) == len(names)
        where = {row.name: at for at, row in rows if row is not None}
        claimed: list[int] = []
        for message, receipt in told:
            assert all(row.name in where for row in message)
            assert where[message[0].name] == receipt.position
            assert receipt.duplicate == (receipt.appended == 0)
            claimed += range(receipt.position, receipt.position + receipt.appended)
        assert len(set(claimed)) == len(claimed), "two were told that they wrote one row"
        assert set(where) == {row.name for message, _ in told for row in message}

    def check_views(self) -> dict[str, int]:
        """Every table is what a replay of the log up to its position gives."""
        rows, positions = [(at, row) for at, row in self.rows() if row is not None], self.positions()
        for group in GROUPS:
            (position,) = {positions[table(view).name] for view in group}
            self._check(group, [(at, row) for at, row in rows if at <= position], position)
        return positions

    def _check(self, group: Sequence[AnyView], rows: Sequence[tuple[int, Recorded]], position: int) -> None:
        folder = remembering(group, rows)
        for view in group:
            shape, changes = table(view), folder.changes(view)
            columns = ", ".join(f'"{name}"' for name, _ in shape.columns)
            kept = self._read(f"select book, key, known_from, known_to, {columns} from {{}}", shape.name)
            assert sorted(map(plain, kept), key=repr) == in_memory([*changes.passed, *folder.opened(view)])
            heard = self._read("select book, key, positions from {}", f"{shape.name}_heard")
            by_key: dict[tuple[str, str], list[int]] = {}
            for book, key, positions in heard:
                by_key.setdefault((book, key), []).extend(positions)
            assert {key: sorted(positions) for key, positions in by_key.items()} == changes.heard
            states = self._read("select book, key, state from {}", f"{shape.name}_state")
            held = {key: entry for key, entry in folder.entries(view).items() if entry.state is not None}
            assert {(book, key): state for book, key, state in states} == {
                key: encode_state((entry.state, entry.shown)) for key, entry in held.items()
            }
            edges = self._read("select book, ref_view, ref_id, key from {}", f"{shape.name}_edge")
            assert sorted(edges) == sorted((key[0], *ref, key[1]) for ref, key in folder.pointing(view))
            for check in (*blocks(shape, "", position), *heads(shape, "")):
                kept, summed = (
                    self.administrator.execute(query.encode(), check.given).fetchall()
                    for query in (check.kept, check.summed)
                )
                assert sorted(kept, key=repr) == sorted(summed, key=repr), check.name

    def _read(self, query: str, name: str) -> list[tuple[Any, ...]]:
        return self.administrator.execute(statement(query, name)).fetchall()


@contextmanager
def world_of(server: EmbeddedServer, database: Database) -> Iterator[World]:
    """A database to play in."""
    name = psycopg.conninfo.conninfo_to_dict(database.app_dsn)["dbname"]
    with psycopg.connect(server.dsn(str(name)), autocommit=True) as administrator:
        administrator.execute("set timezone = 'UTC'")
        yield World(database, administrator)
