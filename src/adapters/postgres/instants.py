"""How are times sent when many rows are copied? psycopg's own dumper does arithmetic in Python for each; ours
remembers, since the same second is written again and again.

The format is that of PostgreSQL's timestamptz_recv: microseconds since the year 2000, UTC."""

from datetime import UTC, datetime, timedelta
from struct import pack
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ledgerstone.adapters.postgres.arrays import Remembered

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def instant(at: datetime) -> bytes:
    """A time as the server takes it."""
    return pack("!q", (at - BEGINNING) // MICROSECOND)


class InstantDumper(Dumper):
    """Times that know their zone, as `timestamptz`."""

    format = Format.BINARY
    oid = 1184
    dump: Any = staticmethod(Remembered(instant, 1 << 16).__getitem__)


def register(connection: psycopg.Connection[Any]) -> None:
    """Use it for columns of this type when copying in binary."""
    connection.adapters.register_dumper(None, InstantDumper)
