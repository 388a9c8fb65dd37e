"""The documents that are rendered from the code: facts, posting table, chart of accounts."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.facts import BY_TAG, Correctable, tag
from ledgerstone.ledger.posting import TABLE, Rule
from tests.examples import EXAMPLES

DOCS = Path(__file__).parents[1] / "docs"

EVENTS = """\
# Facts

What the log can hold, by subject. A fact is recorded once under its name; a field is only ever added, and
with a default; a changed meaning is a new tag. Amounts are integers of ISO 4217 minor units, times are UTC.

Rendered from the code by `scripts/render`.
"""

POSTINGS = """\
# Postings

Which accounts a fact moves money on. Every movement goes into its debit account and out of its credit
account, with one positive amount, so an entry cannot be unbalanced; a negative amount swaps the sides, and
zero moves nothing.
What stands after the colon says whose: `receivable:invoice` is the receivable of the fact's `invoice`.
An amount of `invoices.amount` is one movement for each of the fact's `invoices`, with its own `invoices.of`.
Amounts are in the fact's `currency`, unless another field is named.
`taxes.account` is the account of a rate: `vat_25`, `vat_12` and `vat_6` for those of Sweden, `vat_other` for
any other there, `vat_eu` in the rest of the EU, `tax_abroad` elsewhere; `tax` is for what is of no rate that
was told.
A fact that is not listed moves nothing.

Movements are made when the fact is recorded, and stored with it: a rule that changes leaves old rows alone.
Rendered from the code by `scripts/render`.
"""


def events() -> str:
    """`docs/events.md`."""
    subjects = dict.fromkeys(fact.__module__ for fact in BY_TAG.values())
    return "\n".join([EVENTS, *(part for subject in subjects for part in _subject(import_module(subject)))])


def postings() -> str:
    """`docs/postings.md`."""
    return "\n".join([POSTINGS, "## Rules\n", *_rules(), "", "## Chart of accounts\n", *_chart(), ""])


RENDERED = {"events.md": events, "postings.md": postings}


def render() -> list[str]:
    """Write what is not as the code says; the names of the files."""
    changed = [name for name, text in RENDERED.items() if not _same(DOCS / name, text())]
    for name in changed:
        (DOCS / name).write_text(RENDERED[name]())
    return changed


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def _subject(module: ModuleType) -> Iterator[str]:
    yield f"## {module.__name__.rpartition('.')[2].capitalize()}\n"
    yield f"{_prose(module)}\n"
    for fact in BY_TAG.values():
        if fact.__module__ == module.__name__:
            yield from _fact(fact)


def _fact(fact: type[Fact]) -> Iterator[str]:
    name = next(row.name for row in EXAMPLES if type(row.body) is fact)
    yield f"### `{tag(fact)}`\n"
    yield f"{_prose(fact)} For example: `{name}`.\n"
    yield "| field | type | default |"
    yield "|---|---|---|"
    for field in msgspec.structs.fields(fact):
        yield f"| `{field.name}` | {_type(field.type)} | {_default(field)} |"
    yield ""


def _rules() -> Iterator[str]:
    yield "| fact | debit (into) | credit (out of) | amount |"
    yield "|---|---|---|---|"
    for fact, rules in TABLE.items():
        if not rules:
            yield f"| `{tag(fact)}` | nothing moves | | |"
        for rule in rules:
            yield f"| `{tag(fact)}` | `{rule.debit}` | `{rule.credit}` | {_amount(rule)} |"


def _amount(rule: Rule) -> str:
    of = "" if rule.currency == "currency" else f" in `{rule.currency}`"
    return f"`{rule.amount}`{of}" + (f", where `{rule.where}`" if rule.where else "")


def _chart() -> Iterator[str]:
    yield "| account | normal side | meaning | BAS |"
    yield "|---|---|---|---|"
    for name, account in CHART.items():
        yield f"| `{name}` | {account.normal} | {account.meaning} | {account.bas} |"


def _prose(documented: Any) -> str:
    return " ".join((inspect.getdoc(documented) or "").split())


def _type(kind: Any) -> str:
    if kind == Correctable:
        return "a fact that is read from evidence"
    text = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
    return re.sub(r"[\w.]+\.(\w+)", r"\1", text).replace("|", "or")


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    if field.default is msgspec.NODEFAULT:
        return "empty"
    return "none" if field.default is None else f"`{str(field.default).lower()}`"


if __name__ == "__main__":
    print("\n".join(render()) or "everything is as the code says")
