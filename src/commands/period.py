"""Closing a month of a book, and taking that back, from a terminal."""

from collections.abc import Iterator
from contextlib import closing as ending
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.adapters.postgres.posting_index import PostingIndex
from ledgerstone.adapters.postgres.view_rows import known_there
from ledgerstone.bootstrap import Settings, journal_of, migrated
from ledgerstone.ledger import closing, revaluation
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened
from ledgerstone.ledger.recorded import Book
from ledgerstone.projections.closes import LOCK, close_in, over, reopen_in
from ledgerstone.projections.open_books import SHOWN, Few
from ledgerstone.projections.postings import NAME, SPANS

RATES = {
    "fx_gained": "realised",
    "fx_lost": "realised",
    "fx_risen": "unrealised",
    "fx_fallen": "unrealised",
    "fx_kept": "of income and costs",
}
"""What each of `revaluation.MOVED` is, in the words of finance people."""


def close(
    settings: Settings, period: str, account: str, actor: str, reason: str
) -> tuple[PeriodClosed, Few | None]:
    """Close a month that is over; what waited then. ValueError where it is not, is closed already, or the
    books are not sound; AlreadyRunning."""
    over(period, datetime.now(UTC))
    book = Book(account, settings.stripe_livemode)
    with _deciding(settings) as (journal, dsn), ending(PostingIndex(dsn, NAME, SPANS)) as index:
        functional = settings.ledgerstone_functional_currency
        words = partial(known_there, dsn, SHOWN, str(book))
        done = close_in(journal, book, period, actor, reason, index, functional, words)
        assert isinstance(done.fact, PeriodClosed)
        return done.fact, done.waited


def reopen(settings: Settings, period: str, account: str, actor: str, reason: str) -> list[PeriodReopened]:
    """Open a month and all later ones again. ValueError where it is not closed; AlreadyRunning."""
    book = Book(account, settings.stripe_livemode)
    with _deciding(settings) as (journal, _):
        opened = [one.fact for one in reopen_in(journal, book, period, actor, reason)]
        return [each for each in opened if isinstance(each, PeriodReopened)]


def said(closed: PeriodClosed, waited: Few | None = None) -> str:
    """A close in a few lines: what it moved, in minor units, by plan or rate of tax, the digest of its trial
    balance, and what waited."""
    lines = [f"{closed.period} is closed, with all that was told up to position {closed.known_at:,}"]
    for what in closing.MOVED:
        for part in getattr(closed, what):
            of = part.rate or part.plan or "no plan"
            lines.append(f"  {what:9} {part.amount:>14,} {part.currency}  {of}, {part.count:,} lines")
    for what in revaluation.MOVED:
        of = RATES[what]
        lines += [f"  {what:9} {each.amount:>14,} {each.currency}  {of}" for each in getattr(closed, what)]
    if not closed.functional and len({each.currency for each in closed.balances}) > 1:
        lines.append("  other currencies are not valued: LEDGERSTONE_FUNCTIONAL_CURRENCY is not set")
    return "\n".join([*lines, f"trial balance {closed.digest}", *_waiting(waited or Few())])


def _waiting(waited: Few) -> Iterator[str]:
    """What was not told yet, which whoever closes a month should know."""
    if waited.count:
        yield f"{waited.count:,} remarks: nothing of it is wrong, but something was not told yet"
        yield from (f"  {each}" for each in waited.said)
    if more := waited.count - len(waited.said):
        yield f"  … and {more:,} more: `ledgerstone verify` names some"


@contextmanager
def _deciding(settings: Settings) -> Iterator[tuple[Journal, str]]:
    """The journal, and where its database is, while nobody else decides of months."""
    with migrated(settings) as database, journal_of(database) as journal, alone(database.app_dsn, LOCK):
        yield journal, database.app_dsn
