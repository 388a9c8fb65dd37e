"""One log, many books: a connected account's are answered as if there were no others, in any order."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from random import Random
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.http.app import READS
from ledgerstone.http.parameters import Booked
from tests import stripe_objects as stripe
from tests.databases import another
from tests.ecb_files import published
from tests.http.parts import PROBLEM, Service, deliver

Json = dict[str, Any]
PLATFORM, ONE, TWO = None, "acct_1One", "acct_2Two"
BOOKS = {PLATFORM: 1, ONE: 2, TWO: 3}
"""By what all amounts of each are multiplied: the ids are the same in all three."""

RATES = published(date(2026, 11, 4), {"usd": "1.1172", "sek": "10.978"})
"""Which are nobody's, and told in nobody's name."""

WITHOUT_A_BOOK = {"/sys/projections", "/sys/verification"}
"""What is not about anybody's books."""
TABLES = [read.path for read in READS if "{" not in read.path and read.path not in WITHOUT_A_BOOK]
SINGLE = {
    "/sys/invoices/{id}": "/sys/invoices/in_1",
    "/sys/payments/{id}": "/sys/payments/pi_1",
    "/sys/subscriptions/{id}": "/sys/subscriptions/sub_1",
    "/audit/explain/{view}/{key}": "/audit/explain/invoices/in_1",
    "/sys/journal/accounts/{account}": "/sys/journal/accounts/receivable",
    "/sys/periods/{period}": "/sys/periods/2026-11",
}
SUMMED = ("/sys/billing", "/sys/journal/balances", "/api")
NEEDED = {"/sys/billing/mrr/bridge": {"known_from": "0"}}
"""Parameters without which a route has no answer."""
QUESTIONS = [
    *((path, NEEDED.get(path, {})) for path in [*TABLES, *SINGLE.values()]),
    ("/sys/billing/mrr", {"group_by": "tenant"}),
    ("/sys/billing/mrr", {"group_by": "plan", "as_of": "2026-11-05"}),
    ("/sys/billing/mrr/movements", {"interval": "day", "from": "2026-11-01", "as_of": "2026-11-05"}),
    ("/sys/billing/revenue", {"group_by": "plan"}),
    ("/sys/billing/mrr/movements", {"as_of": "2026-11-05", "convert_to": "eur"}),
    ("/sys/subscriptions", {"plan": "prod_1"}),
    ("/sys/payments", {"customer": "cus_1"}),
    ("/sys/invoices", {"as_of": "2026-11-04T18:00:00Z"}),
    ("/audit/explain/mrr/cus_1", {"column": "mrr"}),
    ("/audit/explain/terms/price/price_1", {}),
    ("/sys/journal/entries", {"subject": "in_1"}),
    ("/sys/journal/balances", {"group_by": "subject", "chart": "receivable"}),
    ("/sys/journal/balances", {"from": "2026-11-04"}),
    ("/sys/journal/balances", {"group_by": "tenant"}),
    ("/audit/events", {"object": "in_1"}),
    ("/audit/events", {"type": "charge.*"}),
]
OF_THE_LOG = {
    "position",
    "evidence",
    "recorded_at",
    "account",
    "name",
    "lag",
    "last_heard_at",
    "accounts",
    "turned_away",
    "known_to",
    "evidence_position",
    "heard_at",
    "size",
    "sha256",
    "link",
}
"""What an answer says of the log rather than of the books."""


def _said(times: int) -> Iterator[Json]:
    """A small business; ids are the same for everybody."""
    terms = stripe.price(unit_amount=1_000 * times, unit_amount_decimal=str(1_000 * times))
    item = stripe.item(price=terms)
    total = 12_000 * times
    paid = {"amount_paid": total, "amount_remaining": 0, "amount_due": total, "total": total}
    yield stripe.event("product.created", {"id": "prod_1", "object": "product", "name": f"Pro {times}"})
    yield stripe.event("price.created", terms)
    yield stripe.event("coupon.created", stripe.coupon(percent_off=10.0 * times))
    yield stripe.event("customer.created", stripe.customer(metadata={"tenant_id": f"tenant_{times}"}))
    yield stripe.event("customer.discount.created", stripe.discount(subscription="sub_1"))
    started = stripe.subscription(items=stripe.listed(item), discounts=["di_1"])
    yield stripe.event("customer.subscription.created", started, created=stripe.BORN)
    more = {**started, "items": stripe.listed({**item, "quantity": 2 + times})}
    yield stripe.event("customer.subscription.updated", more, {"items": started["items"]})
    marks = stripe.marks(finalized_at=stripe.BORN + 3600, paid_at=stripe.BORN + 7200)
    invoice = stripe.invoice(status="paid", status_transitions=marks, **paid)
    yield stripe.event("invoice.paid", invoice)
    yield stripe.event("charge.succeeded", stripe.charge(amount=total, amount_captured=total))
    yield stripe.event("payment_intent.succeeded", stripe.payment_intent(amount=total, status="succeeded"))
    yield stripe.event("invoice_payment.paid", stripe.invoice_payment(amount_paid=total))
    yield stripe.event("refund.created", stripe.refund(amount=500 * times))
    yield stripe.event("charge.succeeded", stripe.charge(amount=10.5))
    yield stripe.event("moon.landed", {"id": f"moon_{times}"})


def _told(account: str | None) -> list[Json]:
    named = {} if account is None else {"account": account}
    times = BOOKS[account]
    return [
        {**said, "id": f"evt_{times}_{number}", "request": None, **named}
        for number, said in enumerate(_said(times))
    ]


class Worlds:
    """Three businesses in one log, and the same three each in a log of its own, told in the same order."""

    def __init__(self, together: Service, alone: dict[str | None, Service], seed: int) -> None:
        self.together, self.alone = together, alone
        self.ask = TestClient(together.app, raise_server_exceptions=False)
        self.ask_alone = {account: TestClient(service.app) for account, service in alone.items()}
        told = [(account, said) for account in BOOKS for said in _told(account)]
        Random(seed).shuffle(told)
        with ExitStack() as opened:
            for client in (self.ask, *self.ask_alone.values()):
                opened.enter_context(client)
            for account, said in told:
                assert deliver(self.ask, said).status_code == 200
                own = {key: value for key, value in said.items() if key != "account"}
                assert deliver(self.ask_alone[account], own).status_code == 200
            for service in (together, *alone.values()):
                service.hear([[RATES]])
            self._opened = opened.pop_all()

    def close(self) -> None:
        self._opened.close()
        for service in (self.together, *self.alone.values()):
            service.close()

    def rows_of(self, account: str | None) -> list[int]:
        """The positions of an account's rows in the log of all."""
        entries = self.together.journal.read(0, 10_000)
        return [each.position for each in entries if each.row and each.row.book.account == (account or "")]


@pytest.fixture(scope="module", params=[0, 1])
def worlds(server: EmbeddedServer, template: str, request: pytest.FixtureRequest) -> Iterator[Worlds]:
    def service(name: str) -> Service:
        return Service(another(server, template, f"books_{request.param}_{name}"))

    alone = {account: service(str(times)) for account, times in BOOKS.items()}
    worlds = Worlds(service("all"), alone, request.param)
    yield worlds
    worlds.close()


def _of_the_books(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _of_the_books(each) for key, each in value.items() if key not in OF_THE_LOG}
    return [_of_the_books(each) for each in value] if isinstance(value, list) else value


def _named(account: str | None) -> Json:
    return {} if account is None else {"account": account}


@pytest.mark.parametrize("account", BOOKS)
@pytest.mark.parametrize(("path", "query"), QUESTIONS)
def test_books_are_answered_as_if_there_were_no_others(
    worlds: Worlds, path: str, query: Json, account: str | None
) -> None:
    answer = worlds.ask.get(path, params={**query, **_named(account)})
    alone = worlds.ask_alone[account].get(path, params=query)

    assert (answer.status_code, alone.status_code) == (200, 200)
    assert answer.json()["data"]
    assert _of_the_books(answer.json()["data"]) == _of_the_books(alone.json()["data"])
    assert answer.json()["meta"]["incomplete"] == alone.json()["meta"]["incomplete"]


@pytest.mark.parametrize("account", BOOKS)
@pytest.mark.parametrize(
    "path",
    [path for path in TABLES if path.startswith(SUMMED) and path not in NEEDED],
)
def test_books_are_answered_alone_as_they_were_known_at_any_time(
    worlds: Worlds, path: str, account: str | None
) -> None:
    positions = worlds.rows_of(account)
    for place in range(5, len(positions), 7):
        at = {"known_at": str(positions[place - 1])}
        then = worlds.ask.get(path, params={**at, **_named(account)})
        alone = worlds.ask_alone[account].get(path, params={"known_at": str(place)})
        assert then.json()["data"] == alone.json()["data"]


@pytest.mark.parametrize("account", BOOKS)
@pytest.mark.parametrize("path", ["/sys/invoices", "/sys/payments", "/sys/subscriptions", "/sys/billing/mrr"])
def test_a_file_holds_the_rows_of_one_account(worlds: Worlds, path: str, account: str | None) -> None:
    file = worlds.ask.get(f"{path}.csv", params=_named(account))
    alone = worlds.ask_alone[account].get(f"{path}.csv")

    assert file.text == alone.text
    assert file.text.count("\r\n") > 1


def test_a_page_goes_on_in_the_books_in_which_it_began(worlds: Worlds) -> None:
    first = worlds.ask.get("/audit/events", params={"limit": 2, "account": ONE}).json()
    rest = {"limit": 1000, "after": first["next"]}

    assert {row["account"] for row in first["data"]} == {ONE}
    own = worlds.ask.get("/audit/events", params={**rest, "account": ONE}).json()["data"]
    assert {row["account"] for row in own} == {ONE}
    assert len(own) + 2 == len(_told(ONE))
    assert worlds.ask.get("/audit/events", params=rest).status_code == 400
    assert worlds.ask.get("/audit/events", params={**rest, "account": TWO}).status_code == 400


def test_a_message_is_shown_to_its_own_account_only(worlds: Worlds) -> None:
    row = worlds.ask.get("/audit/events", params={"limit": 1, "account": ONE}).json()["data"][0]
    path = f"/audit/events/{row['position']}"

    assert worlds.ask.get(path, params={"account": ONE}).json()["data"]["id"] == row["id"]
    assert worlds.ask.get(path).status_code == 404
    assert worlds.ask.get(path, params={"account": TWO}).status_code == 404


def test_the_platform_is_told_which_accounts_need_a_look(worlds: Worlds) -> None:
    own = worlds.ask.get("/sys/sync/stripe").json()["data"]
    connected = worlds.ask.get("/sys/sync/stripe", params={"account": ONE}).json()["data"]

    assert own["accounts"] == [ONE, TWO]
    assert own["turned_away"]
    assert (connected["accounts"], connected["turned_away"]) == ([], None)
    assert own["heard"] == connected["heard"] == len(_told(ONE))


@pytest.mark.parametrize("path", [*TABLES, *SINGLE.values(), "/audit/events/1"])
@pytest.mark.parametrize(
    ("account", "status"),
    [("acct_nobody", 404), ("nonsense", 400), ("", 400), ("acct_1One:live", 400), ("acct_'", 400)],
)
def test_an_account_that_there_is_not_is_a_problem(
    worlds: Worlds, path: str, account: str, status: int
) -> None:
    for place in (path, f"{path}.csv"):
        answer = worlds.ask.get(place, params={"account": account})
        if answer.status_code == 404 and "There is nothing at" in answer.json()["detail"]:
            continue  # it has no file
        assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
        assert answer.json()["parameter"] == "account"


@pytest.mark.parametrize("read", READS, ids=lambda read: read.path)
def test_every_route_is_asked_for_one_account_or_is_about_none(read: Any) -> None:
    takes = issubclass(read.query, Booked)

    assert takes != (read.path in WITHOUT_A_BOOK), (
        f"{read.path}: let its parameters be Booked, or list it in WITHOUT_A_BOOK"
    )
    elsewhere = {"/audit/events/{position}", "/sys/periods/{period}/lines"}  # the latter by test_closed_lines
    assert read.path in {*TABLES, *SINGLE, *WITHOUT_A_BOOK, *elsewhere}, (
        f"{read.path}: ask for it in this file, in books of which there are several"
    )
