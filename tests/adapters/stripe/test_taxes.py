"""By which rates an invoice's tax is, in the words of every version; and nothing where it is in doubt."""

from itertools import permutations
from typing import Any

import pytest

from ledgerstone.ledger.admission import differ
from ledgerstone.ledger.corrections import in_force, outgrown
from ledgerstone.ledger.evidence import FactConflict
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.invoices import InvoiceIssued
from ledgerstone.ledger.sales_tax import Tax
from tests.books import Books
from tests.corrected import trial_balance
from tests.stripe_objects import Json, event, facts, invoice, listed, read

SWEDEN = {"customer_address": {"country": "SE"}}
MOMS = {
    "id": "txr_25",
    "object": "tax_rate",
    "percentage": 25.0,
    "effective_percentage": 25.0,
    "country": "SE",
}


def tax(amount: int, on: int | None = None, rate: Any = "txr_25") -> Json:
    """As the newest version lists it."""
    return {"amount": amount, "taxable_amount": on, "tax_rate_details": {"tax_rate": rate}}


def older(amount: int, on: int | None = None, rate: Any = "txr_25") -> Json:
    """As versions until 2025-03-31 list it."""
    return {"amount": amount, "taxable_amount": on, "tax_rate": rate, "inclusive": False}


def shown(*total_taxes: Json, **fields: Any) -> Json:
    return invoice(total_taxes=list(total_taxes), **fields)


def shown_older(*total_tax_amounts: Json, **fields: Any) -> Json:
    told = invoice(total_tax_amounts=list(total_tax_amounts), **fields)
    return {name: value for name, value in told.items() if name != "total_taxes"}


def issued(told: Json) -> InvoiceIssued:
    fact = facts("invoice.finalized", told)["invoice/in_1/issued"]
    assert isinstance(fact, InvoiceIssued)
    return fact


@pytest.mark.parametrize(
    "told",
    [
        shown(tax(2_500, rate=MOMS)),
        shown(tax(2_500), default_tax_rates=[MOMS]),
        shown(tax(2_500, 10_000), **SWEDEN),
        shown_older(older(2_500, rate=MOMS)),
        shown_older(older(2_500), default_tax_rates=[MOMS]),
        shown_older(older(2_500), lines=listed({"amount": 10_000, "tax_rates": [MOMS]})),
        shown_older(older(2_500, 10_000), **SWEDEN),
        shown(tax(2_500, rate={**MOMS, "country": None}), **SWEDEN),
        shown(tax(2_500, rate={**MOMS, "country": "se", "effective_percentage": None})),
        shown(tax(1_500, rate=MOMS), tax(1_000, rate=MOMS)),
        shown(tax(2_500, 10_000), customer_shipping={"address": {"country": "SE"}}),
        shown(
            tax(2_500, 10_000),
            customer_shipping={"address": {"country": "SE"}},
            customer_address={"country": "DE"},
        ),
    ],
)
def test_a_rate_is_told_by_every_version(told: Json) -> None:
    fact = issued(told)
    assert (fact.tax, fact.taxes, fact.untold_tax) == (2_500, (Tax("SE 25", 2_500),), 0)


@pytest.mark.parametrize(
    "told",
    [
        shown(tax(2_500)),
        shown(tax(2_500, 10_000)),
        shown(tax(2_500, 10_000), customer_address={"country": "US"}),
        shown(tax(2_500), **SWEDEN),
        shown(tax(2_500, 10_500), **SWEDEN),
        shown(tax(2_500, rate={**MOMS, "country": None})),
        shown(tax(2_500, rate={**MOMS, "percentage": 0, "effective_percentage": None})),
        shown(tax(2_500, rate={**MOMS, "effective_percentage": "NaN"})),
        {name: value for name, value in invoice(tax=2_500, **SWEDEN).items() if name != "total_taxes"},
    ],
)
def test_what_is_in_doubt_is_of_no_rate(told: Json) -> None:
    fact = issued(told)
    assert (fact.tax, fact.taxes, fact.untold_tax) == (2_500, (), 2_500)


def test_several_rates_are_told_apart() -> None:
    german = {"id": "txr_de", "percentage": 19, "country": "DE"}
    fact = issued(shown(tax(1_900, rate=german), tax(480, 4_000), tax(120, 2_000), **SWEDEN))
    assert fact.taxes == (Tax("DE 19", 1_900), Tax("SE 12", 480), Tax("SE 6", 120))


@pytest.mark.parametrize(
    ("amount", "on", "country", "rates"),
    [
        (1, 4, "SE", ("SE 25",)),
        (1, 3, "SE", ("SE 25",)),
        (480, 4_000, "SE", ("SE 12",)),
        (120, 2_000, "SE", ("SE 6",)),
        (0, 10_000, "SE", ()),
        (-2_500, -10_000, "SE", ("SE 25",)),
        (2_500, 10_000, "DE", ()),  # a Swedish seller's 25 % for a consumer elsewhere, as is lawful
        (8, 400, "FR", ()),  # 2.1 %, which France has, and not 2, which it has not
        (2_550, 10_000, "FI", ()),
    ],
)
def test_a_rate_is_worked_out_of_swedish_addresses_alone(
    amount: int, on: int, country: str, rates: tuple[str, ...]
) -> None:
    fact = issued(shown(tax(amount, on), customer_address={"country": country}, lines=listed()))
    assert tuple(each.rate for each in fact.taxes) == rates


@pytest.mark.parametrize(
    ("rate", "country", "name", "account"),
    [
        (25.5, "FI", "FI 25.5", "vat_eu"),
        (2.1, "FR", "FR 2.1", "vat_eu"),
        (25, "SE", "SE 25", "vat_25"),
        (8.875, "US", "US 8.875", "tax_abroad"),
    ],
)
def test_a_rate_that_is_shown_is_told_whatever_country_it_is_of(
    rate: float, country: str, name: str, account: str
) -> None:
    of_it = {"id": "txr_1", "percentage": rate, "country": country}
    (told,) = issued(shown(tax(2_500, 10_000, of_it), customer_address={"country": "DE"})).taxes
    assert (told.rate, told.account) == (name, account)


def test_a_rate_that_is_shown_later_takes_the_place_of_none() -> None:
    """A consumer in Germany is charged Sweden's 25 %; which that is the first message does not show."""
    germany: Json = {"customer_address": {"country": "DE"}, "lines": ALL}
    log = Books()
    for n, rate in enumerate(["txr_25", MOMS]):
        told = shown(tax(2_500, 10_000, rate), **germany)
        log.append(read(event("invoice.updated", told, id=f"evt_{n}")).rows)
    assert not log.bodies(FactConflict)
    assert trial_balance(log.rows) == {
        ("receivable", "in_1", "usd"): 12_500,
        ("deferred_revenue", "in_1", "usd"): -10_000,
        ("vat_25", "in_1", "usd"): -2_500,
    }


def test_parts_need_not_be_whole_amounts_where_their_sum_is() -> None:
    """Stripe takes the króna in hundredths, and it has none."""
    iceland = {"id": "txr_is", "percentage": 24, "country": "IS"}
    other = {"id": "txr_11", "percentage": 11, "country": "IS"}
    krona: Json = {"currency": "isk", "total": 12_400}

    one = issued(shown(tax(1_250, rate=iceland), tax(1_150, rate=iceland), **krona))
    assert (one.tax, one.taxes, one.untold_tax) == (24, (Tax("IS 24", 24),), 0)
    two = issued(shown(tax(1_250, rate=iceland), tax(1_150, rate=other), **krona))
    assert (two.tax, two.taxes, two.untold_tax) == (24, (), 24)
    half = issued(shown(tax(1_200, rate=iceland), tax(1_150, rate=other), tax(50), **krona))
    assert (half.tax, half.taxes, half.untold_tax) == (24, (Tax("IS 24", 12),), 12)


def test_lines_are_rounded_by_themselves() -> None:
    some = listed(*({"amount": 1_00} for _ in range(6)))
    fact = issued(shown(tax(1_53, 6_00), lines=some, **SWEDEN))
    assert fact.taxes == (Tax("SE 25", 1_53),)
    assert issued(shown(tax(1_54, 6_00), lines=some, **SWEDEN)).taxes == ()


KNOWN, UNKNOWN = tax(2_500, 10_000, MOMS), tax(2_500)
LINE = {"amount": 10_000, "period": {"start": 1_793_000_000, "end": 1_795_000_000}}
SOME, ALL = listed({**LINE, "amount": 4_000}, has_more=True), listed(LINE)


def test_a_telling_of_rates_outgrows_one_without() -> None:
    without, told = issued(shown(UNKNOWN, lines=ALL)), issued(shown(KNOWN, lines=ALL))
    assert outgrown(without, told)
    assert not outgrown(told, without)
    assert differ(without, told)
    half, whole = issued(shown(tax(1_000, rate=MOMS), tax(1_500, rate="txr_x"), lines=ALL)), told
    assert outgrown(half, whole)
    assert outgrown(without, half)


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_lines_and_rates_are_in_force_whoever_tells_them_and_when(order: tuple[int, ...]) -> None:
    """One message has all lines, another the rates: neither says all that the other does."""
    pages = [
        shown(UNKNOWN, lines=ALL),
        shown(KNOWN, lines=SOME),
        shown(UNKNOWN, lines=SOME),
        shown_older(older(2_500), lines=ALL),
    ]
    log = Books()
    for n in order:
        (receipt,) = log.append(read(event("invoice.updated", pages[n], id=f"evt_{n}")).rows)
        assert receipt.conflicts == 0
    last = in_force("invoice/in_1/issued", {row.name: row for row in log.rows})[0].body
    assert isinstance(last, InvoiceIssued)
    assert (last.untold, last.untold_tax, last.taxes) == (0, 0, (Tax("SE 25", 2_500),))
    assert len(log.bodies(Superseded)) <= 2
    assert trial_balance(log.rows) == {
        ("receivable", "in_1", "usd"): 12_500,
        ("deferred_revenue", "in_1", "usd"): -10_000,
        ("vat_25", "in_1", "usd"): -2_500,
    }


def test_other_rates_of_the_same_tax_contradict() -> None:
    log = Books()
    for n, country in enumerate(["SE", "DK"]):
        told = shown(tax(2_500, rate={**MOMS, "country": country}), lines=ALL)
        log.append(read(event("invoice.updated", told, id=f"evt_{n}")).rows)
    assert len(log.bodies(FactConflict)) == 1
    assert not log.bodies(Superseded)
