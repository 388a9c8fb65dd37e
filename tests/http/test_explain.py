"""Why does a row say what it says? Every version of the keys of random worlds, down to the signed bytes."""

import csv
import io
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from random import Random
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import dict_row
from starlette.testclient import TestClient

from ledgerstone.adapters.postgres.database import create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.adapters.stripe.verify import verify
from ledgerstone.demo.history import generate
from ledgerstone.ledger.corrections import superseding
from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.invoices import InvoiceSeen
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.projections.view import AnyView, table
from ledgerstone.projections.views import VIEWS
from tests import stripe_objects as stripe
from tests.corrected import with_corrections
from tests.http.parts import PROBLEM, SECRET, Service, deliver, every, signed
from tests.worlds import log_of, shuffled

Json = dict[str, Any]
KEYS = 12
"""Of a view, in each world."""
INVOICE = "/audit/explain/invoices/in_1"


def explained(client: TestClient, view: str, key: str, **asked: Any) -> list[Json]:
    return every(client, f"/audit/explain/{view}/{quote(key, safe='')}", **asked)


def told(seed: int) -> list[tuple[Recorded, ...]]:
    """The messages of a small business, two of three signed, the others from a file."""
    found = []
    for number, event in enumerate(generate(seed=seed, customers=3, months=3).events):
        body = msgspec.json.encode(event)
        header = signed(body, at=event["created"])["Stripe-Signature"] if number % 3 else None
        source = "webhook" if header else "import"
        found.append(read_message(body, source=source, signature=header, livemode=True).rows)
    return found


@contextmanager
def world(server: EmbeddedServer, template: str, rows: Sequence[Recorded], window: int) -> Iterator[Service]:
    name = f"explained_{uuid.uuid4().hex}"
    service = Service(create_database(server, name, template))
    try:
        service.journal.append_new(rows)
        service.engine.catch_up(window)
        yield service
    finally:
        service.close()
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


class Tables:
    """What the tables of views hold, read without the code that explains them."""

    def __init__(self, connection: psycopg.Connection[Json]) -> None:
        self._connection = connection

    def ask(self, query: str, *given: Any) -> list[Any]:
        return self._connection.execute(query.encode(), given).fetchall()

    def heard(self) -> dict[tuple[str, str], set[int]]:
        """What each key of each view heard."""
        found: dict[tuple[str, str], set[int]] = {}
        for view in VIEWS:
            for row in self.ask(f"select key, positions from views.{table(view).name}_heard"):
                found.setdefault((view.name, row["key"]), set()).update(row["positions"])
        return found

    def versions(self, view: AnyView, key: str) -> list[Json]:
        return self.ask(f"select * from views.{table(view).name} where key = %s", key)

    def edges(self, view: AnyView, key: str) -> set[tuple[str, str]]:
        rows = self.ask(f"select ref_view, ref_id from views.{table(view).name}_edge where key = %s", key)
        return {(row["ref_view"], row["ref_id"]) for row in rows}


@given(
    seed=st.integers(1, 400),
    order=st.integers(0, 2**32),
    corrections=st.sampled_from([0, 3, 12]),
    window=st.sampled_from([7, 40, 20_000]),
    limit=st.sampled_from([2, 5, 1000]),
)
@settings(  # a smaller seed is no simpler world
    max_examples=4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_every_version_is_explained_down_to_its_bytes(
    server: EmbeddedServer,
    template: str,
    seed: int,
    order: int,
    corrections: int,
    window: int,
    limit: int,
) -> None:
    plain = [row for _, row in log_of(shuffled(told(seed), order))]
    rows, _ = with_corrections(plain, order, corrections)
    with (
        world(server, template, rows, window) as service,
        TestClient(service.app) as client,
        psycopg.connect(service.database.app_dsn, row_factory=dict_row, options="-c TimeZone=UTC") as reading,
    ):
        tables = Tables(reading)
        heard = tables.heard()
        for view in VIEWS:
            for key in [key for name, key in heard if name == view.name]:
                lines = explained(client, view.name, key, limit=limit)
                assert_whole(lines, tables.versions(view, key), view)
                for line in lines:
                    assert_caused(line, rows, heard, heard[view.name, key], tables.edges(view, key))
                    assert_proven(line, rows)
                assert_linked(client, Random(order).sample(lines, min(1, len(lines))), rows)


def assert_whole(lines: Sequence[Json], versions: Sequence[Json], view: AnyView) -> None:
    """All that the table has, in order; and what is said to have been before is what ended there."""
    columns = [name for name, _ in table(view).columns]

    def row(version: Json) -> Json:
        return {name: msgspec.to_builtins(version[name]) for name in columns}

    def before(line: Json) -> Json:
        now = line["row"] or dict.fromkeys(columns)
        return now | {name: sides["before"] for name, sides in line["changed"].items()}

    assert [line["position"] for line in lines] == sorted(line["position"] for line in lines)
    shown = [(line["position"], line["known_to"], line["row"]) for line in lines if line["row"]]
    assert counted(shown) == counted([(each["known_from"], each["known_to"], row(each)) for each in versions])
    gone = [(line["position"], before(line)) for line in lines if line["change"] in ("changed", "closed")]
    assert counted(gone) == counted([(each["known_to"], row(each)) for each in versions if each["known_to"]])
    for line in lines:
        after = line["row"] or dict.fromkeys(columns)
        assert {name: after[name] for name in line["changed"]} == {
            name: sides["after"] for name, sides in line["changed"].items()
        }


def counted(found: Sequence[Any]) -> Counter[bytes]:
    return Counter(msgspec.json.encode(one, order="sorted") for one in found)


def assert_caused(
    line: Json,
    rows: Sequence[Recorded],
    heard: dict[tuple[str, str], set[int]],
    own: set[int],
    pointed: set[tuple[str, str]],
) -> None:
    """The row at that very position did it: the key heard it, or what the key points at did."""
    position, row = line["position"], rows[line["position"] - 1]
    through = [tuple(reference.split("/", 1)) for reference in line["through"]]
    assert (position in own) == (not through)
    for reference in through:
        assert reference in pointed
        assert position in heard[reference]
    assert (line["name"], line["happened_at"]) == (row.name, msgspec.to_builtins(row.happened_at))
    assert (line["corrected"] is not None) == isinstance(row.body, Superseded)
    if isinstance(row.body, Superseded):
        assert line["corrected"]["first"] == row.body.first
        assert line["corrected"]["now"]["fact"] == line["corrected"]["was"]["fact"]


def assert_proven(line: Json, rows: Sequence[Recorded]) -> None:
    """It leads to the bytes that came, and to what signed them."""
    evidence = rows[line["evidence_position"] - 1]
    assert evidence.name == line["evidence"] == (rows[line["position"] - 1].cause or evidence.name)
    heard = evidence.body
    assert isinstance(heard, StripeEventHeard)
    assert (line["sha256"], line["size"]) == (sha256(heard.payload).hexdigest(), len(heard.payload))
    assert line["verified"] == (line["source"] == "webhook")
    if line["verified"]:
        verify(heard.payload, heard.signature, [SECRET], heard.created.timestamp())


def assert_linked(client: TestClient, lines: Sequence[Json], rows: Sequence[Recorded]) -> None:
    for line in lines:
        page = client.get(line["link"], params={"evidence": True}).json()["data"]
        heard = rows[line["evidence_position"] - 1].body
        assert isinstance(heard, StripeEventHeard)
        (shown,) = page["evidence"]
        assert (shown["payload"].encode(), shown["signature"]) == (heard.payload, heard.signature)


@pytest.fixture
def paid(service: Service, client: TestClient) -> TestClient:
    """An invoice that was finalised and paid, told by signed messages."""
    marks = stripe.marks(finalized_at=stripe.NOW - 60)
    opened = stripe.invoice(status="open", status_transitions=marks)
    gone = stripe.invoice(
        status="paid",
        status_transitions=stripe.marks(finalized_at=stripe.NOW - 60, paid_at=stripe.NOW),
        amount_paid=12_500,
        amount_remaining=0,
    )
    deliver(client, stripe.event("invoice.finalized", opened, id="evt_1", created=stripe.NOW - 60))
    deliver(client, stripe.event("invoice.paid", gone, id="evt_2"))
    service.engine.catch_up()
    return client


def test_a_status_is_traced_to_its_message(paid: TestClient) -> None:
    opened, closed = paid.get(INVOICE, params={"column": "status"}).json()["data"]

    assert (opened["change"], opened["changed"]["status"]) == ("opened", {"before": None, "after": "open"})
    assert (closed["change"], closed["changed"]["status"]) == (
        "followed",
        {"before": "open", "after": "paid"},
    )
    assert (closed["fact"], closed["name"]) == ("invoice-seen", "stripe/evt_2/invoice")
    assert (closed["evidence"], closed["evidence_type"]) == ("stripe/evt_2", "invoice.paid")
    assert (closed["source"], closed["verified"]) == ("webhook", True)
    assert (closed["through"], closed["actor"], closed["corrected"]) == ([], None, None)


def test_it_is_told_as_known_and_as_of_any_time(paid: TestClient) -> None:
    whole = paid.get(INVOICE).json()["data"]
    position = whole[0]["position"]
    first = paid.get(INVOICE, params={"known_at": position}).json()["data"]
    before = paid.get(INVOICE, params={"as_of": "2026-11-05T11:59:30Z"}).json()["data"]

    assert first == [{**line, "known_to": None} for line in whole if line["position"] == position]
    assert [line["row"]["status"] for line in before] == ["open", "open"]
    assert [line["row"]["valid_to"] for line in before] == [None, "2026-11-05T12:00:00Z"]
    assert paid.get(INVOICE, params={"known_at": 0}).status_code == 404


def test_a_file_has_every_version(paid: TestClient) -> None:
    whole = paid.get(INVOICE).json()["data"]
    lines = list(csv.DictReader(io.StringIO(paid.get(f"{INVOICE}.csv").text)))

    assert [int(line["position"]) for line in lines] == [line["position"] for line in whole]
    assert [line["sha256"] for line in lines] == [line["sha256"] for line in whole]
    assert [msgspec.json.decode(line["changed"]) for line in lines] == [line["changed"] for line in whole]


def test_what_a_reference_changed_names_it(service: Service, client: TestClient) -> None:
    half, sub = stripe.discount(subscription="sub_1"), stripe.subscription(discounts=["di_1"])
    deliver(client, stripe.event("customer.subscription.created", sub, id="evt_1"))
    deliver(client, stripe.event("customer.discount.created", half, id="evt_2"))
    deliver(client, stripe.event("coupon.created", stripe.coupon(percent_off=50.0), id="evt_3"))
    service.engine.catch_up()

    last = client.get("/audit/explain/mrr/cus_1", params={"column": "mrr"}).json()["data"][-1]
    assert (last["changed"]["mrr"], last["through"]) == (
        {"before": None, "after": 4900},
        ["terms/coupon/WELCOME"],
    )
    assert (last["fact"], last["evidence"]) == ("coupon-seen", "stripe/evt_3")
    (origin,) = client.get(f"/audit/explain/{last['through'][0]}").json()["data"]
    assert (origin["position"], origin["through"]) == (last["position"], [])


def test_a_correction_shows_what_was_and_what_is(service: Service, client: TestClient) -> None:
    message = stripe.read(stripe.event("invoice.finalized", stripe.invoice(status="open"))).rows
    seen = message[1]
    assert isinstance(seen.body, InvoiceSeen)
    now = msgspec.structs.replace(seen.body.now, total=1)
    body = msgspec.structs.replace(seen.body, now=now)
    correction = superseding(seen, msgspec.structs.replace(seen, body=body), 1)
    service.hear([message, [correction]])

    line = client.get(INVOICE).json()["data"][-1]
    assert (line["fact"], line["changed"]["total"]["after"]) == ("superseded", 1)
    assert line["corrected"]["first"] == seen.name
    assert line["corrected"]["was"]["now"]["total"] != line["corrected"]["now"]["now"]["total"] == 1


def test_a_row_that_ended_and_left_nothing_is_shown(service: Service, client: TestClient) -> None:
    alive, ended = stripe.subscription(), stripe.subscription(status="canceled", ended_at=stripe.BORN)
    deliver(client, stripe.event("customer.subscription.updated", alive, id="evt_1"))
    deliver(client, stripe.event("customer.subscription.deleted", ended, id="evt_2"))
    service.engine.catch_up()

    last = client.get("/audit/explain/mrr/cus_1").json()["data"][-1]
    assert (last["change"], last["row"], last["evidence"]) == ("closed", None, "stripe/evt_2")
    assert last["changed"]["mrr"]["after"] is None


def test_a_message_that_waits_is_its_own_evidence(service: Service, client: TestClient) -> None:
    deliver(client, stripe.event("charge.succeeded", stripe.charge(amount=10.5), id="evt_1"))
    service.engine.catch_up()

    (line,) = client.get("/audit/explain/sync/stripe/evt_1").json()["data"]
    assert (line["name"], line["evidence"], line["position"]) == ("stripe/evt_1", "stripe/evt_1", 1)
    assert (line["evidence_position"], line["link"]) == (1, "/audit/events/1")


def test_a_message_that_came_again_otherwise_is_shown_with_its_own_bytes(
    service: Service, client: TestClient
) -> None:
    deliver(client, stripe.event("moon.landed", {"id": "moon_1"}))
    again = stripe.event("moon.landed", {"id": "moon_2"})
    position = deliver(client, again).json()["position"]
    service.engine.catch_up()

    key = service.journal.read(1, 1)[0].row
    assert key is not None
    (line,) = explained(client, "sync", key.name)
    page = client.get(line["link"], params={"evidence": True}).json()["data"]
    assert (line["evidence_position"], line["link"]) == (2, f"/audit/events/{position}")
    assert [shown["sha256"] for shown in page["evidence"]][1] == line["sha256"]


@pytest.mark.parametrize(
    ("path", "asked", "status", "said"),
    [
        ("invoicez/in_1", {}, 404, "There are conflicts, connect"),
        ("invoices/in_2", {}, 404, "had heard nothing of 'in_2'"),
        ("invoices/in_1", {"column": "stat"}, 400, "Its columns: id, number"),
        ("invoices/in_1", {"interval": "day"}, 400, "Its parameters: account, after, as_of, column"),
        ("invoices/in_1.csv", {"column": "stat"}, 400, "Its columns: id, number"),
    ],
)
def test_what_cannot_be_explained_is_said(
    paid: TestClient, path: str, asked: Json, status: int, said: str
) -> None:
    answer = paid.get(f"/audit/explain/{path}", params=asked)

    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert said in answer.json()["detail"]


def test_a_page_goes_on_with_the_key_that_it_began_with(paid: TestClient) -> None:
    assert every(paid, INVOICE, limit=1) == paid.get(INVOICE).json()["data"]
    after = paid.get(INVOICE, params={"limit": 1}).json()["next"]
    answer = paid.get("/audit/explain/invoices/in_2", params={"after": after})

    assert (answer.status_code, answer.json()["parameter"]) == (400, "after")


def test_the_versions_of_a_step_add_up_to_it(business: TestClient) -> None:
    """From the headline by way of the bridge: what each row of the log added to the figure is what it changed
    in the customer's rows."""
    at = {"as_of": "2026-06"}
    steps = business.get("/sys/billing/mrr/bridge", params={"known_from": 0, **at}).json()["data"]
    headline = business.get("/sys/billing/revenue", params=at).json()["data"]

    closing = {step["currency"]: step["mrr"] for step in steps if step["cause"] == "closing"}
    assert {each["currency"]: each["mrr"] for each in headline} == closing
    steps = [step for step in steps if step["customer"]]
    for customer in sorted({step["customer"] for step in steps})[:10]:
        lines = explained(business, "mrr", customer, **at)
        for step in (step for step in steps if step["customer"] == customer):
            moved = [line for line in lines if line["position"] == step["position"]]
            assert sum(map(added, moved)) == step["mrr"]
            assert {line["evidence"] for line in moved} == {step["evidence"]}


def added(line: Json) -> int:
    """What a version adds to the figure at the end of June: itself, less what it took the place of."""
    after = line["row"]
    if line["change"] == "followed":
        return counting(after)
    shown = line["row"] or dict.fromkeys(line["changed"])
    return counting(after) - counting(shown | {name: it["before"] for name, it in line["changed"].items()})


def counting(row: Json | None) -> int:
    if not row or not row["mrr"]:
        return 0
    end = "2026-07-01T00:00:00Z"
    counts: bool = row["valid_from"] < end and (row.get("valid_to") or end) >= end
    return int(row["mrr"]) if counts else 0
