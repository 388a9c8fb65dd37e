"""An export as beancount reads it. What accounts hold is asserted without any tolerance: by itself beancount
lets a balance differ by one of its last digit."""

from collections.abc import Iterable, Iterator

from ledgerstone.adapters.exports.items import Entry, Head, Item, Standing
from ledgerstone.adapters.exports.words import amount, path, plain
from ledgerstone.ledger.accounts import CHART


def write(head: Head, items: Iterable[Item]) -> Iterator[str]:
    """The file, an entry at a time."""
    yield _beginning(head)
    for item in items:
        yield _entry(item) if isinstance(item, Entry) else _standing(item)


def _beginning(head: Head) -> str:
    lines = [f'option "title" "{plain(head.title)}"']
    for account in sorted({account for account, _ in head.closing}):
        known = CHART[account]
        lines.append(f"{head.since} open {path(account)}")
        lines.append(f'  meaning: "{plain(known.meaning)}"\n  bas: {known.bas}')
    return "\n".join([*lines, _opening(head), ""])


def _opening(head: Head) -> str:
    lines = [
        f"  {path(account)}  {_said(held, currency)}"
        for (account, currency), held in head.opening.items()
        if held
    ]
    return "\n".join([f'\n{head.since} * "opening balances"', *lines]) if lines else ""


def _entry(entry: Entry) -> str:
    lines = [f'\n{entry.day} * "{entry.fact}" "{plain(entry.name)}"\n  position: {entry.position}\n']
    if entry.evidence is not None:
        lines.append(f"  evidence: {entry.evidence}\n")
    if entry.happened != entry.day:
        lines.append(f"  happened: {entry.happened}\n")
    for move in entry.movements:
        lines.append(_leg(move.debit, move.debit_of, move.amount, move.currency))
        lines.append(_leg(move.credit, move.credit_of, -move.amount, move.currency))
    return "".join(lines)


def _leg(account: str, of: str, minor: int, currency: str) -> str:
    whose = f'    of: "{plain(of)}"\n' if of else ""
    return f"  {path(account)}  {_said(minor, currency)}\n{whose}"


def _standing(standing: Standing) -> str:
    lines = [
        f"{standing.day} balance {path(account)}  {amount(held, currency)} ~ 0 {currency.upper()}\n"
        for (account, currency), held in standing.held.items()
    ]
    return "".join(["\n", *lines])


def _said(minor: int, currency: str) -> str:
    return f"{amount(minor, currency)} {currency.upper()}"
