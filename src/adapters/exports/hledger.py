"""An export as hledger and ledger both read it, with all that their strict modes want to be declared.

What accounts hold is asserted on the last day before, behind all other entries of it: `=` beside a zero."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from ledgerstone.adapters.exports.items import Entry, Head, Item, Standing
from ledgerstone.adapters.exports.words import amount, path, plain
from ledgerstone.ledger.money import decimals

TAGS = ("position", "evidence", "happened", "of")


def write(head: Head, items: Iterable[Item]) -> Iterator[str]:
    """The file, an entry at a time."""
    yield _beginning(head)
    for item in items:
        yield _entry(item) if isinstance(item, Entry) else _standing(item)


def _beginning(head: Head) -> str:
    lines = [f"; {plain(head.title)}"]
    for currency in sorted({currency for _, currency in head.closing}):
        lines.append(f"commodity {_commodity(currency)}{_format(currency)}")
    lines += [f"account {path(account)}" for account in sorted({account for account, _ in head.closing})]
    lines += [f"tag {tag}" for tag in TAGS]
    return "\n".join([*lines, _opening(head), ""])


def _opening(head: Head) -> str:
    lines = [
        f"    {path(account)}  {_said(held, currency)}"
        for (account, currency), held in head.opening.items()
        if held
    ]
    return "\n".join([f"\n{head.since} * opening balances", *lines]) if lines else ""


def _entry(entry: Entry) -> str:
    lines = [f"\n{entry.day} * {entry.fact} | {plain(entry.name)}\n    ; position: {entry.position}\n"]
    if entry.evidence is not None:
        lines.append(f"    ; evidence: {entry.evidence}\n")
    if entry.happened != entry.day:
        lines.append(f"    ; happened: {entry.happened}\n")
    for move in entry.movements:
        lines.append(_leg(move.debit, move.debit_of, move.amount, move.currency))
        lines.append(_leg(move.credit, move.credit_of, -move.amount, move.currency))
    return "".join(lines)


def _leg(account: str, of: str, minor: int, currency: str) -> str:
    whose = f"  ; of: {plain(of)}" if of else ""
    return f"    {path(account)}  {_said(minor, currency)}{whose}\n"


def _standing(standing: Standing) -> str:
    lines = [
        f"    {path(account)}  {_said(0, currency)} = {_said(held, currency)}\n"
        for (account, currency), held in standing.held.items()
    ]
    return "".join([f"\n{standing.day - timedelta(days=1)} * balances\n", *lines]) if lines else ""


def _said(minor: int, currency: str) -> str:
    return f"{amount(minor, currency)} {_commodity(currency)}"


def _commodity(currency: str) -> str:
    code = currency.upper()
    return code if code.isalpha() else f'"{code}"'


def _format(currency: str) -> str:
    """How amounts look, so that nobody takes the point of three decimals for one between thousands. Without
    decimals nothing is said: hledger wants a point even there, and ledger cannot read it."""
    places = decimals(currency)
    return f"\n    format {_said(10 ** (places + 3), currency)}" if places else ""
