"""A small reader of SIE 4, which holds a file against the rules of the format and knows nothing of how
ours are written."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\{[^}]*\})|(\S+)')
NEEDED = ("#FLAGGA", "#PROGRAM", "#FORMAT", "#GEN", "#SIETYP", "#FNAMN", "#RAR", "#VALUTA")


@dataclass
class Sie:
    """A file: its single values by tag, declared accounts with kinds, balances, and vouchers."""

    values: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    opening: dict[str, Decimal] = field(default_factory=dict)
    closing: dict[str, Decimal] = field(default_factory=dict)
    results: dict[str, Decimal] = field(default_factory=dict)
    vouchers: list[tuple[str, int, date, str, list[tuple[str, Decimal]]]] = field(default_factory=list)


def read(content: bytes) -> Sie:
    """A file in its parts. Lines end with CR LF, and all bytes are printable in code page 437."""
    assert content.endswith(b"\r\n")
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", content)
    found = Sie()
    for line in content.decode("cp437").split("\r\n")[:-1]:
        _line(found, [quoted or braced or word for quoted, braced, word in FIELD.findall(line)])
    return found


def _line(found: Sie, fields: list[str]) -> None:
    tag, *rest = fields
    if tag in ("{", "}"):
        return
    if tag == "#KONTO":
        assert rest[0] not in found.kinds, f"{rest[0]} is declared twice"
        found.kinds[rest[0]] = ""
    elif tag == "#KTYP":
        found.kinds[rest[0]] = rest[1]
    elif tag in ("#IB", "#UB", "#RES"):
        assert rest[0] == "0"
        kept = {"#IB": found.opening, "#UB": found.closing, "#RES": found.results}[tag]
        assert rest[1] not in kept
        kept[rest[1]] = Decimal(rest[2])
    elif tag == "#VER":
        found.vouchers.append((rest[0], int(rest[1]), _day(rest[2]), rest[3], []))
    elif tag == "#TRANS":
        assert rest[1] == "{}"
        found.vouchers[-1][4].append((rest[0], Decimal(rest[2])))
    else:
        found.values[tag] = rest


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def faults(sie: Sie) -> list[str]:
    """What is against the rules, a line each."""
    wrong = [f"{tag} is missing" for tag in NEEDED if tag not in sie.values]
    if (sie.values["#FORMAT"], sie.values["#SIETYP"], sie.values["#FLAGGA"]) != (["PC8"], ["4"], ["0"]):
        wrong.append("it is not of type 4 in code page 437")
    moved: defaultdict[str, Decimal] = defaultdict(Decimal)
    first, last = (_day(text) for text in sie.values["#RAR"][1:])
    for series, number, day, _, lines in sie.vouchers:
        if sum(amount for _, amount in lines):
            wrong.append(f"voucher {series} {number} does not add up to nothing")
        if not first <= day <= last:
            wrong.append(f"voucher {series} {number} is of another year")
        for account, amount in lines:
            moved[account] += amount
    wrong += [f"{account} is not declared" for account in moved.keys() - sie.kinds.keys()]
    wrong += [f"{account} has no kind" for account, kind in sie.kinds.items() if kind not in list("TSIK")]
    return wrong + _numbering(sie) + _sums(sie, moved)


def _numbering(sie: Sie) -> list[str]:
    last: dict[str, int] = {}
    wrong = []
    for series, number, *_ in sie.vouchers:
        if number <= last.get(series, 0):
            wrong.append(f"voucher {series} {number} comes after {last[series]}")
        last[series] = number
    return wrong


def _sums(sie: Sie, moved: dict[str, Decimal]) -> list[str]:
    wrong = []
    for account, kind in sie.kinds.items():
        if kind in "TS":
            if account in sie.results or sie.opening.get(account, 0) + moved[account] != sie.closing.get(
                account
            ):
                wrong.append(f"{account}: #IB and movements are not #UB")
        elif account in sie.opening or sie.results.get(account) != moved[account]:
            wrong.append(f"{account}: movements are not #RES")
    if sum(sie.opening.values()):
        wrong.append("opening balances do not add up to nothing")
    if sum(sie.closing.values()) + sum(sie.results.values()):
        wrong.append("closing balances and results do not add up to nothing")
    return wrong
