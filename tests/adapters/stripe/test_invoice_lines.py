"""For which days an invoice asks for how much, in the words of every version."""

from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.admission import differ
from ledgerstone.ledger.corrections import in_force, outgrown
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.invoices import InvoiceIssued, ServiceLine
from tests.books import Books
from tests.stripe_objects import Json, event, facts, invoice, listed, read


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


MONTH = {"start": seconds("2026-11-01T10:00"), "end": seconds("2026-12-01T10:00")}
NOVEMBER = (date(2026, 11, 1), date(2026, 12, 1))


def line(amount: int | None, **fields: Any) -> Json:
    """A month of Pro, as the newest version tells it."""
    return {
        "amount": amount,
        "period": MONTH,
        "pricing": {"price_details": {"price": "price_1", "product": "prod_pro"}},
        "parent": {"subscription_item_details": {"subscription": "sub_1"}, "invoice_item_details": None},
        **fields,
    }


def pro(net: int) -> ServiceLine:
    return ServiceLine(net, "prod_pro", *NOVEMBER, "sub_1")


def issued(*lines: Json, net: int = 10_000, has_more: bool = False) -> InvoiceIssued:
    shown = invoice(total=net, total_taxes=[], lines=listed(*lines, has_more=has_more))
    fact = facts("invoice.finalized", shown)["invoice/in_1/issued"]
    assert isinstance(fact, InvoiceIssued)
    return fact


def test_a_line_is_for_the_days_of_its_period() -> None:
    assert issued(line(10_000)).lines == (pro(10_000),)


@pytest.mark.parametrize(
    "shown",
    [
        line(12_000, discount_amounts=[{"amount": 2_000}], pretax_credit_amounts=[]),
        line(12_000, discount_amounts=[{"amount": 2_000}], pretax_credit_amounts=[{"amount": 2_000}]),
        line(12_000, discount_amounts=None, pretax_credit_amounts=[{"amount": 1_500}, {"amount": 500}]),
        line(12_500, taxes=[{"amount": 2_500, "tax_behavior": "inclusive"}]),
        line(10_000, taxes=[{"amount": 2_500, "tax_behavior": "exclusive"}]),
        line(12_500, tax_amounts=[{"amount": 2_500, "inclusive": True}]),
        line(10_000, tax_amounts=[{"amount": 2_500, "inclusive": False}]),
    ],
)
def test_a_line_is_without_tax_and_after_what_came_off_it(shown: Json) -> None:
    assert issued(shown).lines == (pro(10_000),)


def test_older_versions_say_the_same_elsewhere() -> None:
    older = {"amount": 10_000, "period": MONTH, "price": {"product": "prod_pro"}, "subscription": "sub_1"}
    oldest = {"amount": 10_000, "period": MONTH, "plan": {"product": "prod_pro"}, "subscription": "sub_1"}
    assert issued(older).lines == issued(oldest).lines == (pro(10_000),)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-11-01T00:00", "2026-12-01T00:00", NOVEMBER),
        ("2026-11-01T23:59:59", "2026-12-01T00:00:01", NOVEMBER),
        ("2026-11-01T08:00", "2026-11-01T09:00", (date(2026, 11, 1), date(2026, 11, 2))),
        ("2026-11-01T08:00", "2026-11-01T08:00", (None, None)),
        ("2026-12-01T00:00", "2026-11-01T00:00", (None, None)),
    ],
)
def test_days_are_whole_and_in_utc(start: str, end: str, days: tuple[date | None, date | None]) -> None:
    found = issued(line(10_000, period={"start": seconds(start), "end": seconds(end)})).lines
    assert [(each.start, each.end) for each in found] == [days]


def test_what_was_given_back_in_a_proration_is_below_zero() -> None:
    assert issued(line(-2_000), line(12_000)).lines == (pro(-2_000), pro(12_000))


def test_a_line_of_nothing_says_nothing() -> None:
    assert issued(line(0), line(10_000)).lines == (pro(10_000),)


def test_what_came_off_the_whole_came_off_every_line_in_proportion() -> None:
    assert issued(line(3_333), line(6_667), net=9_999).lines == (pro(3_332), pro(6_667))
    assert issued(line(10_000), net=0).lines == ()


def test_what_was_added_to_the_whole_is_for_no_days() -> None:
    assert issued(line(9_500)).lines == (pro(9_500), ServiceLine(500))


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=8), st.integers(0, 10**7))
def test_all_lines_come_to_the_net(amounts: list[int], net: int) -> None:
    found = issued(*map(line, amounts), net=net)
    assert found.untold == 0
    assert all(each.net > 0 for each in found.lines)


def test_the_rest_of_a_list_that_goes_on_is_of_days_that_nobody_told() -> None:
    fact = issued(line(4_000), has_more=True)
    assert fact.lines == (pro(4_000),)
    assert fact.untold == 6_000


@pytest.mark.parametrize("odd", [line(None), {"id": "il_1"}])
def test_a_line_without_an_amount_is_not_guessed(odd: Json) -> None:
    fact = issued(line(4_000), odd)
    assert (fact.lines, fact.untold) == ((pro(4_000),), 6_000)


def test_an_old_row_says_nothing_of_days() -> None:
    assert InvoiceIssued(invoice="in_1", currency="usd", net=10_000, tax=0).untold == 10_000


def test_all_lines_outgrow_some() -> None:
    first, whole = issued(line(4_000), has_more=True), issued(line(4_000), line(6_000))
    assert outgrown(first, whole)
    assert not outgrown(whole, first)
    assert differ(first, whole)
    assert not outgrown(whole, issued(line(10_000)))
    assert not outgrown(first, issued(line(4_000), line(5_000), net=9_000))


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_all_lines_are_in_force_whichever_message_comes_first(order: tuple[int, ...]) -> None:
    whole = listed(line(4_000), line(6_000))
    pages = [listed(line(4_000), has_more=True), whole, whole]
    log = Books()
    for n in order:
        shown = invoice(total=10_000, total_taxes=[], lines=pages[n])
        (receipt,) = log.append(read(event("invoice.paid", shown, id=f"evt_{n}")).rows)
        assert receipt.conflicts == 0
    last = in_force("invoice/in_1/issued", {row.name: row for row in log.rows})[0].body
    assert isinstance(last, InvoiceIssued)
    assert last.lines == (pro(4_000), pro(6_000))
    assert len(log.bodies(Superseded)) == (order[0] == 0)


def test_a_tax_that_is_in_one_line_comes_off_that_line_alone() -> None:
    inclusive = line(5_000, taxes=[{"amount": 1_000, "tax_behavior": "inclusive"}])
    assert issued(inclusive, line(4_000), net=8_000).lines == (pro(4_000), pro(4_000))
