"""Connected accounts as Stripe tells of them: in their own books, without a word of who they are."""

import json
from itertools import permutations
from typing import Any

import pytest

from ledgerstone.adapters.stripe.translate.reading import moment
from ledgerstone.adapters.stripe.translate.routes import ROUTES
from ledgerstone.ledger.connect import (
    AccountAuthorized,
    AccountDeauthorized,
    Capability,
    CapabilitySeen,
    ConnectedAccount,
    ConnectedAccountSeen,
    Wanted,
)
from ledgerstone.ledger.recorded import Book, encode
from ledgerstone.projections.connect import ConnectRow
from tests.stripe_accounts import account, capability, requirements
from tests.stripe_objects import BORN, NOW, Json, event, facts, heard, parked, read
from tests.worlds import at_the_head

LATER = NOW + 86_400
DUE = requirements(
    currently_due=["person_1.dob.day", "external_account"],
    past_due=["company.tax_id"],
    pending_verification=["company.name"],
    current_deadline=LATER,
    disabled_reason="requirements.past_due",
)
OURS = {"id": "ca_1", "object": "application", "name": "Ledgerstone"}


def said(type: str, object: Json, at: int = NOW, previous: Any = None) -> Json:
    return event(type, object, previous, id=f"evt_{type}_{at}", created=at, account="acct_9")


def rows(*told: Json) -> list[ConnectRow]:
    """What is known of the account over time; the same in any order of arrival."""
    found = [_rows(order) for order in permutations(told)]
    assert all(each == found[0] for each in found)
    return found[0]


def _rows(told: tuple[Json, ...]) -> list[ConnectRow]:
    found = at_the_head([row for message in told for row in read(message).rows])["connect"]
    return sorted((row for row in found if isinstance(row, ConnectRow)), key=lambda row: row.valid_from)


def test_an_account_is_seen_with_what_it_may_do_and_what_is_wanted_of_it() -> None:
    fact = facts("account.updated", account(requirements=DUE))["stripe/evt_1/account"]
    assert fact == ConnectedAccountSeen(
        id="acct_9",
        now=ConnectedAccount(
            country="SE",
            currency="sek",
            charges_enabled=True,
            payouts_enabled=False,
            details_submitted=True,
            wanted=Wanted(
                due=("external_account", "person_1.dob.day"),
                late=("company.tax_id",),
                checked=("company.name",),
                deadline=moment(LATER),
                reason="requirements.past_due",
            ),
            capabilities=(("card_payments", "active"), ("transfers", "pending")),
        ),
    )


def test_what_changed_of_an_account_is_seen_too() -> None:
    fact = facts("account.updated", account(), {"charges_enabled": False})["stripe/evt_1/account"]
    assert isinstance(fact, ConnectedAccountSeen)
    assert fact.before is not None
    assert (fact.before.charges_enabled, fact.now.charges_enabled) == (False, True)


def test_who_stands_behind_an_account_is_in_no_fact() -> None:
    _, fact = read(said("account.updated", account())).rows
    assert not [word for word in (b"Acme", b"example", b"Stockholm", b"6789") if word in encode(fact)]


@pytest.mark.parametrize(
    "type", ["person.created", "person.updated", "person.deleted", "account.external_account.updated"]
)
def test_persons_and_bank_accounts_are_kept_only(type: str) -> None:
    message = read(said(type, {"id": "x_1", "first_name": "Astrid", "last4": "6789"}))
    assert type not in ROUTES
    assert (len(message.rows), heard(message).parked, heard(message).unknown) == (1, None, False)


def test_an_account_that_shows_little_is_seen_too() -> None:
    fact = facts("account.updated", {"id": "acct_9", "object": "account"})["stripe/evt_1/account"]
    assert fact == ConnectedAccountSeen(id="acct_9", now=ConnectedAccount())


def test_a_capability_is_seen() -> None:
    fact = facts("capability.updated", capability(), {"status": "active"})["stripe/evt_1/capability"]
    assert fact == CapabilitySeen(
        account="acct_9",
        capability="transfers",
        now=Capability(status="pending", requested=True),
        before=Capability(status="active", requested=True),
    )


@pytest.mark.parametrize(
    ("verb", "kind"), [("authorized", AccountAuthorized), ("deauthorized", AccountDeauthorized)]
)
def test_an_application_is_told_by_the_account_of_the_envelope(verb: str, kind: Any) -> None:
    evidence, fact = read(said(f"account.application.{verb}", OURS)).rows
    assert fact.body == kind(account="acct_9", application="ca_1")
    assert evidence.book == fact.book == Book("acct_9", True)


def test_an_application_of_nobody_parks_the_event() -> None:
    assert "whose application" in parked("account.application.deauthorized", OURS)


@pytest.mark.parametrize("type", ["account.updated", "capability.updated", "account.application.authorized"])
def test_all_of_it_stands_in_the_accounts_own_book(type: str) -> None:
    objects = {"account.updated": account(), "capability.updated": capability()}
    message = read(said(type, objects.get(type, OURS)))
    assert {row.book for row in message.rows} == {Book("acct_9", True)}


@pytest.mark.parametrize(
    ("object", "field"),
    [
        (account(id=None), "id"),
        (account(charges_enabled="yes"), "charges_enabled"),
        (account(capabilities={"transfers": 1}), "capabilities"),
        (account(requirements=requirements(currently_due="all")), "requirements.currently_due"),
    ],
)
def test_an_account_that_is_none_parks_the_event(object: Json, field: str) -> None:
    assert f"data.object.{field}" in parked("account.updated", object)


def test_an_account_is_known_from_the_first_message_on_and_by_what_changed() -> None:
    off = {"charges_enabled": False, "requirements": DUE}
    first, then = rows(
        said("account.updated", account(**off), BORN), said("account.updated", account(), NOW, off)
    )
    assert (first.charges_enabled, first.disabled_reason) == (False, "requirements.past_due")
    assert (first.due, first.late) == (("external_account", "person_1.dob.day"), ("company.tax_id",))
    assert (first.checked, first.deadline) == (("company.name",), moment(LATER))
    assert (first.valid_from, first.valid_to) == (moment(BORN), moment(NOW))
    assert (then.charges_enabled, then.due, then.late, then.valid_to) == (True, (), (), None)
    assert (then.id, then.country, then.currency, then.payouts_enabled) == ("acct_9", "SE", "sek", False)


def statuses(*told: Json) -> list[dict[str, str]]:
    return [json.loads(row.capabilities) for row in rows(*told)]


def test_what_was_said_last_of_a_capability_holds_whichever_said_it() -> None:
    seen = said("account.updated", account(), NOW)
    earlier = said("capability.updated", capability(status="inactive"), BORN)
    later = said("capability.updated", capability(status="active"), LATER)
    same = said("capability.updated", capability(status="active"), NOW)

    assert statuses(earlier, seen, later) == [
        {"transfers": "inactive"},
        {"card_payments": "active", "transfers": "pending"},
        {"card_payments": "active", "transfers": "active"},
    ]
    assert statuses(seen, same) == [{"card_payments": "active", "transfers": "active"}]


def test_what_a_capability_wants_is_wanted_of_the_account() -> None:
    wants = requirements(currently_due=["company.owners"], current_deadline=NOW + 60)
    (row,) = rows(
        said("account.updated", account(requirements=DUE)),
        said("capability.updated", capability(requirements=wants)),
    )
    assert row.due == ("company.owners", "external_account", "person_1.dob.day")
    assert row.deadline == moment(NOW + 60)


def test_an_account_that_sent_us_away_says_so_from_then_on_until_it_lets_us_back() -> None:
    told = (
        said("account.application.authorized", OURS, BORN),
        said("account.updated", account(), BORN),
        said("account.application.deauthorized", OURS, NOW),
        said("account.application.authorized", OURS, LATER),
    )
    assert [(row.deauthorized, row.valid_from) for row in rows(*told)] == [
        (False, moment(BORN)),
        (True, moment(NOW)),
        (False, moment(LATER)),
    ]
    assert [row.charges_enabled for row in rows(*told)] == [True, True, True]


def test_an_account_is_gone_when_the_last_application_is() -> None:
    other = {**OURS, "id": "ca_2"}
    told = (
        said("account.application.authorized", OURS, BORN),
        said("account.application.authorized", other, BORN + 1),
        said("account.application.deauthorized", OURS, NOW),
        said("account.application.deauthorized", other, LATER),
    )
    assert [(row.deauthorized, row.valid_from) for row in rows(*told)] == [
        (False, moment(BORN)),
        (True, moment(LATER)),
    ]


def test_of_one_second_the_leaving_is_the_last() -> None:
    both = [said(f"account.application.{verb}", OURS) for verb in ("deauthorized", "authorized")]
    assert [row.deauthorized for row in rows(*both)] == [True]
