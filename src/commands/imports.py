"""How does a file of Stripe's events come into the log? Line by line, by the webhook's rules save the
signature, so that a file can be imported again, beside the service, and in any state of the log."""

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, cast

from msgspec import Struct

from ledgerstone.adapters.stripe.faults import Unreadable
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.bootstrap import Settings, journal_of, migrated
from ledgerstone.commands.progress import progress
from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Recorded

LONGEST = 1_048_576
"""Bytes of one message, as for a webhook."""
NAMED = 20
"""Refused lines that are named in the report; the others are counted."""
GZIP = b"\x1f\x8b"


class Report(Struct):
    """What became of the lines of a file."""

    new: int = 0
    duplicate: int = 0
    parked: int = 0
    unknown: int = 0
    ignored: int = 0
    refused: int = 0
    named: list[tuple[int, str]] = []
    broken: str | None = None

    def refuse(self, number: int, reason: str) -> None:
        self.refused += 1
        if len(self.named) < NAMED:
            self.named.append((number, reason))

    def __str__(self) -> str:
        counts = (
            f"{self.new:,} new, {self.duplicate:,} duplicate, {self.parked:,} parked, {self.unknown:,} of"
            f" unknown type, {self.ignored:,} of the other mode, {self.refused:,} refused"
        )
        lines = [f"  line {number}: {reason}" for number, reason in self.named]
        if self.refused > len(lines):
            lines.append(f"  … and {self.refused - len(lines):,} more")
        if self.broken:
            lines.append(f"  the file breaks off after line {self.broken}; what stood before was imported")
        return "\n".join([counts, *lines])

    @property
    def complete(self) -> bool:
        """Whether every line could be taken."""
        return not self.refused and not self.broken


def import_events(settings: Settings, file: Path) -> Report:
    """Import a file of JSON lines, gzipped or not (`-`: standard input), and say what became of its lines.

    What was imported before an interruption stays, and a second run tells of it as duplicates."""
    with (
        migrated(settings) as database,
        journal_of(database) as journal,
        _opened(file) as raw,
        progress(f"importing {file}", "events") as told,
    ):
        size = file.stat().st_size if file.is_file() else None

        def count(lines: int) -> None:
            told(lines, lines * size / max(raw.tell(), 1) if size else None)

        return import_lines(journal, raw, settings.stripe_livemode, count)


def import_lines(
    journal: Journal, raw: BufferedReader, livemode: bool, told: Callable[[int], None] = lambda lines: None
) -> Report:
    """Append every line's message. Memory does not grow with the file."""
    report = Report()
    messages = _messages(_numbered(_plain(raw), report), livemode, report)
    for count, receipt in enumerate(journal.append_stream(messages)):
        report.new += not receipt.duplicate
        report.duplicate += receipt.duplicate
        report.parked += receipt.parked
        if count % 1000 == 0:
            told(count)
    return report


def _messages(
    lines: Iterator[tuple[int, bytes]], livemode: bool, report: Report
) -> Iterator[tuple[Recorded, ...]]:
    for number, line in lines:
        if len(line) > LONGEST:
            report.refuse(number, f"longer than {LONGEST:,} bytes")
            continue
        try:
            message = read_message(line, source="import", signature=None, livemode=livemode)
        except Unreadable as error:
            report.refuse(number, str(error))
            continue
        if message.ignored:
            report.ignored += 1
            continue
        report.unknown += cast(StripeEventHeard, message.rows[0].body).unknown
        yield message.rows


def _numbered(file: BinaryIO, report: Report) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, empty ones left out. Of one that is too long only the beginning is kept."""
    number = 0
    try:
        while line := file.readline(LONGEST + 2):
            number += 1
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(LONGEST)
            if stripped := line.strip():
                yield number, stripped
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        report.broken = f"{number} ({error})"


def _plain(raw: BufferedReader) -> BinaryIO:
    """The file's text, unpacked if its first bytes say that it is gzip's."""
    return cast(BinaryIO, gzip.open(raw)) if raw.peek(2)[:2] == GZIP else raw


def _opened(file: Path) -> BufferedReader:
    return BufferedReader(cast(RawIOBase, sys.stdin.buffer)) if str(file) == "-" else file.open("rb")
