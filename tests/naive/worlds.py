"""Businesses whose messages come late, twice, otherwise than before, unreadable or corrected, of their own
account and of one connected to it, in many appends; with the rates of exchange, with what lists and banks
tell, and with months that are closed, and opened again, while facts of them still come."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.demo.disorder import disorder
from ledgerstone.demo.history import generate
from ledgerstone.ledger import closing
from ledgerstone.ledger.corrections import in_force, superseding
from ledgerstone.ledger.facts import Correctable
from ledgerstone.ledger.fx import FxRatePublished
from ledgerstone.ledger.invoices import InvoiceIssued
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.periods import in_force as in_force_closes
from ledgerstone.ledger.periods import reopened
from ledgerstone.ledger.recorded import Book, Recorded
from ledgerstone.projections.closes import close_in
from tests.corrected import retold
from tests.naive.beside import money, rates
from tests.stripe_schedules import phase, schedule
from tests.worlds import Message

Json = dict[str, Any]
CONNECTED = "acct_1Connected"
START = "2026-05"
DAY = 86_400
TURNS = 9
"""How often a month is closed, or the last close taken back."""


def told(seed: int, customers: int, months: int, late: float) -> list[Message]:
    """What is heard, in the order of arrival."""
    own = list(generate(seed=seed, customers=customers, months=months, start=START).events)
    theirs = [_of_theirs(event) for event in generate(seed=seed, customers=3, months=3, start=START).events]
    own += [
        *_again(own, [each["data"]["object"]["id"] for each in own if each["type"] == "customer.created"])
    ]
    odd = [said for at, event in enumerate([*own, *theirs]) for said in _oddities(event, at)]
    said = sorted([*own, *theirs, *odd], key=lambda event: int(event["created"]))
    heard = disorder(said, seed=seed, window=len(said) // 3, duplicates=0.1, shuffled=late)
    return _with_others([_read(event, at) for at, event in enumerate(heard)], Random(seed))


def _with_others(messages: list[Message], random: Random) -> list[Message]:
    """What is no message is heard in between, in any order."""
    others = [*rates(random), *money((row for message in messages for row in message), random)]
    places = sorted((random.uniform(0, len(messages)), at) for at in range(len(others)))
    placed = [(place, others[at]) for place, at in places]
    placed += [(float(at), message) for at, message in enumerate(messages)]
    return [each for _, each in sorted(placed, key=lambda one: one[0])]


def _again(said: Iterable[Json], customers: list[str]) -> Iterator[Json]:
    """The subscriptions of some customers once more, as another's, who so has several currencies; and as his
    for a few days only."""
    other = {customer: customers[at - 1] for at, customer in enumerate(customers) if at % 3}
    for event in said:
        it = event["data"]["object"]
        if event["type"].startswith("customer.subscription.") and it["customer"] in other:
            text = msgspec.json.encode(_without_discounts(event)).decode()
            text = text.replace(it["customer"], other[it["customer"]]).replace(it["id"], f"{it['id']}b")
            for item in it["items"]["data"]:
                text = text.replace(f'"{item["id"]}"', f'"{item["id"]}b"')
            again = msgspec.json.decode(text.replace(event["id"], f"{event['id']}b"))
            yield again
            if event["type"] == "customer.subscription.created":
                yield from _short(again)


def _without_discounts(event: Json) -> Json:
    """They are of the customer who has them."""
    it, before = event["data"]["object"], event["data"].get("previous_attributes")
    items = [{**item, "discounts": []} for item in it["items"]["data"]]
    shown = {**it, "discounts": [], "items": {**it["items"], "data": items}}
    if "discount" in it:
        shown["discount"] = None
    kept = {name: value for name, value in (before or {}).items() if not name.startswith("discount")}
    return {**event, "data": {"object": shown, **({} if before is None else {"previous_attributes": kept})}}


def _short(event: Json) -> Iterator[Json]:
    """It begins two days later, and ends nine days after that."""
    it, start = event["data"]["object"], int(event["created"]) + 2 * DAY
    end = start + 9 * DAY
    active = {
        "status": "active",
        "start_date": start,
        "created": start,
        "trial_start": None,
        "trial_end": None,
    }
    begun = {**it, **active, "id": f"{it['id']}c"}
    over = {**begun, "status": "canceled", "canceled_at": end, "ended_at": end}
    yield {**event, "id": f"{event['id']}c", "created": start, "data": {"object": begun}}
    ended = {"id": f"{event['id']}d", "type": "customer.subscription.deleted"}
    yield {**event, **ended, "created": end, "data": {"object": over}}


def _of_theirs(event: Json) -> Json:
    """The same ids of objects in other books."""
    return {**event, "id": f"{event['id']}x", "account": CONNECTED}


def _oddities(event: Json, at: int) -> Iterator[Json]:
    """What may also be heard beside a message."""
    it = event["data"]["object"]
    if at % 31 == 0:
        yield {**event, "id": f"{event['id']}u", "type": "moon.landed"}
    if at % 37 == 0:
        yield {**event, "data": {**event["data"], "object": {**it, "again": True}}}
    if at % 41 == 0:
        yield {
            **event,
            "id": f"{event['id']}p",
            "data": {"object": {**it, "id": 7, "amount": 1.5, "total": 1.5}},
        }
    if event["type"] == "customer.subscription.created":
        yield {**event, **_agreed(it, event["created"])}
    if event["type"] == "charge.succeeded" and at % 3 == 0:
        other = {**it, "amount": it["amount"] + 1, "amount_captured": it["amount_captured"] + 1}
        yield {**event, "id": f"{event['id']}c", "data": {**event["data"], "object": other}}


def _agreed(subscription: Json, at: int) -> Json:
    """It will have other items for a month, and then end."""
    price = subscription["items"]["data"][0]["price"]["id"]
    later = {"items": [{"discounts": [], "price": price, "quantity": 9}]}
    phases = (phase(at, at + 80 * DAY), phase(at + 80 * DAY, at + 110 * DAY, **later))
    named = {"id": f"sub_sched_{subscription['id']}", "subscription": subscription["id"]}
    planned = schedule(*phases, **named, customer=subscription["customer"], end_behavior="cancel")
    shown = {"id": f"evt_{subscription['id']}", "type": "subscription_schedule.created"}
    return {**shown, "data": {"object": planned}}


def _read(event: Json, at: int) -> Message:
    """As imported, or as it came signed."""
    source, signature = ("webhook", "t=1,v1=00") if at % 3 else ("import", None)
    return read_message(msgspec.json.encode(event), source=source, signature=signature, livemode=True).rows


def record(journal: Journal, heard: list[Message], seed: int, corrections: int) -> None:
    """Append messages, a few at a time, corrections of what was heard before them, and closes of months."""
    random, places = Random(seed), sorted(Random(seed).sample(range(len(heard)), corrections))
    at, turns = 0, [len(heard) * turn // (TURNS + 1) for turn in range(1, TURNS + 1)]
    while at < len(heard):
        until = min(at + random.randint(1, 12), len(heard))
        journal.append_many(heard[at:until])
        while places and places[0] < until:
            places.pop(0)
            journal.append_new([_correction(journal, random)])
        if turns and turns[0] < until:
            _turn(journal, len(turns))
            turns.pop(0)
        at = until


def _turn(journal: Journal, turn: int) -> None:
    """Close the last month of which anything was heard, before it is over, or the one before; or take the
    last close back."""
    book = Book(CONNECTED) if turn in (2, 4) else Book()
    rows = [row for entry in journal.read(0, 10**6) if (row := entry.row) is not None and row.book == book]
    closes = in_force_closes([row.body for row in rows])
    if turn % 4 == 3 and closes:
        opened = reopened(closes, max(closes), "ada@northwind.example", "an invoice was missing")
        journal.append_new([closing.row(book, each) for each in opened])
        return
    issued = [row.happened_at for row in rows if isinstance(row.body, InvoiceIssued)]
    last = max(issued, default=rows[-1].happened_at)
    month = f"{last - timedelta(days=0 if turn in (1, 5, 8) else last.day):%Y-%m}"
    if month > max(closes, default=""):
        close_in(journal, book, month, "ada@northwind.example", "the month is over")


def _correction(journal: Journal, random: Random) -> Recorded:
    rows = {row.name: row for entry in journal.read(0, 10**6) if (row := entry.row) is not None}
    facts = [
        row for row in rows.values() if isinstance(row.body, Correctable) and "/corrected/" not in row.name
    ]
    held, number = in_force(random.choice(facts).name, rows)
    same_book = [row for row in facts if row.book == held.book]
    return superseding(held, _retold(held, same_book, random), number + 1)


def _retold(held: Recorded, facts: list[Recorded], random: Random) -> Recorded:
    """As any fact may be told otherwise; a day's rates stay those of their day."""
    if not isinstance(held.body, FxRatePublished):
        return retold(held, facts, random)
    other = random.choice([row.body for row in facts if isinstance(row.body, FxRatePublished)])
    return replace(held, body=replace(held.body, rates=other.rates))
