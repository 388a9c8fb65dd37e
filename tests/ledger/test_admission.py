"""Which rows of a message are new? Pure decisions, over a log that is a dictionary."""

from datetime import timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.ledger.admission import Receipt, Telling, telling, told, told_together, unit
from ledgerstone.ledger.evidence import EvidenceConfirmed, EvidenceConflict, FactConflict, StripeObjectListed
from ledgerstone.ledger.payments import PaymentReceived
from ledgerstone.ledger.recorded import Recorded, decode
from tests.books import Books, Message
from tests.examples import AT, heard, received, recorded


def test_a_message_is_recorded_evidence_first() -> None:
    books = Books()
    assert books.append((heard("evt_1"), received("bistro"))) == [Receipt(1, False, False, 2)]
    assert books.names == ["stripe/evt_1", "stripe/charge/bistro/received"]


def test_a_message_is_admitted_from_its_rows_alone_as_another_process_sends_them() -> None:
    sent = msgspec.msgpack.encode(telling((heard("evt_1", parked="why"), received("bistro"))))
    books = Books()
    books.append((received("bistro", amount=1),))
    rows, receipt = unit(msgspec.msgpack.decode(sent, type=Telling)).decide(books.known, 2)

    assert [decode(row.state).name for row in rows[:1]] == ["stripe/evt_1"]
    assert receipt == Receipt(2, False, True, 2, conflicts=1)


def test_a_second_delivery_is_answered_with_the_first_position() -> None:
    books, message = Books(), (heard("evt_1"), received("bistro"))
    books.append((heard("evt_0"),), message)
    assert books.append(message) == [Receipt(2, True, False, 0)]


def test_two_deliveries_in_one_commit_are_one() -> None:
    books, message = Books(), (heard("evt_1"), received("bistro"))
    assert books.append(message, message) == [Receipt(1, False, False, 2), Receipt(1, True, False, 0)]


def test_a_delivery_differs_from_its_copy_in_the_count_of_undelivered_copies_only() -> None:
    books = Books()
    books.append((heard("evt_1", undelivered=2),), (heard("evt_1", undelivered=1),))
    assert len(books.rows) == 1


def test_another_body_under_a_known_name_is_kept_as_a_conflict_once() -> None:
    books, other = Books(), heard("evt_1", amount=999)
    books.append((heard("evt_1"),))
    assert books.append((other,), (other,)) == [Receipt(1, True, False, 1, 1), Receipt(1, True, False, 0)]
    (conflict,) = books.bodies(EvidenceConflict)
    assert isinstance(conflict, EvidenceConflict)
    assert conflict.payload == msgspec.structs.asdict(other.body)["payload"]
    assert books.names[1].startswith("stripe/evt_1/conflict/")


def test_another_api_version_says_the_same_in_other_words() -> None:
    books = Books()
    books.append((heard("evt_1"),), (heard("evt_1", amount=999, version="basil"),))
    assert len(books.rows) == 1


@pytest.mark.parametrize("parked", [None, "why"])
def test_a_known_page_of_a_list_adds_nothing_even_where_it_shows_more(parked: str | None) -> None:
    books = Books()
    first = StripeObjectListed(id="ch_1", object="charge", requested=AT, parked=parked, payload=b"{}")
    second = msgspec.structs.replace(first, parked=None, payload=b'{"paid": true}')
    books.append((recorded(first.name, first),))
    again = (recorded(second.name, second), received("bistro", cause=second.name))

    assert books.append(again) == [Receipt(1, True, parked is not None, 0)]
    assert books.names == [first.name]


def test_one_and_true_are_different_content() -> None:
    books = Books()
    one = msgspec.structs.replace(heard("evt_1").body, payload=b'{"paid": true}')
    other = msgspec.structs.replace(heard("evt_1").body, payload=b'{"paid": 1}')
    books.append((recorded("stripe/evt_1", one),), (recorded("stripe/evt_1", other),))
    assert books.bodies(EvidenceConflict)


def test_what_no_json_reader_reads_is_compared_byte_by_byte() -> None:
    books = Books()
    one = msgspec.structs.replace(heard("evt_1").body, payload=b'{"id": "\xff"}')
    other = msgspec.structs.replace(heard("evt_1").body, payload=b'{"id":  "\xff"}')
    message, again = (recorded("stripe/evt_1", one),), (recorded("stripe/evt_1", other),)
    books.append(message, message, again)
    assert len(books.bodies(EvidenceConflict)) == 1


def test_a_signed_delivery_confirms_what_was_imported() -> None:
    books, signed = Books(), (heard("evt_1"),)
    books.append((heard("evt_1", source="import"),))
    assert books.append(signed, signed) == [Receipt(1, True, False, 1), Receipt(1, True, False, 0)]
    assert books.bodies(EvidenceConfirmed) == [
        EvidenceConfirmed(first="stripe/evt_1", signature="v1=5257a869")
    ]


def test_an_import_confirms_nothing() -> None:
    books = Books()
    books.append((heard("evt_1"),), (heard("evt_1", source="import"),), (heard("evt_2", source="api"),))
    books.append((heard("evt_2", source="import"),))
    assert not books.bodies(EvidenceConfirmed)


def test_a_fact_that_two_messages_tell_is_recorded_once() -> None:
    books = Books()
    books.append((heard("evt_1"), received("bistro")))
    (receipt,) = books.append((heard("evt_2"), received("bistro", cause="stripe/evt_2"), received("acme")))
    assert receipt == Receipt(3, False, False, 2)
    assert books.names.count("stripe/charge/bistro/received") == 1


def test_a_fact_told_in_other_amounts_is_a_conflict_that_moves_nothing() -> None:
    books = Books()
    books.append((heard("evt_1"), received("bistro", 100)))
    books.append((heard("evt_2"), received("bistro", 250, "stripe/evt_2")))
    conflict = books.rows[-1]
    assert conflict.name == "stripe/charge/bistro/received/conflict/stripe/evt_2"
    assert conflict.movements == ()
    assert isinstance(conflict.body, FactConflict)
    assert msgspec.json.decode(conflict.body.told)["amount"] == 250


def test_a_conflict_of_a_message_that_is_read_again_is_told_once() -> None:
    books, again = Books(), received("bistro", 250, "stripe/evt_2")
    books.append((received("bistro", 100),), (again,))
    assert books.append((again,)) == [Receipt(1, True, False, 0)]


def test_what_moves_nothing_never_contradicts() -> None:
    books, row = Books(), heard("evt_1")
    later = Recorded(row.name, row.book, AT + timedelta(days=1), FactConflict(first="x", told=b"{}"))
    moved = Recorded(row.name, row.book, AT, FactConflict(first="y", told=b"{}"))
    books.append((later,), (moved,))
    assert len(books.rows) == 1


def test_parked_evidence_says_so_to_every_copy() -> None:
    books, parked = Books(), (heard("evt_1", parked="amount is a string"),)
    assert [receipt.parked for receipt in books.append(parked, parked)] == [True, True]


def test_facts_without_evidence_are_skipped_one_by_one() -> None:
    books = Books()
    books.append((received("acme"),))
    assert books.append((received("acme"), received("bistro"))) == [Receipt(2, False, False, 1)]
    assert books.append((received("bistro"), received("acme"))) == [Receipt(2, True, False, 0)]


def test_messages_told_together_are_answered_one_by_one() -> None:
    first, second = told((heard("evt_1"), received("bistro"))), told((heard("evt_1"),))
    rows, receipts = told_together([first, second]).decide({}, 8)
    assert receipts == [Receipt(8, False, False, 2), Receipt(8, True, False, 0)]
    assert len(rows) == 2


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Few ids and few amounts, so that messages collide."""
    event = draw(st.sampled_from(["evt_1", "evt_2", "evt_3"]))
    evidence = heard(
        event,
        amount=draw(st.sampled_from([100, 250])),
        undelivered=draw(st.integers(0, 1)),
        source=draw(st.sampled_from(["webhook", "import"])),
    )
    told_of = draw(st.lists(st.tuples(st.sampled_from(["acme", "bistro"]), st.sampled_from([100, 250]))))
    facts = tuple(received(charge, amount, evidence.name) for charge, amount in told_of)
    return (evidence, *facts) if draw(st.booleans()) else facts or (evidence,)


@given(st.lists(st.lists(messages(), max_size=4), max_size=4))
def test_however_messages_share_commits_each_name_is_recorded_once(commits: list[list[Message]]) -> None:
    apart, shared = Books(), Books()
    one_by_one = [receipt for commit in commits for message in commit for receipt in apart.append(message)]
    together = [receipt for commit in commits for receipt in shared.append(*commit)]
    assert one_by_one == together
    assert apart.rows == shared.rows
    assert len(set(apart.names)) == len(apart.names)


@given(st.lists(messages(), max_size=6), st.randoms())
def test_hearing_everything_again_in_any_order_adds_nothing(heard_once: list[Message], order: Random) -> None:
    books = Books()
    books.append(*heard_once)
    before = list(books.names)
    again = list(heard_once)
    order.shuffle(again)
    receipts = books.append(*again)
    assert all(receipt.duplicate for receipt in receipts)
    assert books.names == before


Tellings = dict[str, list[tuple[str, int]]]
charges = st.tuples(st.sampled_from(["acme", "bistro", "canteen"]), st.sampled_from([100, 250]))
tellings = st.dictionaries(st.sampled_from(["evt_1", "evt_2", "evt_3", "evt_4"]), st.lists(charges))


@given(tellings, st.randoms(), st.integers(1, 3))
def test_the_order_of_arrival_decides_only_which_telling_is_in_force(
    told_by: Tellings, order: Random, copies: int
) -> None:
    books, again = Books(), list(told_by) * copies
    order.shuffle(again)
    for event in again:
        books.append((heard(event), *(received(*charge, f"stripe/{event}") for charge in told_by[event])))

    facts = {f"stripe/charge/{charge}/received" for charges in told_by.values() for charge, _ in charges}
    assert {name for name in books.names if "/conflict/" not in name} == facts | {
        f"stripe/{e}" for e in told_by
    }
    assert len(set(books.names)) == len(books.names)
    in_force = {row.charge: row.amount for row in books.bodies(PaymentReceived)}  # type: ignore[union-attr]
    for event, charges in told_by.items():
        for charge, amount in charges:
            conflict = f"stripe/charge/{charge}/received/conflict/stripe/{event}"
            assert amount == in_force[charge] or conflict in books.names
