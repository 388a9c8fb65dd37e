"""What did verification find, and when was it last done? A line for each time, of which the latest stay."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

KEPT = 100
SINCE = (
    "select exists (select from views.verifications"
    " where started_at > clock_timestamp() - make_interval(secs => %s))"
)
ADD = (
    "insert into views.verifications (started_at, position, fine, remarks, wrong)"
    " values (%s, %s, %s, %s, %s) returning id"
)
FORGET = "delete from views.verifications where id <= %s"


def done_within(dsn: str, seconds: float) -> bool:
    """Whether somebody began to verify within so many seconds, and has ended."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        return connection.execute(SINCE, [seconds]).fetchone() == (True,)


def keep(
    dsn: str,
    started_at: datetime,
    position: int,
    fine: Sequence[str],
    remarks: Sequence[str],
    wrong: Sequence[str],
) -> None:
    """A line more; those before the last hundred go."""
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        added = [started_at, position, list(fine), list(remarks), list(wrong)]
        row = connection.execute(ADD, added).fetchone()
        connection.execute(FORGET, [row[0] - KEPT if row else 0])
