"""How is the whole log read, as it lies there? In one snapshot, as a stream, for those who check it."""

from collections.abc import Iterator

import psycopg

from ledgerstone.ledger.invariants import Stored

WINDOW = 5_000
COLUMNS = "notification_id, originator_id, originator_version, topic, recorded_at, state, brief"


def scan(dsn: str) -> Iterator[Stored]:
    """Every row in the order of positions; rows that come in the meantime are not among them."""
    with (
        psycopg.connect(dsn, options="-c TimeZone=UTC") as connection,
        connection.cursor("scan", binary=True) as rows,
    ):
        rows.itersize = WINDOW
        rows.execute(f"select {COLUMNS} from stored_events order by notification_id")
        for row in rows:
            yield Stored(*row)
