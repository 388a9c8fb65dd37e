"""Objects as lists show them: what they are, from five minutes before they were asked for."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledgerstone.adapters.stripe.faults import Unreadable
from ledgerstone.adapters.stripe.translate.listed import read_listed
from ledgerstone.adapters.stripe.translate.message import Message
from ledgerstone.ledger.evidence import StripeObjectListed
from ledgerstone.ledger.subscriptions import SubscriptionSeen
from tests.stripe_objects import NOW, Json, event, invoice, read, subscription

ASKED = datetime.fromtimestamp(NOW + 0.5, UTC)


def listed(it: Any, account: str | None = None) -> Message:
    return read_listed(json.dumps(it).encode(), requested=ASKED, account=account, livemode=True)


def test_a_listed_object_is_named_by_itself_and_the_request_and_counts_from_five_minutes_before() -> None:
    evidence, seen = listed(subscription()).rows

    assert (evidence.name, seen.name) == (f"swept/sub_1/{NOW}", f"swept/sub_1/{NOW}/subscription")
    assert seen.cause == evidence.name
    assert evidence.happened_at == seen.happened_at == datetime.fromtimestamp(NOW, UTC) - timedelta(minutes=5)


def test_what_a_connected_account_lists_bears_its_name() -> None:
    assert [row.name for row in listed(subscription(), account="acct_1").rows] == [
        f"acct_1/swept/sub_1/{NOW}",
        f"acct_1/swept/sub_1/{NOW}/subscription",
    ]


def test_it_shows_what_an_event_would_show_and_no_change() -> None:
    shown = listed(subscription(status="past_due")).rows[1].body
    told = read(event("customer.subscription.updated", subscription(status="past_due"))).rows[1].body

    assert shown == told
    assert isinstance(shown, SubscriptionSeen)
    assert (shown.before, shown.first, shown.last) == (None, False, False)


def test_it_tells_what_happened_once_under_the_same_names_as_events_do() -> None:
    from_list = {row.name: row for row in listed(invoice()).rows}
    from_event = {row.name: row for row in read(event("invoice.finalized", invoice())).rows}

    issued = "invoice/in_1/issued"
    assert from_list[issued].movements == from_event[issued].movements != ()


def test_the_bytes_are_kept_and_what_cannot_be_used_is_parked() -> None:
    (evidence,) = listed({**subscription(), "customer": 7}, account="acct_1").rows

    assert isinstance(evidence.body, StripeObjectListed)
    assert json.loads(evidence.body.payload)["customer"] == 7
    assert evidence.body.parked is not None
    assert (evidence.book.account, evidence.book.livemode) == ("acct_1", True)


def test_the_other_mode_is_ignored() -> None:
    assert listed({**subscription(), "livemode": False}).ignored == "livemode"


@pytest.mark.parametrize("it", [[], {"object": "subscription"}, {"object": "account", "id": "acct_1"}])
def test_what_is_no_object_of_a_known_kind_is_unreadable(it: Json) -> None:
    with pytest.raises(Unreadable):
        listed(it)
