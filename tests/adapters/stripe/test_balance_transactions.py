"""Balance transactions as Stripe lists them: they say what the balance is, and clear what others told."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ledgerstone.adapters.stripe.translate.listed import read_listed
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.demo.history import generate
from ledgerstone.ledger.balance_transactions import BalanceTransactionSeen
from ledgerstone.ledger.corrections import outgrown
from ledgerstone.ledger.evidence import StripeObjectListed
from ledgerstone.ledger.recorded import Recorded
from tests.stripe_objects import BORN, NOW, Json, charge, event, read
from tests.worlds import log_of, shuffled

ASKED = datetime.fromtimestamp(NOW, UTC)


def transaction(**fields: Any) -> Json:
    amount, fee = fields.get("amount", 12_500), fields.get("fee", 393)
    return {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": amount,
        "available_on": BORN + 172_800,
        "balance_type": "payments",
        "created": BORN,
        "currency": "usd",
        "exchange_rate": None,
        "fee": fee,
        "net": amount - fee,
        "reporting_category": "charge",
        "source": "ch_1",
        "status": "pending",
        "type": "charge",
        **fields,
    }


def parts(stripe: int, platform: int) -> list[Json]:
    """Of a fee in a connected account's books."""
    return [{"amount": stripe, "type": "stripe_fee"}, {"amount": platform, "type": "application_fee"}]


def listed(it: Json) -> tuple[Recorded, ...]:
    return read_listed(json.dumps(it).encode(), requested=ASKED, account=None, livemode=True).rows


def seen(**fields: Any) -> BalanceTransactionSeen:
    _, row = listed(transaction(**fields))
    assert isinstance(row.body, BalanceTransactionSeen)
    return row.body


def held(*rows: Recorded) -> dict[tuple[str, str], int]:
    found: Counter[tuple[str, str]] = Counter()
    for move in [move for row in rows for move in row.movements]:
        found[move.debit, move.currency] += move.amount
        found[move.credit, move.currency] -= move.amount
    return {key: amount for key, amount in found.items() if amount}


def reason(**fields: Any) -> str:
    (evidence,) = listed(transaction(**fields))
    assert isinstance(evidence.body, StripeObjectListed)
    return str(evidence.body.parked)


def test_it_is_named_by_itself_and_stands_when_it_was_made() -> None:
    evidence, row = listed(transaction())

    assert (row.name, row.cause) == ("balance-transaction/txn_1", evidence.name)
    assert row.happened_at == datetime.fromtimestamp(BORN, UTC)
    assert (evidence.name, evidence.happened_at < ASKED) == (f"swept/txn_1/{NOW}", True)


def test_a_charge_is_cleared_and_its_fee_taken() -> None:
    received = read(event("charge.succeeded", charge())).rows

    assert held(*listed(transaction())) == {
        ("stripe_balance", "usd"): 12_107,
        ("stripe_uncleared", "usd"): -12_500,
        ("processor_fees", "usd"): 393,
    }
    assert ("stripe_uncleared", "usd") not in held(*received, *listed(transaction()))


def test_becoming_available_changes_nothing() -> None:
    assert listed(transaction(status="available"))[1] == listed(transaction())[1]


@pytest.mark.parametrize(
    ("fields", "moved"),
    [
        (
            {"amount": -5_000, "fee": 0, "reporting_category": "refund", "source": "re_1"},
            {"stripe_balance": -5_000, "stripe_uncleared": 5_000},
        ),
        (
            {"amount": -12_500, "fee": 1_500, "reporting_category": "dispute", "source": "dp_1"},
            {"stripe_balance": -14_000, "stripe_uncleared": 12_500, "dispute_fees": 1_500},
        ),
        (
            {"amount": 12_500, "fee": -1_500, "reporting_category": "dispute_reversal", "source": "dp_1"},
            {"stripe_balance": 14_000, "stripe_uncleared": -12_500, "dispute_fees": -1_500},
        ),
        (  # a published payload, of -25.00 net; what is put back may bring the fee along
            {"amount": -1_000, "fee": 1_500, "reporting_category": "dispute", "source": "dp_1"},
            {"stripe_balance": -2_500, "stripe_uncleared": 1_000, "dispute_fees": 1_500},
        ),
        (
            {"amount": 1_000, "fee": -1_500, "reporting_category": "dispute_reversal", "source": "dp_1"},
            {"stripe_balance": 2_500, "stripe_uncleared": -1_000, "dispute_fees": -1_500},
        ),
        (
            {"amount": -100_000, "fee": 0, "reporting_category": "payout", "source": "po_1"},
            {"stripe_balance": -100_000, "stripe_uncleared": 100_000},
        ),
        (
            {"amount": -2_000, "fee": 0, "reporting_category": "fee", "source": None},
            {"stripe_balance": -2_000, "processor_fees": 2_000},
        ),
        ({"amount": 700, "fee": 0, "balance_type": "risk_reserved"}, {}),
        (
            {"fee_details": parts(143, 250)},
            {
                "stripe_balance": 12_107,
                "stripe_uncleared": -12_500,
                "processor_fees": 143,
                "platform_fees_paid": 250,
            },
        ),
        (
            {"amount": -12_500, "fee": -250, "reporting_category": "refund", "fee_details": parts(0, -250)},
            {"stripe_balance": -12_250, "stripe_uncleared": 12_500, "platform_fees_paid": -250},
        ),
    ],
)
def test_what_a_category_moves(fields: Json, moved: dict[str, int]) -> None:
    assert held(*listed(transaction(**fields))) == {(account, "usd"): n for account, n in moved.items()}


def test_what_is_the_platform_s_of_a_fee_is_told_apart_later() -> None:
    """Rows from before it was read hold it in the fee."""
    before, now = seen(), seen(fee_details=parts(143, 250))
    assert outgrown(before, now)
    assert not outgrown(now, before)
    assert not outgrown(before, seen(fee=394, fee_details=parts(143, 251)))


def test_another_currency_passes_between_the_two() -> None:
    source = {"id": "ch_1", "object": "charge", "amount": 9_000, "amount_captured": 5_000, "currency": "eur"}
    rows = listed(transaction(amount=57_000, fee=1_470, currency="sek", exchange_rate=11.4, source=source))

    assert held(*rows) == {
        ("stripe_balance", "sek"): 55_530,
        ("processor_fees", "sek"): 1_470,
        ("fx_trading", "sek"): -57_000,
        ("fx_trading", "eur"): 5_000,
        ("stripe_uncleared", "eur"): -5_000,
    }


def test_a_refund_in_another_currency_goes_the_other_way() -> None:
    source = {"id": "re_1", "object": "refund", "amount": 1_000, "currency": "jpy"}
    fact = seen(amount=-650, fee=0, exchange_rate=0.65, source=source, reporting_category="refund")

    assert (fact.exchanged, fact.presented, fact.presented_currency) == (-650, -1_000, "jpy")


def test_a_shown_source_in_the_same_currency_changes_nothing() -> None:
    source = {"id": "ch_1", "object": "charge", "amount": 12_500, "currency": "usd"}

    assert seen(source=source) == seen() == seen(source=source, exchange_rate=1)


def test_another_currency_without_its_source_is_parked() -> None:
    assert "expand[]=data.source" in reason(exchange_rate=11.4)


def test_a_net_that_is_not_amount_less_fee_is_parked() -> None:
    assert "net 1 is not amount 12500 less fee 393" in reason(net=1)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"fee": 0},
        {"amount": -40, "reporting_category": "fee"},
        {"fee": 1_500, "amount": -12_500, "reporting_category": "dispute"},
        {"exchange_rate": 2, "source": {"id": "ch_1", "amount": 1, "currency": "eur"}},
        {"balance_type": "risk_reserved"},
        {"fee_details": parts(143, 250)},
        {"fee": -250, "amount": -12_500, "fee_details": parts(0, -250)},
    ],
)
def test_its_parts_are_its_net(fields: Json) -> None:
    fact = seen(**fields)

    assert fact.net == fact.cleared + fact.exchanged - fact.fee - fact.dispute_fee - fact.platform_fee


def test_a_business_has_to_the_cent_what_stripe_says_and_all_is_cleared() -> None:
    history = generate(seed=3, customers=60, months=12)
    events = [
        read_message(msgspec.json.encode(event), source="import", signature=None, livemode=True).rows
        for event in history.events
    ]
    rows = log_of(shuffled([*events, *map(listed, history.balance_transactions())], 3))
    told = held(*(row for _, row in rows))

    balance = {currency: held for currency, held in history.truth()["stripe_balance"].items() if held}
    assert {currency: n for (account, currency), n in told.items() if account == "stripe_balance"} == balance
    uncleared: Counter[str] = Counter()
    for move in [move for _, row in rows for move in row.movements]:
        for account, of, amount in (
            (move.debit, move.debit_of, move.amount),
            (move.credit, move.credit_of, -move.amount),
        ):
            uncleared[of] += amount if account == "stripe_uncleared" else 0
    pending = {each["id"] for each in history.truth()["refunds"] if each["status"] == "pending"}
    assert {of for of, amount in uncleared.items() if amount} <= pending
