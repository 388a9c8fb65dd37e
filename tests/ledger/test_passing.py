"""What was passed on to connected accounts: theirs, or a share of what we sold."""

from datetime import date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerstone.ledger.payments import PaymentApplied, PaymentReceived
from ledgerstone.ledger.platform import ConnectedTransferMade, ConnectedTransferReversed
from ledgerstone.ledger.recorded import Recorded
from tests.closes import MONTHS, Log, closed_in_the_end
from tests.exchanged import INVOICE, TABLES, at, rates
from tests.sold import DAY, START, told

ASKED = ("passed_on", "unapplied_card", "passed_on_costs")


def received(amount: int, on: datetime, of: str = "1") -> Recorded:
    fact = PaymentReceived(charge=f"ch_{of}", payment=f"pi_{of}", amount=amount, currency="eur")
    return told(f"charge/ch_{of}/captured", on, fact)


def applied(amount: int, on: datetime, of: str = "1") -> Recorded:
    fact = PaymentApplied(invoice="in_1", payment=f"pi_{of}", amount=amount, currency="eur")
    return told(f"applied/in_1/pi_{of}", on, fact)


def made(
    amount: int, on: datetime, charge: str | None = "ch_1", currency: str = "eur", n: int = 1
) -> Recorded:
    fact = ConnectedTransferMade(transfer=f"tr_{n}", amount=amount, currency=currency, charge=charge)
    return told(f"transfer/tr_{n}/made", on, fact)


def reversed_(amount: int, on: datetime, n: int = 1) -> Recorded:
    fact = ConnectedTransferReversed(reversal=f"trr_{n}", transfer=f"tr_{n}", amount=amount, currency="eur")
    return told(f"transfer-reversal/trr_{n}", on, fact)


def held(log: Log) -> dict[str, int]:
    return {account: amount for (account, _), amount in log.balances().items() if account in ASKED}


def test_what_was_received_for_another_is_settled_by_passing_it_on() -> None:
    log = Log([received(100_00, at("2026-01-10")), made(90_00, at("2026-01-11"))])
    log.close("2026-01")
    assert held(log) == {"unapplied_card": -10_00}, "what was kept of it waits for whoever knows why"


def test_what_is_passed_on_of_our_own_invoices_is_a_cost() -> None:
    log = Log([received(100_00, at("2026-01-10")), applied(80_00, at("2026-01-10"))])
    log.tell(made(90_00, at("2026-01-11")))
    log.close("2026-01")
    assert held(log) == {"passed_on_costs": 70_00}
    log.tell(reversed_(40_00, at("2026-02-03")))
    log.close("2026-02")
    assert held(log) == {"passed_on_costs": 30_00}


def test_what_the_first_closes_did_not_divide_is_caught_up_with() -> None:
    log = Log([received(100_00, at("2026-01-10")), made(90_00, at("2026-01-11"))])
    log.close_as_at_first("2026-01")
    assert held(log) == {"passed_on": 90_00, "unapplied_card": -100_00}
    log.close("2026-02")
    assert held(log) == {"unapplied_card": -10_00}
    log.tell(applied(80_00, at("2026-03-03")))
    log.close("2026-03")
    assert held(log) == {"passed_on_costs": 70_00}


def test_an_invoice_that_is_told_later_makes_a_cost_of_it_in_the_first_open_month() -> None:
    log = Log([received(100_00, at("2026-01-10")), made(100_00, at("2026-01-11"))])
    log.close("2026-01")
    assert held(log) == {}
    log.tell(applied(100_00, at("2026-01-10")))
    log.close("2026-02")
    assert held(log) == {"passed_on_costs": 100_00}


@pytest.mark.parametrize(
    "transfer",
    [
        made(90_00, at("2026-01-11"), None),
        made(90_00, at("2026-01-11"), "ch_unheard"),
        made(90_00, at("2026-01-11"), currency="sek"),
    ],
)
def test_what_nobody_tells_of_waits(transfer: Recorded) -> None:
    log = Log([received(100_00, at("2026-01-10")), transfer])
    log.close("2026-01")
    assert held(log) == {"passed_on": 90_00, "unapplied_card": -100_00}


def test_a_share_keeps_the_rate_of_its_day_as_other_costs_do() -> None:
    log = Log(TABLES, "sek")
    log.tell(INVOICE, received(100_00, at("2026-10-05")), applied(100_00, at("2026-10-05")))
    log.tell(made(100_00, at("2026-10-05")))
    log.close("2026-10", "2026-11")
    gained = {account for account, _ in log.balances() if account in ("fx_gain", "fx_loss")}
    assert gained == set(), "nothing is held in euro: all was passed on when it came"


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_in_any_order_with_any_closes_the_balances_are_the_same_in_the_end(seed: int) -> None:
    random, due = Random(seed), rates(seed, 5)
    facts = [fact for n in range(4) for fact in _story(random, n)]
    expected = closed_in_the_end([*due, *facts], "sek")
    log, months = Log(due, "sek"), list(MONTHS)
    for fact in random.sample(facts, len(facts)):
        log.tell(fact)
        if random.random() < 0.2 and len(months) > 1:
            how = random.choice([log.close, log.close_as_at_first])
            how(months.pop(0))
    log.close(*months)
    assert log.balances() == expected
    assert log.balances().get(("passed_on", "eur"), 0) == 0


def _story(random: Random, n: int) -> list[Recorded]:
    def later() -> datetime:
        return START + random.randint(0, 200) * DAY + timedelta(hours=1)

    amount, of = random.randint(1, 9_999), str(n)
    facts = [received(amount, later(), of), made(random.randint(1, amount), later(), f"ch_{n}", n=n)]
    if random.random() < 0.6:
        facts.append(applied(random.randint(1, amount), later(), of))
    if random.random() < 0.4:
        body = facts[1].body
        assert isinstance(body, ConnectedTransferMade)
        facts.append(reversed_(random.randint(1, body.amount), later(), n))
    return facts


def test_nothing_is_shared_before_its_day() -> None:
    log = Log([received(100_00, at("2026-02-10")), made(90_00, at("2026-02-11"))])
    log.close("2026-01")
    assert log.balances(date(2026, 1, 31)) == {}
