"""How does a file of Stripe's events come into the log? Line by line, by the webhook's rules save the
signature, so that a file can be imported again, beside the service, and in any state of the log."""

import gzip
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, cast

from msgspec import Struct

from ledgerstone.bootstrap import Settings, journal_of, migrated, tune_interpreter
from ledgerstone.commands.progress import progress
from ledgerstone.commands.reading import LONGEST, Line, chunks, translated
from ledgerstone.ledger.admission import Telling
from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import decode

NAMED = 20
"""Refused lines that are named in the report; the others are counted."""
LOOK = 16
"""While the log knows nothing of a chunk, only one in so many is looked up before it is translated."""
GZIP = b"\x1f\x8b"
_ID = re.compile(rb'"id"\s*:\s*"(evt_\w+)"')


class Report(Struct):
    """What became of the lines of a file. Among the new and the duplicate are those that were parked, are of
    unknown type, or contradict what was told before; the other three are not in the log."""

    new: int = 0
    duplicate: int = 0
    parked: int = 0
    unknown: int = 0
    conflicts: int = 0
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
            f" unknown type, {self.conflicts:,} in conflict, {self.ignored:,} of the other mode,"
            f" {self.refused:,} refused"
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

    What was imported before an interruption stays; a second run passes over it, tells of it as duplicates,
    and goes on."""
    tune_interpreter()
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
    lines = _unknown(journal, chunks(numbered(_plain(raw), report)), report, told)
    for receipt in journal.append_tellings(_tellings(lines, livemode, report)):
        report.new += not receipt.duplicate
        report.duplicate += receipt.duplicate
        report.parked += receipt.parked
        report.conflicts += receipt.conflicts > 0
    return report


def _tellings(some: Iterator[list[Line]], livemode: bool, report: Report) -> Iterator[Telling]:
    for chunk in translated(some, livemode):
        report.unknown += chunk.unknown
        report.ignored += chunk.ignored
        for number, reason in chunk.refused:
            report.refuse(number, reason)
        yield from chunk.tellings


def _unknown(
    journal: Journal, some: Iterator[list[Line]], report: Report, told: Callable[[int], None]
) -> Iterator[list[Line]]:
    """Chunks without the lines that the log has byte for byte: those are counted, and not translated again.
    What was imported before mostly stands together; so once a chunk is new, few of the next are looked up."""
    looking = True
    for number, chunk in enumerate(some):
        rest = chunk
        if looking or number % LOOK == 0:
            rest = _pass_over(journal, chunk, report)
            looking = len(rest) < len(chunk)
        if rest:
            yield rest
        told(chunk[-1][0])


def _pass_over(journal: Journal, lines: Sequence[Line], report: Report) -> list[Line]:
    """The lines that the log has not. Where a line's id is to be found is a guess; its bytes decide."""
    names = [f"stripe/{found[1].decode()}" if (found := _ID.search(line)) else "" for _, line in lines]
    states, rest = journal.states([*{*names} - {""}]), list[Line]()
    for name, line in zip(names, lines, strict=True):
        held = decode(states[name]).body if name in states else None
        if isinstance(held, StripeEventHeard) and held.payload == line[1]:
            report.duplicate += 1
            report.parked += held.parked is not None
            report.unknown += held.unknown
        else:
            rest.append(line)
    return rest


def numbered(file: BinaryIO, report: Report) -> Iterator[tuple[int, bytes]]:
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
