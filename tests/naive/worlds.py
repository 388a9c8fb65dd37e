"""Businesses whose messages come late, twice, otherwise than before, unreadable or corrected, of their own
account and of one connected to it, in many appends."""

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.demo.disorder import disorder
from ledgerstone.demo.history import generate
from ledgerstone.ledger import evidence
from ledgerstone.ledger.corrections import in_force, superseding
from ledgerstone.ledger.journal import Journal
from ledgerstone.ledger.recorded import Recorded
from tests.corrected import retold
from tests.stripe_schedules import phase, schedule
from tests.worlds import Message

Json = dict[str, Any]
CONNECTED = "acct_1Connected"
START = "2026-05"
DAY = 86_400


def told(seed: int, customers: int, months: int, late: float) -> list[Message]:
    """What is heard, in the order of arrival."""
    own = list(generate(seed=seed, customers=customers, months=months, start=START).events)
    theirs = [_of_theirs(event) for event in generate(seed=seed, customers=3, months=3, start=START).events]
    odd = [said for at, event in enumerate([*own, *theirs]) for said in _oddities(event, at)]
    said = sorted([*own, *theirs, *odd], key=lambda event: int(event["created"]))
    heard = disorder(said, seed=seed, window=len(said) // 3, duplicates=0.1, shuffled=late)
    return [_read(event, at) for at, event in enumerate(heard)]


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
    """Append messages, a few at a time, and corrections of what was heard before them."""
    random, places = Random(seed), sorted(Random(seed).sample(range(len(heard)), corrections))
    at = 0
    while at < len(heard):
        until = min(at + random.randint(1, 12), len(heard))
        journal.append_many(heard[at:until])
        while places and places[0] < until:
            places.pop(0)
            journal.append_new([_correction(journal, random)])
        at = until


def _correction(journal: Journal, random: Random) -> Recorded:
    rows = {row.name: row for entry in journal.read(0, 10**6) if (row := entry.row) is not None}
    facts = [
        row
        for row in rows.values()
        if type(row.body).__module__ != evidence.__name__ and "/corrected/" not in row.name
    ]
    held, number = in_force(random.choice(facts).name, rows)
    same_book = [row for row in facts if row.book == held.book]
    return superseding(held, retold(held, same_book, random), number + 1)
