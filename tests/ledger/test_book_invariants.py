"""Each invariant of the books sees its own fault, and every line of the posting table is watched by one."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen
from ledgerstone.ledger.book_invariants import (
    ALL,
    INVARIANTS_OF_ITEMS,
    Close,
    Problem,
    closed_months_are_as_their_close_left_them,
    deferred_revenue_is_what_schedules_have_left,
    every_currency_balances,
    problems,
    receivables_are_what_invoices_say,
    square,
)
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.facts import tag
from ledgerstone.ledger.invoices import InvoiceIssued, InvoiceOverpaid
from ledgerstone.ledger.open_items import NO_INVOICE, Item, OpenItems, Shown
from ledgerstone.ledger.payments import (
    DisputeFundsWithdrawn,
    DisputeLost,
    PaidElsewhere,
    PaymentApplied,
    PaymentReceived,
    RefundRequested,
)
from ledgerstone.ledger.periods import Balance, PeriodClosed, Recognised
from ledgerstone.ledger.posting import TABLE, Movement, movements
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.sales_tax import Tax
from ledgerstone.ledger.transfers import Reason, Share, TransferAssigned, TransferIgnored, TransferReceived
from tests.examples import AT, BOOK

Moves = tuple[Movement, ...]
KEPT = {fact: rules for fact, rules in TABLE.items() if rules and not issubclass(fact, Recognised)}


def made(kind: type[Fact], reason: str = "not_ours") -> Any:
    """A fact whose amounts are all there, and all different."""
    numbers = count(1_000, 37)
    said: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.type is int and field.name != "number":
            said[field.name] = next(numbers)
        elif field.type == tuple[Share, ...]:
            said[field.name] = (Share(f"{field.name}_1", next(numbers)),)
        elif field.type == tuple[Tax, ...]:
            said[field.name] = (Tax("SE 25", 7),)
        elif field.name.endswith("currency"):
            said[field.name] = "eur" if field.name == "currency" else "sek"
        elif field.name in ("reason", "actor") and kind is TransferIgnored:
            said[field.name] = reason
        elif field.required or field.type == str | None:
            said[field.name] = f"{field.name}_1"
    if kind is BalanceTransactionSeen:
        fees = said["fee"] + said["dispute_fee"] + said["platform_fee"]
        said["net"] = said["cleared"] + said["exchanged"] - fees
    return kind(**said)


def row(fact: Any, moves: Moves | None = None, name: str = "") -> Recorded:
    moved = movements(fact) if moves is None else moves
    return Recorded(name or tag(type(fact)), BOOK, AT, fact, movements=moved)


def taken(*rows: Recorded) -> OpenItems:
    items = OpenItems(square)
    for position, each in enumerate(rows, start=1):
        items.take(position, each)
    return items


def said(items: OpenItems, waits: bool = False) -> list[str]:
    found = [problem for item in items.items.values() for problem in problems(item)]
    return [problem.said for problem in found if problem.waits == waits]


def facts() -> Iterator[Any]:
    for kind in KEPT:
        for reason in get_args(Reason) if kind is TransferIgnored else ("not_ours",):
            yield made(kind, reason)


FAULTS: dict[str, Callable[[Movement], Moves]] = {
    "left out": lambda move: (),
    "made twice": lambda move: (move, move),
    "turned around": lambda move: (
        Movement(move.credit, move.credit_of, move.debit, move.debit_of, move.amount, move.currency),
    ),
    "one too much": lambda move: (replace(move, amount=move.amount + 1),),
    "of another": lambda move: (replace(move, debit_of="other", credit_of="other"),),
    "in another currency": lambda move: (replace(move, currency="chf"),),
}


def spoiled(moves: Sequence[Movement], fault: str) -> Iterator[Moves]:
    for place, move in enumerate(moves):
        yield (*moves[:place], *FAULTS[fault](move), *moves[place + 1 :])


def test_what_the_posting_table_moves_is_what_facts_tell() -> None:
    for fact in facts():
        assert said(taken(row(fact))) == [], tag(type(fact))


@pytest.mark.parametrize("fault", FAULTS)
def test_every_line_of_the_posting_table_is_watched(fault: str) -> None:
    lines = 0
    for fact in facts():
        for moves in spoiled(movements(fact), fault):
            lines += 1
            assert said(taken(row(fact, moves))), f"{tag(type(fact))}: {moves}"
    assert lines >= sum(map(len, KEPT.values())), "a rule of the table moved nothing"


def test_each_invariant_of_items_can_fail() -> None:
    failed = set()
    for fact in facts():
        for moves in spoiled(movements(fact), "left out"):
            for item in taken(row(fact, moves)).items.values():
                item.shown = NO_INVOICE
                rules = INVARIANTS_OF_ITEMS[item.key[1]]
                failed |= {rule for rule in rules if list(rule(item))}
    assert failed == {rule for rules in INVARIANTS_OF_ITEMS.values() for rule in rules}
    assert len(ALL) == len(failed) + 3


def received(amount: int) -> Recorded:
    return row(PaymentReceived(charge="ch_1", payment="pi_1", amount=amount, currency="eur"))


def used(amount: int, invoice: str = "in_1") -> Recorded:
    return row(PaymentApplied(invoice=invoice, payment="pi_1", amount=amount, currency="eur"), name=invoice)


def test_a_fault_is_told_with_its_place_and_what_to_do() -> None:
    spoilt = row(used(49).body, movements(used(50).body))
    (of_payment, of_invoice) = said(taken(received(50), spoilt))
    assert of_payment == (
        "payment pi_1 of :live, in eur, up to row 2: unapplied_card holds 0, and 1 was received and not"
        " used: its statement (/sys/journal/accounts/unapplied_card?subject=pi_1) has a movement that no"
        " fact tells of"
    )
    assert "invoice in_1 of :live" in of_invoice


def test_what_is_square_is_forgotten_and_what_comes_after_is_still_judged() -> None:
    items = taken(received(50), used(50))
    assert {key[1] for key in items.items} == {"source", "invoice"}
    items.take(3, used(20, "in_2"))
    (problem,) = said(items)
    assert "20 more was used for invoices than received" in problem


def test_of_what_is_left_out_one_row_is_judged_alone() -> None:
    """By what it moves, and not by what was told before it."""
    left_out = OpenItems(square, lambda key: False)

    def found(each: Recorded) -> list[str]:
        return [problem.said for item in left_out.take(1, each) for problem in problems(item)]

    for fact in facts():
        assert found(row(fact)) == [], tag(type(fact))
        for moves in spoiled(movements(fact), "left out"):
            assert found(row(fact, moves)), f"{tag(type(fact))}: {moves}"
    before, after = [row(RefundRequested("re_1", "pi_1", n, "eur")) for n in (100, 80)]
    assert found(superseding(before, after, 1)) == [], "it is less by 20, and was 100"
    assert not left_out.items


def test_money_that_was_used_before_it_was_told_of_waits() -> None:
    items = taken(used(50))
    assert said(items) == []
    assert any("it was not told yet that it was received" in problem for problem in said(items, waits=True))
    items.take(2, received(50))
    assert said(items) == said(items, waits=True) == []


def test_more_cannot_be_lost_than_was_withdrawn() -> None:
    withdrawn = DisputeFundsWithdrawn(dispute="dp_1", payment="pi_1", amount=40, currency="eur")
    lost = DisputeLost(dispute="dp_1", payment="pi_1", amount=41, currency="eur")
    (problem,) = said(taken(row(withdrawn), row(lost)))
    assert "1 more was put back or lost than withdrawn" in problem


def test_more_cannot_be_decided_of_a_transfer_than_came() -> None:
    came = TransferReceived(transfer="tr_1", account="SE1", amount=100, currency="eur")
    decided = TransferAssigned(transfer="tr_1", currency="eur", invoices=(Share("in_1", 101),))
    (problem,) = said(taken(row(came), row(decided)))
    assert "1 more was decided of it than the 100 that came" in problem


ISSUED = InvoiceIssued(invoice="in_1", currency="eur", net=100, tax=25)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (Shown("open", 125, 0, 125), None),
        (Shown("uncollectible", 125, 0, 125), None),
        (Shown("open", 125, 50, 75), "of what it says was paid 50 was not told, and of what was credited 0"),
        (Shown("paid", 125, 125, 0), "of what it says was paid 125 was not told"),
        (Shown("open", 105, 0, 105), "of what was credited 20"),
        (Shown("void", 125, 0, 125), "the invoice says that 0 is open (void)"),
        (NO_INVOICE, "the invoice itself was never shown"),
    ],
)
def test_a_receivable_is_what_its_invoice_says(shown: Shown, expected: str | None) -> None:
    (item,) = [each for each in taken(row(ISSUED)).items.values() if each.key[1] == "invoice"]
    item.shown = shown
    found = list(receivables_are_what_invoices_say(item))
    assert [each.waits for each in found] == ([] if expected is None else [True])
    assert all(expected is not None and expected in each.said for each in found)


def test_an_invoice_that_contradicts_itself_is_wrong() -> None:
    item = Item((":live", "invoice", "in_1", "eur"), shown=Shown("open", 125, 50, 70))
    (problem,) = receivables_are_what_invoices_say(item)
    assert not problem.waits
    assert "it says itself 125 due and 50 paid" in problem.said


def test_what_a_bank_transfer_paid_is_unknown_to_the_provider() -> None:
    assigned = TransferAssigned(transfer="tr_1", currency="eur", invoices=(Share("in_1", 125),))
    items = taken(row(ISSUED), row(assigned))
    item = items.items[":live", "invoice", "in_1", "eur"]
    item.shown = Shown("open", 125, 0, 125)
    assert item.holds_nothing
    assert list(receivables_are_what_invoices_say(item)) == []


def test_a_correction_takes_back_what_was_told() -> None:
    def overpaid(amount: int) -> Recorded:
        return row(InvoiceOverpaid(invoice="in_1", currency="eur", amount=amount, customer="cus_1"))

    items = taken(overpaid(10), superseding(overpaid(10), overpaid(25), 1))
    assert said(items) == []
    assert items.items[":live", "customer", "cus_1", "eur"]["given"] == 25
    whole = PaidElsewhere(invoice="in_1", amount=125, currency="eur")
    parts = PaidElsewhere(invoice="in_1", amount=0, currency="eur", in_parts=True)
    assert said(taken(row(whole), superseding(row(whole), row(parts), 1))) == []


def test_all_accounts_of_a_currency_come_to_nothing() -> None:
    assert list(every_currency_balances({("bank", "eur"): 5, ("revenue", "eur"): -5})) == []
    (problem,) = every_currency_balances({("bank", "eur"): 5, ("revenue", "eur"): -5, ("bank", "sek"): 2})
    assert problem == Problem("all accounts together hold 2 sek, and should hold nothing")


CLOSED = PeriodClosed(
    period="2026-01", actor="ada", balances=(Balance("deferred_revenue", "eur", -14_00),), digest=""
)


def test_a_close_that_left_other_deferred_revenue_than_its_schedules_is_wrong() -> None:
    rule = deferred_revenue_is_what_schedules_have_left
    assert list(rule(Close(CLOSED, {}, {"eur": 14_00}))) == []
    (problem,) = rule(Close(CLOSED, {}, {"eur": 13_00}))
    assert "deferred_revenue holds 1400 eur, and schedules have 1300 left to earn" in problem.said
    assert len(list(rule(Close(CLOSED, {}, {"eur": 14_00, "sek": 1})))) == 1


def test_a_closed_month_that_changed_is_wrong() -> None:
    found = list(closed_months_are_as_their_close_left_them(Close(CLOSED, {("bank", "eur"): 1}, {})))
    assert any("bank held 0 eur when it was closed, and holds 1" in each.said for each in found)
