"""A business is played, with facts that come late, twice and in any order, and months that are closed and
opened again: after every step its books keep all invariants."""

from contextlib import closing
from datetime import date, timedelta
from traceback import format_exception
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.recorder import environment
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.bootstrap import Settings
from ledgerstone.commands.verify import verify
from ledgerstone.demo.versions import VERSIONS
from ledgerstone.ledger import posting
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.invoices import InvoiceIssued
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.payments import PaymentApplied
from ledgerstone.ledger.payouts import PayoutSent
from ledgerstone.ledger.periods import PeriodClosed, in_force
from ledgerstone.ledger.transfers import Reason, TransferAssigned
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.views import VIEWS
from tests.bank_business import BankBusiness
from tests.books import Message
from tests.played import Log, RealLog
from tests.projections.test_laws import afresh
from tests.worlds import log_of, messages, shuffled

picks = st.integers(0, 9)
amounts = st.integers(1, 200)
maybe = st.booleans()


class Played(RuleBasedStateMachine):
    """What may be heard late is: it waits in `late`, and is told at some step, or in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.log = self.make()
        self.business = BankBusiness(self.told)
        self.told_so_far: list[Message] = []
        self.late: list[Message] = []
        self.is_late = False

    def make(self) -> Log:
        return Log()

    def told(self, message: Message) -> None:
        if self.is_late and message[0].actor is None:
            self.late.append(message)
        else:
            self.tell(message)

    def tell(self, message: Message) -> None:
        self.told_so_far.append(message)
        self.log.append(message)

    # How it is heard

    @rule(late=maybe)
    def mail(self, late: bool) -> None:
        """From here on messages are late, or not any more."""
        self.is_late = late

    @precondition(lambda self: self.late)
    @rule(pick=picks)
    def what_was_late_is_told(self, pick: int) -> None:
        self.tell(self.late.pop(pick % len(self.late)))

    @precondition(lambda self: self.told_so_far)
    @rule(pick=picks)
    def it_is_told_again(self, pick: int) -> None:
        self.log.append(self.told_so_far[-1 - pick % len(self.told_so_far)])

    # Time and months

    @rule(days=st.integers(1, 40))
    def time_passes(self, days: int) -> None:
        self.business.now += timedelta(days=days)

    @rule()
    def months_are_closed(self) -> None:
        """All that are over."""
        last = self.business.now.date().replace(day=1) - timedelta(days=1)
        if last > (self.log.through or date(2025, 12, 31)):
            self.log.close(f"{last:%Y-%m}")

    @precondition(lambda self: self.log.through)
    @rule(pick=picks)
    def a_month_is_opened_again(self, pick: int) -> None:
        closes = list(in_force([row.body for row in self.log.rows]))
        self.log.reopen(closes[pick % len(closes)])

    # Invoices and payments

    @initialize()
    def begins(self) -> None:
        self.business.issue(100, 25, use=False, days=31)

    @rule(net=amounts, tax=st.integers(0, 25), use=maybe, days=st.integers(1, 90))
    def an_invoice_is_issued(self, net: int, tax: int, use: bool, days: int) -> None:
        self.business.issue(net, tax, use, days)

    @precondition(lambda self: self.business.owed())
    @rule(pick=picks, part=st.sampled_from([1, 2, 3]), over=st.sampled_from([0, 0, 7]))
    def an_invoice_is_paid(self, pick: int, part: int, over: int) -> None:
        it = self.owed(pick)
        amount = max(1, it.left // part) + (over if part == 1 else 0)
        self.business.use(self.business.receive(amount), it, amount)

    @rule(amount=amounts)
    def money_is_received_for_nothing_yet(self, amount: int) -> None:
        self.business.receive(amount)

    @precondition(lambda self: self.business.owed() and self.unused())
    @rule(pick=picks)
    def what_was_received_is_used(self, pick: int) -> None:
        payment, it = self.unused()[pick % len(self.unused())], self.owed(pick)
        self.business.use(payment, it, min(it.left, payment.amount - payment.used))

    @precondition(lambda self: self.business.owed())
    @rule(pick=picks, in_parts=maybe)
    def an_invoice_is_paid_elsewhere(self, pick: int, in_parts: bool) -> None:
        self.business.pay_elsewhere(self.owed(pick), in_parts)

    @precondition(lambda self: self.business.owed())
    @rule(pick=picks, what=st.sampled_from(["write_off", "void"]))
    def an_invoice_is_given_up(self, pick: int, what: str) -> None:
        if (it := self.owed(pick)).status == "open":
            getattr(self.business, what)(it)

    def owed(self, pick: int) -> Any:
        return self.business.owed()[pick % len(self.business.owed())]

    def unused(self) -> list[Any]:
        return [each for each in self.business.payments if each.amount > each.used]

    # What is given back

    @precondition(lambda self: self.returnable())
    @rule(pick=picks, part=st.sampled_from([1, 2]))
    def a_refund_is_promised(self, pick: int, part: int) -> None:
        payment = self.returnable()[pick % len(self.returnable())]
        self.business.refund(payment, max(1, (payment.amount - payment.back) // part))

    @precondition(lambda self: self.refunds("pending"))
    @rule(pick=picks, fails=maybe)
    def a_refund_is_settled_or_fails(self, pick: int, fails: bool) -> None:
        it = self.refunds("pending")[pick % len(self.refunds("pending"))]
        (self.business.fail if fails else self.business.settle)(it)

    @precondition(lambda self: self.refunds("settled"))
    @rule(pick=picks)
    def a_refund_fails_after_it_was_settled(self, pick: int) -> None:
        self.business.fail(self.refunds("settled")[pick % len(self.refunds("settled"))])

    @rule(pick=picks, amount=amounts, kind=st.sampled_from(["refunded", "to_balance", "elsewhere"]))
    def a_credit_note_gives_back(self, pick: int, amount: int, kind: str) -> None:
        it = self.business.invoices[pick % len(self.business.invoices)]
        payment = next(iter(self.returnable()), None) if kind == "refunded" else None
        if kind == "refunded" and payment is None:
            return
        most = payment.amount - payment.back if payment else it.paid
        if most > 0:
            self.business.credit_note(it, kind, min(amount, most), payment)

    @precondition(lambda self: self.business.owed())
    @rule(pick=picks, amount=amounts)
    def a_credit_note_takes_off(self, pick: int, amount: int) -> None:
        it = self.owed(pick)
        self.business.credit_note(it, "before_payment", min(amount, it.left - it.by_bank), None)

    @precondition(lambda self: self.business.notes)
    @rule(pick=picks)
    def a_credit_note_is_voided(self, pick: int) -> None:
        note = self.business.notes[pick % len(self.business.notes)]
        (it,) = [each for each in self.business.invoices if each.id == note.invoice]
        if it.status == "open":  # the provider's rule
            self.business.notes.remove(note)
            self.business.void_note(note)

    @precondition(lambda self: self.returnable())
    @rule(pick=picks)
    def a_payment_is_disputed(self, pick: int) -> None:
        payment = self.returnable()[pick % len(self.returnable())]
        self.business.dispute(payment, payment.amount - payment.back)

    @precondition(lambda self: self.disputed())
    @rule(pick=picks, part=st.sampled_from([1, 2]), lost=maybe)
    def a_dispute_is_decided(self, pick: int, part: int, lost: bool) -> None:
        it = self.disputed()[pick % len(self.disputed())]
        if lost:
            self.business.lose(it)
        else:
            self.business.reinstate(it, max(1, it.left // part))

    def returnable(self) -> list[Any]:
        return [each for each in self.business.payments if each.amount > each.back]

    def refunds(self, status: str) -> list[Any]:
        return [each for each in self.business.refunds if each.status == status]

    def disputed(self) -> list[Any]:
        return [each for each in self.business.disputes if each.left]

    # The provider's balance, and the bank

    @rule(amount=amounts)
    def a_payout_is_sent(self, amount: int) -> None:
        self.business.pay_out(amount)

    @precondition(lambda self: self.business.payouts)
    @rule(pick=picks, fails=maybe)
    def a_payout_arrives_or_fails(self, pick: int, fails: bool) -> None:
        if fails:
            self.business.fail_payout(self.business.payouts[pick % len(self.business.payouts)])
        else:
            self.business.arrive(pick)

    @precondition(lambda self: self.business.uncleared)
    @rule(pick=picks, fee=st.integers(0, 3), elsewhere=maybe)
    def a_balance_transaction_is_listed(self, pick: int, fee: int, elsewhere: bool) -> None:
        self.business.clear(pick, fee, elsewhere)

    @rule(amount=amounts, what=st.sampled_from(["top_up", "hold", "fee", "transfer", "cash", "bank"]))
    def the_provider_does_something_else(self, amount: int, what: str) -> None:
        if what == "cash":
            self.business.cash(amount)
        elif what == "bank":
            self.business.top_up(amount)
        else:
            self.business.provider(what, amount)

    @precondition(lambda self: self.business.undone)
    @rule(pick=picks)
    def the_provider_undoes_something(self, pick: int) -> None:
        self.business.undo(pick)

    @rule(amount=st.integers(-50, 300).filter(bool))
    def a_transfer_comes_or_goes(self, amount: int) -> None:
        self.business.come(amount)

    @precondition(lambda self: self.business.inbox)
    @rule(pick=picks, limit=st.sampled_from([0, 5]), fee=st.sampled_from([0, 1]), way=picks)
    def a_transfer_is_decided(self, pick: int, limit: int, fee: int, way: int) -> None:
        it = self.business.inbox[pick % len(self.business.inbox)]
        if way == 0 and it.amount > 0:
            self.business.send_back(it)
        elif way in (1, 2):
            self.business.ignore(it, get_args(Reason)[pick % 5])
        elif way == 3 and any(
            each.elsewhere - each.found >= it.amount > 0 for each in self.business.invoices
        ):
            self.business.find_what_was_paid_elsewhere(it)
        elif it.amount > 0:
            self.business.assign_to_invoices(it, limit, fee)

    def sought(self, amount: int) -> bool:
        return any(each.elsewhere - each.found >= amount > 0 for each in self.business.invoices)

    @precondition(lambda self: self.business.assigned)
    @rule(pick=picks)
    def a_transfer_is_unassigned(self, pick: int) -> None:
        self.business.unassign(self.business.assigned[pick % len(self.business.assigned)])

    @precondition(lambda self: self.refunds("pending"))
    @rule(pick=picks)
    def a_refund_is_paid_by_bank(self, pick: int) -> None:
        self.business.refund_by_bank(pick)

    # What is always true

    @invariant()
    def the_books_keep_their_invariants(self) -> None:
        found = self.log.problems()
        wrong = [each.said for each in found if not (each.waits and self.may_wait(each.said))]
        if wrong:
            raise AssertionError("\n".join(wrong))

    def may_wait(self, said: str) -> bool:
        """Where some is late, or one of a thing's balance transactions was listed before the others."""
        return bool(self.late or (self.business.uncleared and "its balance transactions come to" in said))

    def teardown(self) -> None:
        """When all is told nothing waits, nor when all is closed."""
        for message in self.late:
            self.tell(message)
        self.late, self.is_late = [], False
        while self.business.uncleared:
            self.business.clear(0, 0, elsewhere=False)
        self.the_books_keep_their_invariants()
        self.business.now += timedelta(days=120)
        self.months_are_closed()
        self.the_books_keep_their_invariants()


def play(kind: type[Played], examples: int, steps: int, **more: Any) -> None:
    chosen = settings(max_examples=examples, stateful_step_count=steps, deadline=None, **more)
    run_state_machine_as_test(kind, settings=chosen)


def test_the_books_of_any_business_keep_their_invariants() -> None:
    play(Played, 100, 50)


@pytest.mark.parametrize("fact", [InvoiceIssued, PaymentApplied, PayoutSent, TransferAssigned, PeriodClosed])
def test_a_fact_that_is_missing_in_the_posting_table_is_found(
    fact: type[Fact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(posting._COMPILED, fact, ())
    with pytest.raises((AssertionError, ExceptionGroup)) as failed:
        play(Played, 100, 50, phases=[Phase.generate], derandomize=True, database=None)
    said = "".join(format_exception(failed.value))
    assert "no fact tells of" in said or "schedules have" in said


def test_the_books_of_a_real_log_keep_their_invariants(database: Database) -> None:
    """Fewer steps; in the end `verify` reads the same from the database."""

    class Real(Played):
        def make(self) -> Log:
            self.journal = Journal(environment(database.app_dsn))
            return RealLog(self.journal)

        def teardown(self) -> None:
            with afresh(database):
                super().teardown()
                with closing(PostgresViews(database.app_dsn)) as store:
                    Engine(VIEWS, self.journal, store).catch_up(1_000)
                self.journal.close()
                verdict = verify(
                    Settings(database_url=database.app_dsn, migration_database_url=database.owner_dsn)
                )
                assert (verdict.wrong, verdict.remarks) == ([], [])
                assert any("the books at position" in said for said in verdict.fine)

    play(Real, 4, 30, suppress_health_check=list(HealthCheck))


def test_what_was_told_while_a_month_was_closed_is_deferred_in_later_books() -> None:
    """Also when the month is opened and closed again, which earns it nevertheless as of its own days."""
    log, late = Log(), list[Message]()
    BankBusiness(late.append).issue(100, 25, use=False, days=60)
    log.close("2026-01")
    log.append(*late)
    log.reopen("2026-01")
    log.close("2026-01")

    assert log.problems() == []
    held = log.held(date(2026, 1, 31))
    assert (held["receivable", "eur"], held["deferred_revenue", "eur"]) == (0, -held["revenue", "eur"])


@pytest.mark.parametrize("shape", VERSIONS)
def test_the_books_of_a_business_that_its_provider_tells_of_keep_their_invariants(shape: str) -> None:
    """In any order; and where messages are missing nothing is wrong, but something waits."""
    told = shuffled(messages(4, customers=25, months=8, shape=shape), 1)
    whole, part = Log(), Log()
    whole.take([row for _, row in log_of(told)])
    part.take([row for _, row in log_of(told[::2])])

    assert whole.problems() == []
    found = part.problems()
    assert [each.said for each in found if not each.waits] == []
    assert found
