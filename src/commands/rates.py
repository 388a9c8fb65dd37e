"""How do rates of exchange come into the log? A day's table is a fact of its name: what is known is passed
over, and what is told otherwise is kept beside it, for a person to see."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from ledgerstone.adapters.fx.ecb import LARGEST, read_xml
from ledgerstone.adapters.fx.seed import read_seed
from ledgerstone.adapters.fx.tables import Unreadable
from ledgerstone.bootstrap import Settings, journal_of, migrated
from ledgerstone.commands.progress import progress
from ledgerstone.ledger.fx import FxRatePublished, name_of, published_at
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Book, Recorded

__all__ = ["Report", "Unreadable", "import_rates", "record"]


class Report(Struct):
    """What became of the tables of a file. Those that contradict what was told before are named by their
    days; the first telling stays in force."""

    days: tuple[str, str]
    new: int = 0
    duplicate: int = 0
    contradicting: list[str] = []

    def __str__(self) -> str:
        since, until = self.days
        counts = f"{self.new:,} new, {self.duplicate:,} duplicate, {len(self.contradicting):,} in conflict"
        lines = [
            f"  {day} was told with other rates before, which stay in force" for day in self.contradicting
        ]
        return "\n".join([f"{counts}, from {since} to {until}", *lines])


def import_rates(settings: Settings, file: Path | None) -> Report:
    """Record the tables of one of the bank's XML files, or, without one, those that came with a package.
    Nothing is recorded of a file that cannot be read whole: raises Unreadable."""
    tables = read_seed() if file is None else read_xml(_bytes(file), file.name)
    with migrated(settings) as database, journal_of(database) as journal:
        return record(journal, tables, settings.stripe_livemode)


def record(journal: Journal, tables: Sequence[FxRatePublished], livemode: bool) -> Report:
    """Append tables, each a message of its own. They are nobody's, and kept in the platform's book."""
    report = Report((str(tables[0].day), str(tables[-1].day)))
    receipts = journal.append_stream([_recorded(table, livemode)] for table in tables)
    with progress("importing rates", "days") as told:
        for number, (table, receipt) in enumerate(zip(tables, receipts, strict=True), 1):
            report.new += not receipt.duplicate
            report.duplicate += receipt.duplicate
            if receipt.conflicts:
                report.contradicting.append(str(table.day))
            told(number, len(tables))
    return report


def _recorded(table: FxRatePublished, livemode: bool) -> Recorded:
    return Recorded(name_of(table.day), Book("", livemode), published_at(table.day), table)


def _bytes(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LARGEST + 1)
