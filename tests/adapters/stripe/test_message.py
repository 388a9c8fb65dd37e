"""What is recorded when Stripe says this? Evidence first, and facts where there are any."""

import json
from typing import Any

import pytest

from ledgerstone.adapters.stripe.translate import message, routes
from ledgerstone.ledger.recorded import Book, decode, encode
from tests.stripe_objects import charge, event, heard, read, refund, subscription


def test_the_evidence_is_the_bytes_as_they_were_signed() -> None:
    body = json.dumps(event("charge.succeeded", charge(), account="acct_9"), indent=2).encode()
    said = message.read_message(body, source="webhook", signature="t=1,v1=ab", livemode=True)
    evidence = heard(said)
    assert (evidence.payload, evidence.signature, evidence.source) == (body, "t=1,v1=ab", "webhook")
    assert (evidence.id, evidence.event_type) == ("evt_1", "charge.succeeded")
    assert (evidence.api_version, evidence.account, evidence.livemode) == (
        "2026-10-28.endive",
        "acct_9",
        True,
    )
    assert said.rows[0].name == "stripe/evt_1"


def test_facts_follow_their_evidence_in_its_book_with_what_they_move() -> None:
    evidence, fact = read(event("charge.succeeded", charge(), account="acct_9")).rows
    assert evidence.book == fact.book == Book("acct_9", True)
    assert (evidence.cause, fact.cause) == (None, "stripe/evt_1")
    assert [(move.debit, move.credit, move.amount) for move in fact.movements] == [
        ("stripe_uncleared", "unapplied_card", 12_500)
    ]


def test_what_a_connected_account_tells_of_an_object_bears_its_name() -> None:
    own, connected = (
        [row.name for row in read(event("refund.created", refund(), **account)).rows]
        for account in ({}, {"account": "acct_9"})
    )
    assert own == ["stripe/evt_1", "stripe/evt_1/refund", "refund/re_1/requested", "refund/re_1/settled"]
    assert connected == [*own[:2], "acct_9/refund/re_1/requested", "acct_9/refund/re_1/settled"]


def test_the_other_mode_is_ignored() -> None:
    assert read(event("charge.succeeded", charge()), livemode=False) == message.Message(ignored="livemode")
    assert read(event("charge.succeeded", charge(), livemode=False)).ignored == "livemode"
    assert read(event("x.y", None, livemode=False, created=None)).rows == ()


def test_test_mode_has_books_of_its_own() -> None:
    said = read(event("charge.succeeded", charge(), livemode=False), livemode=False)
    assert {row.book for row in said.rows} == {Book("", False)}


def test_a_type_without_facts_of_ours_is_evidence_only() -> None:
    said = read(event("balance.available", {"object": "balance"}))
    assert len(said.rows) == 1
    assert (heard(said).unknown, heard(said).parked) == (False, None)


def test_a_type_that_stripe_does_not_list_is_kept_and_marked() -> None:
    said = read(event("customer.subscription.hibernated", subscription()))
    assert len(said.rows) == 1
    assert (heard(said).unknown, heard(said).parked) == (True, None)


@pytest.mark.parametrize("version", [None, "2031-01-01.zinnia"])
def test_any_api_version_is_tried(version: str | None) -> None:
    said = read(event("charge.succeeded", charge(), api_version=version))
    assert len(said.rows) == 2
    assert heard(said).api_version == version


@pytest.mark.parametrize("object", [None, [], "ch_1", {}, {"id": 7}])
def test_an_object_that_cannot_be_used_parks_its_evidence(object: Any) -> None:
    said = read(event("charge.succeeded", object))
    reason = heard(said).parked
    assert len(said.rows) == 1
    assert reason is not None
    assert reason.startswith("data.object")


@pytest.mark.parametrize("odd", ["\0", "\ud800", 2**63])
def test_what_no_fact_can_hold_parks_its_evidence_even_in_a_field_we_do_not_read(odd: Any) -> None:
    said = read(event("charge.succeeded", charge(description=odd)))
    assert len(said.rows) == 1
    assert str(heard(said).parked).startswith("data.object.description ")


def test_a_mistake_of_ours_costs_the_facts_and_not_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(routes.ROUTES, "charge.succeeded", lambda event: 1 // 0)
    said = read(event("charge.succeeded", charge()))
    assert len(said.rows) == 1
    assert "a mistake of ours: ZeroDivisionError" in str(heard(said).parked)


def test_every_row_can_be_stored_and_read_back() -> None:
    for row in read(event("customer.subscription.created", subscription())).rows:
        assert decode(encode(row)) == row
