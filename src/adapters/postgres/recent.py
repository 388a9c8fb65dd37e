"""What did this process write lately? Who remembers need not ask the log.

Rows never change, so what is remembered stays true for as long as the log does not lose rows. That can only
happen when a server takes another's place, and then the connection is lost first: `forget`."""

from collections.abc import Iterable, Mapping, Sequence

from ledgerstone.ledger.log import Key, Known, Row

ROWS = 10_000
"""At least so many of the latest are remembered. Who tells a fact twice mostly does so within minutes: of 100
such, 99 come within 7,000 rows."""
STATE = 1_024
"""Bytes of the largest state that is remembered: facts, and no evidence, which seldom comes twice."""
CALM = 8
"""A batch is inserted unasked after so many times its rows without a surprise. So what is tried in vain costs
at most an eighth."""


class Recent:
    """The latest rows, by key, and the head that they left."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing, and so trust nothing."""
        self.head = self._calm = 0
        self._young: dict[Key, Known] = {}
        self._old: dict[Key, Known] = {}

    def of(self, keys: Iterable[Key]) -> dict[Key, Known]:
        """What is remembered of some keys."""
        young, old = self._young, self._old
        return {key: held for key in keys if (held := young.get(key) or old.get(key))}

    def suffices(self, rows: int) -> bool:
        """Whether so many rows may be inserted without a look into the log."""
        return self._calm >= CALM * rows

    def keep(self, head: int, rows: Sequence[Row], found: Mapping[Key, Known]) -> None:
        """Rows were written after position `head`, and these were found in the log before."""
        surprised = len(self.of(found)) < len(found)
        self._calm = 0 if surprised else self._calm + len(rows)
        self.head = head + len(rows)
        self._young.update((key, known) for key, known in found.items() if len(known.state) <= STATE)
        new = enumerate(rows, head + 1)
        self._young.update((row.key, Known(at, row.state)) for at, row in new if len(row.state) <= STATE)
        if len(self._young) > ROWS:
            self._young, self._old = {}, self._young
