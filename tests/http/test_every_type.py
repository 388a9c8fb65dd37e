"""Every type of message that Stripe publishes is answered and kept, with whatever object it comes."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.stripe.event_types import EVENT_TYPES
from ledgerstone.adapters.stripe.thin_types import THIN_TYPES
from ledgerstone.adapters.stripe.translate.routes import ROUTES
from tests import stripe_accounts as accounts
from tests import stripe_money as money
from tests import stripe_objects as stripe
from tests import stripe_schedules as schedules
from tests.http.parts import Service, deliver

Json = dict[str, Any]
NOBODY = "obj_1"
OBJECTS: dict[str, Callable[[], Json]] = {
    "account.application": lambda: {"id": "ca_1", "object": "application", "name": "Ledgerstone"},
    "account": accounts.account,
    "application_fee": money.fee,
    "application_fee.refund": money.fee_refund,
    "capability": accounts.capability,
    "charge.dispute": stripe.dispute,
    "charge.refund": stripe.refund,
    "charge": stripe.charge,
    "coupon": stripe.coupon,
    "credit_note": money.credit_note,
    "customer.discount": stripe.discount,
    "customer.subscription": stripe.subscription,
    "customer": stripe.customer,
    "customer_cash_balance_transaction": lambda: money.cash_transaction("funded", 12_500),
    "invoice": stripe.invoice,
    "invoice_payment": stripe.invoice_payment,
    "payment_intent": stripe.payment_intent,
    "payout": stripe.payout,
    "price": stripe.price,
    "product": lambda: {"id": "prod_1", "object": "product", "name": "Pro"},
    "refund": stripe.refund,
    "reserve.hold": money.hold,
    "reserve.release": money.release,
    "subscription_schedule": lambda: schedules.schedule(schedules.phase(stripe.BORN, stripe.NOW)),
    "topup": money.top_up,
    "transfer": money.transfer,
}
"""By the beginning of their types, the object that messages show; the longest beginning counts."""


def plausible(type: str) -> Json:
    subject = type.rpartition(".")[0]
    while subject and subject not in OBJECTS:
        subject = subject.rpartition(".")[0]
    return OBJECTS[subject]() if subject else {"id": NOBODY, "object": type.rpartition(".")[0]}


def told(service: Service, client: TestClient, messages: list[Json]) -> Json:
    """What the intake says after these messages, each of which was answered and kept."""
    for number, said in enumerate(messages):
        answer = deliver(client, {**said, "id": f"evt_{number}"})
        assert answer.status_code == 200, said["type"]
        assert not answer.json()["duplicate"], said["type"]
    service.engine.catch_up()
    health: Json = client.get("/sys/sync/stripe", params={"account": "acct_9"}).json()["data"]
    assert (health["heard"], health["unknown"], health["refused"]) == (len(messages), 0, 0)
    assert not [each for each in health["concerns"] if "mistake of ours" in each["reason"]]
    assert client.get("/readyz").status_code == 200
    return health


def test_each_type_with_a_plausible_object_is_answered_and_kept(service: Service, client: TestClient) -> None:
    types = sorted(EVENT_TYPES)
    messages = [stripe.event(type, plausible(type), account="acct_9") for type in types]
    health = told(service, client, messages)

    assert [each["event_type"] for each in health["types"] if each["parked"]] == []


@pytest.mark.parametrize("type", ROUTES)
def test_each_type_that_is_read_is_sent_with_an_object_of_its_own(type: str) -> None:
    assert plausible(type)["id"] != NOBODY, f"{type}: say in OBJECTS what its messages show"


@pytest.mark.parametrize("empty", [{}, None, [], "", {"id": "obj_1"}, {"id": None, "object": None}])
def test_each_type_with_an_empty_object_is_answered_and_kept(
    service: Service, client: TestClient, empty: Any
) -> None:
    types = sorted(EVENT_TYPES)
    health = told(service, client, [stripe.event(type, empty, account="acct_9") for type in types])

    assert {each["event_type"]: each["heard"] for each in health["types"]} == dict.fromkeys(types, 1)
    assert {each["event_type"] for each in health["types"] if each["parked"]} <= ROUTES.keys()


def test_each_thin_type_is_answered_and_kept_with_an_object_or_without(
    service: Service, client: TestClient
) -> None:
    types = sorted(THIN_TYPES)
    some = stripe.named("something", "obj_1", "/v1/somethings/obj_1")
    health = told(
        service,
        client,
        [stripe.thin(type, each, context="acct_9") for type in types for each in (some, None)],
    )

    assert {each["event_type"]: each["heard"] for each in health["types"]} == dict.fromkeys(types, 2)
    assert health["parked"] == 0
    assert [(each["kind"], each["subject"]) for each in health["concerns"]] == [
        ("refetch", "something/obj_1")
    ]
