"""What did the nightly verification of the books find?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from ledgerstone.projections.reads.asked import Query


class Verification(Struct, frozen=True):
    """What was found when the first `position` rows of the log, and the books that they make, were held
    against all invariants: what is `wrong`, what is worth a look (`remarks`: mostly what waits for something
    that was not told yet), and what was found `fine`, each a sentence."""

    started_at: datetime
    ended_at: datetime
    position: int
    wrong: tuple[str, ...]
    remarks: tuple[str, ...]
    fine: tuple[str, ...]


def latest(most: int = 30) -> Query:
    """The latest, the newest first."""
    return Query(
        "select started_at, ended_at, position, wrong, remarks, fine from views.verifications"
        " order by id desc limit %(most)s",
        {"most": most},
    )


def shape(rows: Sequence[Sequence[Any]]) -> list[Verification]:
    """The rows of `latest`."""
    return [
        Verification(started, ended, position, *map(tuple, sentences))
        for started, ended, position, *sentences in rows
    ]
