"""A log in memory, which admits messages as the real one does."""

from ledgerstone.ledger.admission import Receipt, told
from ledgerstone.ledger.facts import AnyFact
from ledgerstone.ledger.log import Key, Known, decide_all
from ledgerstone.ledger.recorded import Recorded, decode

Message = tuple[Recorded, ...]


class Books:
    """A log in memory: what is appended in one call is one commit."""

    def __init__(self) -> None:
        self.rows: list[Recorded] = []
        self.known: dict[Key, Known] = {}

    def append(self, *messages: Message) -> list[Receipt]:
        rows, receipts = decide_all([told(message) for message in messages], self.known, len(self.rows) + 1)
        for row in rows:
            assert row.key not in self.known
            self.rows.append(decode(row.state))
            self.known[row.key] = Known(len(self.rows), row.state)
        return receipts

    @property
    def names(self) -> list[str]:
        return [row.name for row in self.rows]

    def bodies(self, kind: type[AnyFact]) -> list[AnyFact]:
        return [row.body for row in self.rows if isinstance(row.body, kind)]
