"""Months are closed and opened again over HTTP: once, whoever asks how often, and with a reason why not."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.http import app, deciding
from ledgerstone.http.errors import RETRY, Problem
from ledgerstone.ledger.invoices import InvoiceIssued, ServiceLine
from ledgerstone.ledger.payments import PaymentApplied
from ledgerstone.ledger.periods import PeriodClosed, PeriodReopened
from ledgerstone.ledger.posting import movements
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections import closes
from tests import stripe_objects as stripe
from tests.exchanged import INVOICE, TABLES
from tests.http.parts import PROBLEM, Service, deliver, every

ADA, WHY = {"actor": "ada"}, {"actor": "ada", "reason": "an invoice was missing"}
OURS = Book("", True)


def issued(n: int, at: str = "2026-01-15", book: Book = OURS) -> list[Recorded]:
    """31.00 EUR for a month from 15 January."""
    line = ServiceLine(31_00, "pro", date(2026, 1, 15), date(2026, 2, 15), "sub_1")
    body = InvoiceIssued(invoice=f"in_{n}", currency="eur", net=31_00, tax=0, lines=(line,))
    happened = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return [Recorded(f"invoice/in_{n}/issued", book, happened, body, movements=movements(body))]


def close(client: TestClient, month: str, said: Any = ADA, **query: Any) -> Any:
    return client.post(f"/sys/periods/{month}/close", json=said, params=query)


def reopen(client: TestClient, month: str, said: Any = WHY) -> Any:
    return client.post(f"/sys/periods/{month}/reopen", json=said)


def decided(service: Service) -> list[tuple[str, str]]:
    bodies = [entry.row.body for entry in service.journal.read(0, 10_000) if entry.row is not None]
    return [
        (type(body).__name__, body.period)
        for body in bodies
        if isinstance(body, PeriodClosed | PeriodReopened)
    ]


def test_other_currencies_are_valued_in_the_functional_one_or_the_missing_rate_is_said(
    database: Database,
) -> None:
    service = Service(database, functional_currency="sek")
    with TestClient(service.app, raise_server_exceptions=False) as client:
        service.hear([[INVOICE]])
        refused = close(client, "2026-10")
        assert (refused.status_code, refused.headers["content-type"]) == (409, PROBLEM)
        assert "no rate from eur to sek is known from before 2026-10-05" in refused.json()["detail"]

        service.hear([[row] for row in TABLES])
        moved = {each["what"]: each for each in close(client, "2026-10").json()["moved"]}
        assert (moved["fx_risen"]["amount"], moved["fx_risen"]["credit"]) == (20_00, "fx_unrealised_gain")
    service.close()


def test_a_month_is_closed_and_said_what_that_moved(service: Service, client: TestClient) -> None:
    service.hear([issued(1)])
    answer = close(client, "2026-01")

    assert (answer.status_code, answer.headers["Ledger-Position"]) == (200, "2")
    said = answer.json()
    assert (said["position"], said["duplicate"], said["known_at"]) == (2, False, 1)
    (moved,) = said["moved"]
    assert (moved["what"], moved["debit"], moved["credit"]) == ("earned", "deferred_revenue", "revenue")
    assert (moved["plan"], moved["currency"], moved["amount"], moved["count"]) == ("pro", "eur", 17_00, 1)
    told = client.get("/sys/periods/2026-01").json()["data"]
    assert {name: told[name] for name in ("digest", "moved", "balances", "position")} == {
        name: said[name] for name in ("digest", "moved", "balances", "position")
    }


def used(n: int, moved: int = 10) -> list[Recorded]:
    """Money that nobody told to have been received."""
    fact = PaymentApplied(invoice=f"in_{n}", payment=f"pi_{n}", amount=10, currency="eur")
    moves = movements(PaymentApplied(invoice=f"in_{n}", payment=f"pi_{n}", amount=moved, currency="eur"))
    at = datetime(2026, 1, 15, tzinfo=UTC)
    return [Recorded(f"applied/in_{n}/pi_{n}", OURS, at, fact, movements=moves)]


def test_what_was_not_told_yet_is_said_to_whoever_closes(service: Service, client: TestClient) -> None:
    service.hear([issued(1), used(1)])
    first, again = close(client, "2026-01").json(), close(client, "2026-01").json()
    assert first["waiting_count"] == 2
    invoice, payment = sorted(first["waiting"])
    assert "invoice in_1 of :live" in invoice
    assert "the invoice itself was never shown: sync it" in invoice
    assert "payment pi_1 of :live" in payment
    assert again == first | {"duplicate": True}
    other = Service(service.database)
    with TestClient(other.app) as another:
        told = close(another, "2026-01").json()
    other.close()
    assert told == again | {"waiting": None, "waiting_count": None}, "who begins anew does not know"


def test_books_that_do_not_keep_their_invariants_are_not_closed(service: Service, client: TestClient) -> None:
    service.hear([issued(1), used(1, moved=11)])
    answer = close(client, "2026-01")
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    assert "2026-01 is not closed, because the books are not sound" in answer.json()["detail"]
    assert "a movement that no fact tells of" in answer.json()["detail"]
    assert not decided(service)


def test_to_ask_again_is_answered_as_at_first_and_writes_nothing(
    service: Service, client: TestClient
) -> None:
    service.hear([issued(1)])
    for act, said in ((close, ADA), (reopen, WHY), (close, ADA)):
        first, again = act(client, "2026-01", said), act(client, "2026-01", said)
        assert first.status_code == again.status_code == 200, first.text
        assert first.json() | {"duplicate": True} == again.json()
    assert [did for did, _ in decided(service)] == ["PeriodClosed", "PeriodReopened", "PeriodClosed"]


def test_a_reopening_names_all_months_that_it_opens(service: Service, client: TestClient) -> None:
    service.hear([issued(1)])
    for month in ("2026-01", "2026-02", "2026-03"):
        assert close(client, month).status_code == 200
    first, again = reopen(client, "2026-02"), reopen(client, "2026-02")
    assert first.json() == {
        "period": "2026-02",
        "position": 6,
        "duplicate": False,
        "reopened": ["2026-02", "2026-03"],
    }
    assert again.json() == first.json() | {"duplicate": True}
    earlier = reopen(client, "2026-01")
    assert (earlier.json()["reopened"], earlier.json()["position"]) == (["2026-01"], 7)


@pytest.mark.parametrize(
    ("act", "month", "said", "status", "says"),
    [
        (close, "2026-13", ADA, 400, "write it as 2026-10"),
        (close, "never", ADA, 400, "write it as 2026-10"),
        (reopen, "2026-1", WHY, 400, "write it as 2026-10"),
        (close, "0206-10", ADA, 400, "0206-10 is of no year that is kept here: those are 1970 to 2999"),
        (reopen, "0206-10", WHY, 400, "1970 to 2999"),
        (close, "1969-12", ADA, 400, "1970 to 2999"),
        (close, "3000-01", ADA, 400, "1970 to 2999"),
        (close, "2026-11", ADA, 409, "2026-11 is not over"),
        (close, "2999-01", ADA, 409, "2999-01 is not over"),
        (close, "2026-01", ADA, 409, "2026-02 is closed, and with it all before"),
        (close, "2026-02", {"actor": "bob"}, 409, "2026-02 is closed, and with it all before"),
        (reopen, "2026-01", WHY, 409, "closed together with 2026-02: reopen 2026-02"),
        (reopen, "2026-03", WHY, 409, "2026-03 is not closed"),
        (close, "2026-03", {}, 422, "actor"),
        (close, "2026-03", {"actor": " "}, 422, "actor"),
        (close, "2026-03", {"actor": "ada", "why": "so"}, 422, "why"),
        (close, "2026-03", {"actor": "ada\n"}, 422, "actor"),
        (close, "2026-03", ["ada"], 422, "a JSON object with `actor`, `reason`"),
        (reopen, "2026-02", ADA, 422, "reason"),
        (reopen, "2026-02", {"actor": "ada", "reason": " "}, 422, "reason"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    service: Service, client: TestClient, act: Any, month: str, said: Any, status: int, says: str
) -> None:
    service.hear([issued(1)])
    assert close(client, "2026-02").status_code == 200
    answer = act(client, month, said)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
    assert says in answer.json()["detail"]
    assert len(decided(service)) == 1


def test_months_are_listed_from_the_first_that_has_anything_or_is_closed(
    service: Service, client: TestClient
) -> None:
    def listed() -> list[str]:
        service.engine.catch_up()
        return [row["period"] for row in every(client, "/sys/periods", as_of="2026-03")]

    service.hear([issued(1, "2026-03-15")])
    assert listed() == ["2026-03"]
    assert close(client, "2026-01").status_code == 200
    assert listed() == ["2026-03", "2026-02", "2026-01"]
    assert reopen(client, "2026-01").status_code == 200
    assert listed() == ["2026-03"], "what was closed once, and is empty, is no beginning"
    closes.close_in(service.journal, OURS, "0206-10", "ada")  # as was accepted once
    assert listed() == ["2026-03"]
    assert client.get("/sys/periods/0206-10").status_code == 400


def test_a_body_is_json_of_a_size(client: TestClient) -> None:
    path = "/sys/periods/2026-01/close"
    assert client.post(path, data={"actor": "ada"}).status_code == 415
    assert client.post(path).status_code == 415
    broken = client.post(path, content=b'{"actor": ', headers={"Content-Type": "application/json"})
    assert broken.status_code == 422
    assert close(client, "2026-01", {"actor": "ada", "reason": "x" * 20_000}).status_code == 413
    assert client.get(path).status_code == 405


def test_each_book_closes_its_own_months(service: Service, client: TestClient) -> None:
    service.hear([issued(1), issued(2, book=Book("acct_1", True))])
    deliver(client, stripe.event("customer.created", stripe.customer(), account="acct_1"))
    service.engine.catch_up()
    done = close(client, "2026-01", account="acct_1")
    assert (done.status_code, done.json()["moved"][0]["count"]) == (200, 1), done.text
    service.engine.catch_up()
    status = [
        client.get("/sys/periods/2026-01", params=of).json()["data"]["status"]
        for of in ({"account": "acct_1"}, {})
    ]
    assert status == ["closed", "open"]
    unknown = close(client, "2026-01", account="acct_2")
    assert (unknown.status_code, unknown.json()["parameter"]) == (404, "account")
    assert close(client, "2026-01", livemode="no").status_code == 400


def test_while_somebody_else_decides_of_months_nobody_does(service: Service, client: TestClient) -> None:
    service.hear([issued(1)])
    with alone(service.database.app_dsn, closes.LOCK):
        answer = close(client, "2026-01")
        assert (answer.status_code, answer.headers["Retry-After"]) == (409, "2")
        assert "just now" in answer.json()["detail"]
    assert close(client, "2026-01").status_code == 200


def test_many_who_ask_at_once_close_a_month_once_beside_a_writer(
    service: Service, client: TestClient
) -> None:
    service.hear([issued(n) for n in range(20)])
    started = threading.Barrier(7)

    def ask(n: int) -> Any:
        started.wait()
        return close(client, "2026-01", {"actor": f"clerk {n % 2}"})

    def write() -> None:
        started.wait()
        for n in range(20, 60):
            service.journal.append(issued(n))

    with ThreadPoolExecutor(7) as many:
        writing = many.submit(write)
        answers = list(many.map(ask, range(6)))
        writing.result()
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert decided(service) == [("PeriodClosed", "2026-01")]
    (done,) = {answer.json()["position"] for answer in answers if answer.status_code == 200}
    told = client.get("/sys/periods/2026-01").json()["data"]
    assert told["position"] == done
    in_it = [row for row in told["balances"] if row["account"] == "receivable"]
    assert in_it[0]["balance"] == 31_00 * (done - 1), "all that stands before the close, and nothing else"


def test_what_takes_long_goes_on_and_who_asks_again_hears_of_it(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hear([issued(1)])
    go, work = threading.Event(), deciding.close

    def slow(services: Any, act: Any) -> Any:
        assert go.wait(30)
        return work(services, act)

    monkeypatch.setattr(deciding, "close", slow)
    monkeypatch.setattr(deciding, "SECONDS", 0.05)
    first = close(client, "2026-01")
    assert (first.status_code, first.headers["Location"]) == (202, "/sys/periods/2026-01")
    assert first.json() == {"period": "2026-01", "look": "/sys/periods/2026-01"}
    assert client.get("/healthz").status_code == 200, "others are answered meanwhile"
    monkeypatch.setattr(deciding, "SECONDS", 30.0)
    go.set()
    again = close(client, "2026-01")
    assert (again.status_code, again.json()["position"]) == (200, 2)
    assert decided(service) == [("PeriodClosed", "2026-01")]


def late(service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch, problem: Problem) -> None:
    """A close that is answered with 202, and then ends with a problem."""
    go, ended = threading.Event(), threading.Event()

    def slow(*_: Any) -> Any:
        assert go.wait(30)
        raise problem

    with monkeypatch.context() as patch:
        patch.setattr(deciding, "close", slow)
        patch.setattr(deciding, "SECONDS", 0.05)
        patch.setattr(deciding.logger, "warning", lambda *_: ended.set())
        assert close(client, "2026-01").status_code == 202
        go.set()
        assert ended.wait(30)


def test_what_went_wrong_a_while_ago_is_tried_again_and_not_told(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hear([issued(1)])
    late(service, client, monkeypatch, Problem(409, "No rate is known."))
    service.now += deciding.KEPT + 1
    assert close(client, "2026-01").status_code == 200


def test_what_passes_by_itself_is_tried_again_and_not_told(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hear([issued(1)])
    late(service, client, monkeypatch, Problem(409, deciding.RUNNING, RETRY))
    assert close(client, "2026-01").status_code == 200


def test_what_nobody_asks_for_again_is_not_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = deciding.Deciding(service.services)
    monkeypatch.setattr(app, "Deciding", lambda _: asked)
    with TestClient(app.create_app(service.services)) as client:
        service.hear([issued(1)])
        late(service, client, monkeypatch, Problem(409, "No rate is known."))
        assert len(asked.going) == 1
        service.now += deciding.KEPT + 1
        assert close(client, "2026-01", {"actor": "bob"}).status_code == 200
        assert not asked.going


def test_a_service_ends_though_a_close_does_not(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    go, ended = threading.Event(), threading.Event()

    def endless(*_: Any) -> Any:
        go.wait(30)
        ended.set()
        raise Problem(409, "It took too long.")

    monkeypatch.setattr(deciding, "close", endless)
    monkeypatch.setattr(deciding, "SECONDS", 0.05)
    with TestClient(service.app) as client:
        assert close(client, "2026-01").status_code == 202
    assert not ended.is_set(), "it was not waited for"
    go.set()
    assert ended.wait(30)


def test_few_decisions_are_on_their_way_at_a_time(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, work = threading.Event(), deciding.close

    def slow(services: Any, act: Any) -> Any:
        assert go.wait(30)
        return work(services, act)

    monkeypatch.setattr(deciding, "close", slow)
    monkeypatch.setattr(deciding, "SECONDS", 0.05)
    for n in range(deciding.MOST):
        assert close(client, "2026-01", {"actor": f"clerk {n}"}).status_code == 202
    more = close(client, "2026-01")
    assert (more.status_code, more.headers["Retry-After"]) == (409, "2")
    assert close(client, "2026-01", {"actor": "clerk 0"}).status_code == 202, "that is on its way"
    go.set()


def test_what_went_wrong_when_nobody_waited_any_more_is_said_to_who_asks_again(
    service: Service,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service.hear([issued(1)])
    go, ended = threading.Event(), threading.Event()

    def slow(services: Any, act: Any) -> Any:
        assert go.wait(30)
        ended.set()
        raise Problem(409, "The books are not sound.")

    with monkeypatch.context() as patch:
        patch.setattr(deciding, "close", slow)
        patch.setattr(deciding, "SECONDS", 0.05)
        assert close(client, "2026-01").status_code == 202
    go.set()
    assert ended.wait(30)
    assert close(client, "2026-01").json()["detail"] == "The books are not sound."
    assert "2026-01 of :live is not closed: The books are not sound." in caplog.messages
    assert close(client, "2026-01").status_code == 200, "it is said once, and then tried again"
