"""Evidence that is read again after an upgrade of the readers, as people do it: by the command, on a log that
older readers have written."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from click.testing import Result
from msgspec.structs import replace

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.adapters.stripe.event_types import EVENT_TYPES
from ledgerstone.adapters.stripe.translate.listed import read_listed
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.bootstrap import journal_of
from ledgerstone.commands import retranslate
from ledgerstone.commands.retranslate import Wanted, read_again
from ledgerstone.demo.history import generate
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Recorded
from tests import stripe_objects as stripe
from tests.corrected import trial_balance
from tests.test_cli import Shell
from tests.worlds import shown

Message = tuple[Recorded, ...]
WRONG = "a field that was unknown in those days"


@pytest.fixture
def ledgerstone(database: Database) -> Shell:
    return Shell(database)


@pytest.fixture(scope="module")
def events() -> list[bytes]:
    return [msgspec.json.encode(event) for event in generate(seed=3, customers=4, months=2).events]


def told(event: bytes) -> Message:
    return read_message(event, source="import", signature=None, livemode=True).rows


def parked(event: bytes, reason: str = WRONG) -> Message:
    """As readers of those days left it: the evidence alone."""
    evidence = told(event)[0]
    return (replace(evidence, body=replace(evidence.body, parked=reason)),)


def misread(event: bytes) -> Message:
    """As readers of those days read it: half of every amount."""
    evidence, *facts = told(event)
    return (evidence, *map(_halved, facts))


def _halved(row: Recorded) -> Recorded:
    amount = getattr(row.body, "amount", None)
    if not isinstance(amount, int):
        return row
    body: Any = replace(row.body, amount=amount // 2)
    return replace(row, body=body, movements=movements(body))


def payout(amount: int, event: str = "evt_1", id: str = "po_1", **fields: Any) -> bytes:
    shown = {"id": id, "object": "payout", "status": "pending", "amount": amount, "currency": "eur"}
    said = stripe.event("payout.created", {**shown, "created": stripe.BORN}, id=event)
    return json.dumps({**said, **fields}).encode()


def rows(journal: Journal) -> list[Recorded]:
    return [entry.row for entry in journal.read(0, 10**6) if entry.row is not None]


def at_the_head(log: Sequence[Recorded]) -> dict[str, set[str]]:
    """What views show of the books; the intake's remarks left out."""
    return {name: found for name, found in shown(list(enumerate(log, 1))).items() if name != "sync"}


@contextmanager
def written(database: Database, messages: Sequence[Message]) -> Iterator[Journal]:
    with journal_of(database) as journal:
        journal.append_many(messages)
        yield journal


def counts(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return str(result.output.splitlines()[-1])


def test_what_waited_is_read_as_if_it_had_been_read_at_first(
    ledgerstone: Shell,
    events: list[bytes],
) -> None:
    old = [parked(event) if n % 3 == 0 else told(event) for n, event in enumerate(events)]
    true = [row for event in events for row in told(event)]
    with written(ledgerstone.database, old) as journal:
        before = rows(journal)
        assert at_the_head(before) != at_the_head(true)
        assert trial_balance(before) != trial_balance(true)

        result = ledgerstone("retranslate")

        log = rows(journal)
        assert f"{len(events[::3])} that waited were read, 0 are still parked" in result.output
        assert at_the_head(log) == at_the_head(true)
        assert trial_balance(log) == trial_balance({row.name: row for row in true}.values())
        facts = {row.name: row for row in log}
        first = {row.name: row for row in reversed(true)}
        own = [row for row in true[1:] if row.name.startswith("stripe/evt_")]
        assert all(facts[row.name] == first[row.name] for row in own if row.cause is not None)
    ledgerstone("rebuild", "--workers", "1")
    assert ledgerstone("verify").exit_code == 0


def page(**fields: Any) -> Message:
    shown = json.dumps({**stripe.subscription(), **fields}).encode()
    requested = datetime.fromtimestamp(stripe.NOW, UTC)
    return read_listed(shown, requested=requested, account=None, livemode=True).rows


@pytest.mark.parametrize("arguments", [[], ["--type", "subscription"], ["--all"]])
def test_a_page_of_a_list_that_waited_is_read(ledgerstone: Shell, arguments: list[str]) -> None:
    evidence, *seen = page()
    waiting = replace(evidence, body=replace(evidence.body, parked=WRONG))
    with written(ledgerstone.database, [(waiting,), page(id="sub_2", customer=7)]) as journal:
        result = ledgerstone("retranslate", *arguments)
        assert counts(result).startswith("  still parked: 1 × ")
        assert "1 that waited were read, 1 are still parked; 1 new facts" in result.output
        assert [row.name for row in rows(journal)[2:]] == [f"{evidence.name}/read/1", seen[0].name]
        assert len(shown(list(enumerate(rows(journal), 1)))["sync"]) == 1
    ledgerstone("rebuild", "--workers", "1")
    assert f"{evidence.name} is parked" not in ledgerstone("verify").output


def test_running_it_again_adds_nothing(ledgerstone: Shell, events: list[bytes]) -> None:
    with written(ledgerstone.database, [parked(event) for event in events]) as journal:
        ledgerstone("retranslate")
        head = journal.head()
        nothing = "0 that waited were read, 0 are still parked; 0 new facts, 0 corrected, 0 in conflict\n"
        assert ledgerstone("retranslate").output == nothing
        again = f"{len(events)} others were read again\n"
        assert ledgerstone("retranslate", "--all").output == again + nothing
        assert journal.head() == head


def test_only_one_type_is_read(ledgerstone: Shell) -> None:
    product = stripe.event(
        "product.created", {"id": "prod_1", "object": "product", "name": "Pro"}, id="evt_2"
    )
    with written(
        ledgerstone.database, [parked(payout(9000)), parked(json.dumps(product).encode())]
    ) as journal:
        result = ledgerstone("retranslate", "--type", "product.created")
        assert counts(result).startswith("1 that waited were read, 0 are still parked; 1 new facts")
        assert journal.find(["payout/po_1/sent"]) == {}


def test_a_type_that_nobody_knows_is_answered_with_those_that_sound_like_it(
    ledgerstone: Shell,
) -> None:
    result = ledgerstone("retranslate", "--type", "invoice.payed")
    assert result.exit_code == 2
    assert "did you mean invoice.paid" in result.output
    assert "invoice.paid" in EVENT_TYPES


def test_what_still_cannot_be_read_waits_and_is_told_by_reason(ledgerstone: Shell) -> None:
    unreadable = [payout(9000, f"evt_{n}", f"po_{n}", livemode="yes") for n in range(3)]
    with written(
        ledgerstone.database, [parked(event) for event in (*unreadable, payout(9000, "evt_4"))]
    ) as it:
        result = ledgerstone("retranslate")
        assert "1 that waited were read, 3 are still parked" in result.output
        assert "still parked: 3 × `livemode` is neither true nor false" in result.output
        assert it.head() == 4 + 2


def test_what_was_read_is_no_remark_any_more(ledgerstone: Shell) -> None:
    with written(ledgerstone.database, [parked(payout(9000)), parked(payout(1, "evt_2", livemode=0))]):
        ledgerstone("retranslate")
    ledgerstone("rebuild", "--workers", "1")
    said = ledgerstone("verify")
    assert "stripe/evt_1 is parked" not in said.output
    assert "stripe/evt_2 is parked" in said.output


def test_what_was_misread_is_corrected_by_its_own_message(
    ledgerstone: Shell,
    events: list[bytes],
) -> None:
    true = [row for event in events for row in told(event)]
    with written(ledgerstone.database, [misread(event) for event in events]) as journal:
        wrong = rows(journal)
        assert trial_balance(wrong) != trial_balance({row.name: row for row in true}.values())

        ledgerstone("retranslate")
        assert len(rows(journal)) == len(wrong)
        result = ledgerstone("retranslate", "--all")

        log = rows(journal)
        assert ", 0 in conflict" in result.output
        assert at_the_head(log) == at_the_head(true)
        assert trial_balance(log) == trial_balance({row.name: row for row in reversed(true)}.values())
        assert log[: len(wrong)] == wrong
    ledgerstone("rebuild", "--workers", "1")
    assert ledgerstone("verify").exit_code == 0


def test_every_upgrade_corrects_what_the_last_one_said(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reading(amount: int) -> Any:
        return lambda body, **how: read_message(payout(amount), **how)

    with written(database, [told(payout(9000))]) as journal:
        for amount in (7000, 8000, 9000):
            monkeypatch.setattr(retranslate, "read_message", reading(amount))
            report = read_again(journal, Wanted(everything=True))
            assert (report.corrected, report.facts, report.conflicts) == (1, 0, 0)
            assert trial_balance(rows(journal)) == trial_balance(told(payout(amount)))
        assert rows(journal)[-1].name == "payout/po_1/sent/corrected/3"


def test_a_message_does_not_correct_what_another_told(ledgerstone: Shell) -> None:
    """The first is in force; that the second says otherwise is a contradiction, and stays one."""
    with written(ledgerstone.database, [told(payout(9000)), parked(payout(7000, "evt_2"))]) as journal:
        for arguments in (["retranslate"], ["retranslate", "--all"], ["retranslate", "--all"]):
            assert ledgerstone(*arguments).exit_code == 0
        log = rows(journal)
        assert trial_balance(log) == trial_balance(told(payout(9000)))
        assert [row.name for row in log[3:]] == [
            "stripe/evt_2/read/1",
            "payout/po_1/sent/conflict/stripe/evt_2",
        ]
    assert ledgerstone("verify").exit_code == 1


def test_a_contradiction_is_settled_when_the_fact_is_corrected_to_it(ledgerstone: Shell) -> None:
    with written(ledgerstone.database, [misread(payout(9000)), told(payout(9000, "evt_2"))]):
        ledgerstone("rebuild", "--workers", "1")
        assert ledgerstone("verify").exit_code == 1
        ledgerstone("retranslate", "--all")
    ledgerstone("rebuild", "--workers", "1")
    assert ledgerstone("verify").exit_code == 0


def test_a_forged_correction_fails_verification(ledgerstone: Shell) -> None:
    sent = told(payout(9000))[1]
    with written(ledgerstone.database, [told(payout(9000))]) as journal:
        more = replace(superseding(sent, told(payout(9500))[1], 1), movements=movements(sent.body) * 2)
        journal.append_new([replace(more, cause=None)])
    ledgerstone("rebuild", "--workers", "1")
    result = ledgerstone("verify")
    assert result.exit_code == 1
    assert "row 3: what it undoes is not what 'payout/po_1/sent' moved" in result.output


def test_two_messages_that_were_misread_alike_do_not_contradict_each_other(
    ledgerstone: Shell,
) -> None:
    """The second is read before the first is corrected: what it says then is judged at the end."""
    first, second = payout(9000), payout(9000, "evt_2")
    waiting = parked(payout(9000, "evt_0"))
    with written(ledgerstone.database, [waiting, misread(first), misread(second)]) as journal:
        result = ledgerstone("retranslate", "--all")
        assert "0 new facts, 1 corrected, 0 in conflict" in result.output
        assert trial_balance(rows(journal)) == trial_balance(told(first))
        assert "0 that waited were read, 0 are" in ledgerstone("retranslate").output


def test_a_reader_that_has_lost_its_skill_takes_nothing_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(payload: bytes, **how: Any) -> Any:
        return read_message(payload.replace(b'"livemode": true', b'"livemode": "yes"'), **how)

    monkeypatch.setattr(retranslate, "read_message", unable)
    with written(database, [told(payout(9000))]) as journal:
        report = read_again(journal, Wanted(everything=True))
        assert report.lost.total() == 1
        assert journal.head() == 2
        assert "read once, but not by today's readers" in str(report)


def test_a_writer_that_was_faster_is_heard(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look into the log and the append, a webhook tells of the same fact in another amount."""
    with written(database, [parked(payout(9000))]) as journal:
        append, came = journal.append_new, list[Message]()

        def late(some: Sequence[Recorded]) -> None:
            if not came:
                came.append(told(payout(7000, "evt_2")))
                journal.append(came[0])
            append(some)

        monkeypatch.setattr(journal, "append_new", late)
        report = read_again(journal, Wanted())
        assert (report.read, report.facts, report.conflicts) == (1, 0, 1)
        assert trial_balance(rows(journal)) == trial_balance(told(payout(7000, "evt_2")))


@pytest.mark.parametrize("everything", [False, True])
def test_it_goes_on_where_it_was_broken_off(
    database: Database,
    events: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    everything: bool,
) -> None:
    monkeypatch.setattr(retranslate, "STEP", 7)
    monkeypatch.setattr(retranslate, "WINDOW", 10)
    old = misread if everything else parked
    with written(database, [old(event) for event in events]) as journal:
        steps, stop = 0, journal.append_new

        def tired(some: Sequence[Recorded]) -> None:
            nonlocal steps
            steps += 1
            if steps == 3:
                raise KeyboardInterrupt
            stop(some)

        with monkeypatch.context() as patch:
            patch.setattr(journal, "append_new", tired)
            with pytest.raises(KeyboardInterrupt):
                read_again(journal, Wanted(everything=everything))
        read_again(journal, Wanted(everything=everything))

        true = [row for event in events for row in told(event)]
        log = rows(journal)
        assert len({row.name for row in log}) == len(log)
        assert at_the_head(log) == at_the_head(true)
        assert trial_balance(log) == trial_balance({row.name: row for row in reversed(true)}.values())


def test_one_at_a_time(ledgerstone: Shell) -> None:
    with alone(ledgerstone.database.app_dsn, "retranslation"):
        result = ledgerstone("retranslate")
    assert result.exit_code == 1
    assert "another retranslation is running in this database: wait until it ends" in result.output


def invoices_told_as_they_grow() -> list[bytes]:
    """Paid elsewhere, as an older version tells it and then in parts; overpaid, and overpaid again."""
    marks = stripe.marks(finalized_at=stripe.BORN, paid_at=stripe.NOW)
    paid = stripe.invoice(status="paid", amount_paid=0, amount_remaining=12_500, status_transitions=marks)
    record = {"payment_record": "pr_1", "type": "payment_record"}
    whole = stripe.without(paid, "amount_overpaid", paid=True, paid_out_of_band=True)
    over = [{**paid, "id": "in_2", "amount_overpaid": sum} for sum in (300, 800)]
    said = [
        ("invoice.paid", whole, {"api_version": "2024-06-20"}),
        ("invoice_payment.paid", stripe.invoice_payment(payment=record), {}),
        *(("invoice.overpaid", each, {}) for each in over),
    ]
    return [
        json.dumps({**stripe.event(kind, object, id=f"evt_{n}"), **fields}).encode()
        for n, (kind, object, fields) in enumerate(said)
    ]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2)])
@pytest.mark.parametrize("waiting", [(), (0,), (1, 3), (2,)])
def test_what_outgrew_what_was_told_stays_whatever_is_read_again(
    ledgerstone: Shell, order: Sequence[int], waiting: Sequence[int]
) -> None:
    events = invoices_told_as_they_grow()
    with written(
        ledgerstone.database, [(parked if n in waiting else told)(events[n]) for n in order]
    ) as journal:
        assert f"{len(waiting)} that waited were read" in ledgerstone("retranslate").output
        assert "0 new facts, 0 corrected, 0 in conflict" in ledgerstone("retranslate", "--all").output
        held = trial_balance(rows(journal))
        assert held["paid_elsewhere", "in_1", "usd"] == 12_500
        assert held["customer_credit", "cus_1", "usd"] == -800
    ledgerstone("rebuild", "--workers", "1")
    assert ledgerstone("verify").exit_code == 0
