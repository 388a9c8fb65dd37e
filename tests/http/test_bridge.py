"""Why a past figure changed: every step of the bridge, against the figures on both sides of it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ledgerstone.ledger.corrections import superseding
from ledgerstone.projections.reads import bridge
from tests import stripe_objects as stripe
from tests.http.parts import PROBLEM, Service, every

Json = dict[str, Any]
PATH = "/sys/billing/mrr/bridge"
ENDS = ("2025-12", "2026-03-17", "2026-06-30", "2026-08-09T13:14:15Z", "2026-10")


def figures(client: TestClient, as_of: str, known_at: int) -> dict[str, int | None]:
    """Recurring revenue by currency, as the table has it."""
    asked: Json = {"as_of": as_of, "from": as_of[:7], "known_at": known_at}
    rows = client.get("/sys/billing/mrr", params=asked).json()["data"]
    return {row["currency"]: row["mrr"] for row in rows}


def lines(client: TestClient, **asked: Any) -> list[Json]:
    answer = client.get(PATH, params=asked)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["data"]
    return found


def ends(rows: list[Json], cause: str) -> dict[str, int | None]:
    return {
        row["currency"]: None if row["incomplete"] else row["mrr"] for row in rows if row["cause"] == cause
    }


def known(figures: dict[str, int | None]) -> dict[str, int | None]:
    return {currency: mrr for currency, mrr in figures.items() if mrr != 0}


@pytest.fixture(scope="session")
def head(business: TestClient) -> int:
    return int(business.get("/sys/billing/mrr").headers["Ledger-Position"])


@settings(max_examples=60)
@given(at=st.sampled_from(ENDS), shares=st.tuples(st.integers(0, 1000), st.integers(0, 1000)))
def test_it_leads_from_one_known_figure_to_the_other(
    business: TestClient, head: int, at: str, shares: tuple[int, int]
) -> None:
    first, last = (head * share // 1000 for share in sorted(shares))

    rows = lines(business, as_of=at, known_from=first, known_to=last)

    assert known(ends(rows, "opening")) == known(figures(business, at, first))
    assert known(ends(rows, "closing")) == known(figures(business, at, last))
    for currency in {row["currency"] for row in rows}:
        own = [row for row in rows if row["currency"] == currency]
        assert sum(row["mrr"] for row in own[:-1]) == own[-1]["mrr"]
        assert [row["position"] for row in own] == sorted(row["position"] for row in own)


def test_each_step_is_what_its_row_of_the_log_changed(business: TestClient, head: int) -> None:
    rows = lines(business, as_of="2026-10", known_from=head // 8, known_to=head)

    steps = [row for row in rows if row["fact"]]
    assert len(steps) > 10
    for row in steps[:: len(steps) // 10]:
        before, after = (
            figures(business, "2026-10", position).get(row["currency"], 0)
            for position in (row["position"] - 1, row["position"])
        )
        if before is not None and after is not None:  # the table adds nothing up where an amount is missing
            assert after - before == row["mrr"]


def test_a_step_names_the_row_its_message_and_its_customer(business: TestClient, head: int) -> None:
    step = next(row for row in lines(business, as_of="2026-06", known_from=0) if row["fact"])

    assert step["fact"] == "subscription-seen"
    assert step["name"].startswith("stripe/")
    assert step["evidence"].startswith("stripe/evt_")
    assert step["customer"].startswith("cus_")
    assert step["customers"] == 1
    assert step["position"] <= head


def test_what_had_happened_is_late_and_what_nothing_was_known_before_is_news(
    business: TestClient, head: int
) -> None:
    from_nothing = lines(business, as_of="2026-06", known_from=0)
    from_half = lines(business, as_of="2026-10", known_from=head // 2)

    assert {row["cause"] for row in from_nothing if row["fact"]} == {"news"}
    assert {row["cause"] for row in from_half if row["fact"]} == {"late"}  # it was imported afterwards


def test_what_tells_of_the_past_after_as_of_is_backdated(service: Service, client: TestClient) -> None:
    ended = stripe.BORN + 3_600
    gone = stripe.subscription(status="canceled", ended_at=ended, canceled_at=ended)
    born = stripe.event("customer.subscription.created", stripe.subscription(), created=stripe.BORN)
    service.hear([stripe.read(born).rows])
    service.hear([stripe.read(stripe.event("customer.subscription.deleted", gone, id="evt_2")).rows])

    opening, step, closing = lines(client, as_of="2026-11-04", known_from=2)
    assert [row["mrr"] for row in (opening, step, closing)] == [9800, -9800, 0]
    assert (step["cause"], step["position"], step["evidence"]) == ("backdated", 4, "stripe/evt_2")


def test_what_had_been_read_wrongly_is_corrected(service: Service, client: TestClient) -> None:
    told, better = (
        stripe.read(stripe.event("customer.subscription.created", bought, created=stripe.BORN)).rows
        for bought in (
            stripe.subscription(items=stripe.listed(stripe.item(quantity=1))),
            stripe.subscription(items=stripe.listed(stripe.item(quantity=3))),
        )
    )
    service.hear([told])
    service.journal.append_new([superseding(told[1], better[1], 1)])
    service.engine.catch_up()

    opening, step, closing = lines(client, as_of="2026-11-04", known_from=2)
    assert step["mrr"] == 2 * opening["mrr"] > 0
    assert (step["cause"], step["fact"], closing["mrr"]) == ("corrected", "superseded", 3 * opening["mrr"])


def test_what_is_not_known_is_counted_beside_the_figures(service: Service, client: TestClient) -> None:
    tiered = stripe.price(
        billing_scheme="tiered", tiers_mode="graduated", unit_amount=None, unit_amount_decimal=None
    )
    bought = stripe.subscription(items=stripe.listed(stripe.item(price=tiered)))
    service.hear([stripe.read(stripe.event("customer.subscription.created", bought)).rows])

    answer = client.get(PATH, params={"known_from": 0}).json()
    assert [(row["cause"], row["mrr"], row["incomplete"]) for row in answer["data"]] == [
        ("opening", 0, 0),
        ("news", 0, 1),
        ("closing", 0, 1),
    ]
    assert answer["meta"]["incomplete"] == 2


def test_one_currency_is_part_of_all(business: TestClient) -> None:
    every = lines(business, as_of="2026-10", known_from=0)

    assert lines(business, as_of="2026-10", known_from=0, currency="eur") == [
        row for row in every if row["currency"] == "eur"
    ]


def test_it_is_a_file_too(business: TestClient) -> None:
    answer = business.get(f"{PATH}.csv", params={"as_of": "2026-10", "known_from": 0})

    header, *rows = answer.text.splitlines()
    assert header.split(",")[:5] == ["currency", "cause", "mrr", "incomplete", "position"]
    assert len(rows) == len(lines(business, as_of="2026-10", known_from=0))


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({}, "known_from"),
        ({"known_from": "9", "known_to": "3"}, "known_from"),
        ({"known_from": "2999-01"}, "known_from"),
        ({"known_from": "yesterday"}, "known_from"),
        ({"known_from": "1", "known_at": "3", "known_to": "3"}, "known_at"),
        ({"known_from": "1", "policy": "own"}, "policy"),
    ],
)
def test_what_cannot_be_answered_is_refused(business: TestClient, asked: Json, parameter: str) -> None:
    answer = business.get(PATH, params=asked)

    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert answer.json()["parameter"] == parameter


def test_between_a_moment_and_itself_nothing_changed(business: TestClient, head: int) -> None:
    """Also where that lies between two rows, so that a row before it is the last that counts."""
    meta = business.get("/sys/billing/mrr", params={"known_at": head // 2}).json()["meta"]
    between = datetime.fromisoformat(meta["known_at"]) + timedelta(microseconds=1)

    for at in (between.isoformat().replace("+00:00", "Z"), head // 2):
        rows = lines(business, as_of="2026-10", known_from=at, known_to=at)
        assert ends(rows, "opening") == ends(rows, "closing")
        assert not [row for row in rows if row["fact"]]


def test_known_at_is_another_word_for_known_to(business: TestClient, head: int) -> None:
    one, other = (
        lines(business, as_of="2026-10", known_from=0, **{name: head // 2})
        for name in ("known_to", "known_at")
    )
    assert one == other


def test_it_comes_in_pages_too(business: TestClient, head: int) -> None:
    whole = lines(business, as_of="2026-10", known_from=0, known_to=head // 2)

    asked = {"as_of": "2026-10", "known_from": 0, "known_to": head // 2}
    assert every(business, PATH, limit=3, **asked) == whole


def test_too_many_steps_are_refused(business: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "MOST", 5)

    answer = business.get(PATH, params={"as_of": "2026-09", "known_from": 0})

    assert answer.status_code == 400
    assert "shorter time" in answer.json()["detail"]
