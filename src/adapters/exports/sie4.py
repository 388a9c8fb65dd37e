"""An export as SIE type 4 (format 4B, 2008-09-30): the Swedish exchange format for one year's books.

A file is of one currency; lines end with CR LF, and characters are of code page 437. Vouchers come in the
order of their numbers, which are positions of the log: series L, or K for what a correction tells anew where
it undoes on another day. What income and expenses came to before the year stands on 2091, for opening
balances of the balance sheet are to add up to nothing."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from importlib.metadata import version

from ledgerstone.adapters.exports.items import Entry, Head, Held, Item
from ledgerstone.adapters.exports.words import amount, plain
from ledgerstone.ledger.accounts import CHART

RETAINED = 2091
"""BAS: profit or loss brought forward."""
KINDS = {1: "T", 2: "S", 3: "I", 4: "K", 5: "K", 6: "K", 7: "K"}
"""Assets (tillgång), liabilities (skuld), income (intäkt), costs (kostnad), by the class of the BAS chart."""


def write(head: Head, items: Iterable[Item]) -> Iterator[str]:
    """The file, a voucher at a time; all amounts are to be of one currency."""
    yield "".join(f"{line}\r\n" for line in _beginning(head))
    for item in items:
        if isinstance(item, Entry):
            yield _voucher(item)


def _beginning(head: Head) -> Iterator[str]:
    currency = next((currency for _, currency in head.closing), "sek")
    yield from (
        "#FLAGGA 0",
        f'#PROGRAM "Ledgerstone" "{version("ledgerstone")}"',
        "#FORMAT PC8",
        f"#GEN {_day(head.made)}",
        "#SIETYP 4",
    )
    yield f'#PROSA "{plain(head.title)}"'
    yield f'#FNAMN "{plain(head.company)}"'
    yield f"#RAR 0 {_day(head.since)} {_day(head.end - timedelta(days=1))}"
    yield f"#KPTYP EUBAS97\r\n#VALUTA {currency.upper()}"
    yield from _accounts(head)
    yield from _balances(head, currency)


def _accounts(head: Head) -> Iterator[str]:
    for account in sorted({account for account, _ in head.closing}, key=lambda name: CHART[name].bas):
        known = CHART[account]
        kind = KINDS.get(known.bas // 1000) or ("I" if known.normal == "credit" else "K")
        yield f'#KONTO {known.bas} "{plain(known.meaning)}"\r\n#KTYP {known.bas} {kind}'
    if _retained(head.opening):
        yield f'#KONTO {RETAINED} "profit or loss brought forward"\r\n#KTYP {RETAINED} S'


def _balances(head: Head, currency: str) -> Iterator[str]:
    for (account, _), held in head.closing.items():
        bas, opened = CHART[account].bas, head.opening.get((account, currency), 0)
        if _is_result(account):
            yield f"#RES 0 {bas} {amount(held - opened, currency)}"
        else:
            yield f"#IB 0 {bas} {amount(opened, currency)}\r\n#UB 0 {bas} {amount(held, currency)}"
    if retained := _retained(head.opening):
        said = amount(retained, currency)
        yield f"#IB 0 {RETAINED} {said}\r\n#UB 0 {RETAINED} {said}"


def _retained(opening: Held) -> int:
    return sum(held for (account, _), held in opening.items() if _is_result(account))


def _is_result(account: str) -> bool:
    return CHART[account].bas >= 3000


def _voucher(entry: Entry) -> str:
    series = "K" if entry.first else "L"
    late = f" ({entry.happened})" if entry.happened != entry.day else ""
    source = f" [{entry.evidence}]" if entry.evidence is not None else ""
    lines = [
        f'#VER {series} {entry.position} {_day(entry.day)} "{entry.fact} {plain(entry.name)}{late}{source}"',
        "{",
    ]
    for move in entry.movements:
        for account, of, minor in (
            (move.debit, move.debit_of, move.amount),
            (move.credit, move.credit_of, -move.amount),
        ):
            said = amount(minor, move.currency)
            lines.append(f'   #TRANS {CHART[account].bas} {{}} {said} {_day(entry.day)} "{plain(of)}"')
    return "\r\n".join([*lines, "}", ""])


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"
