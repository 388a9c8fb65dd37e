"""The events are as Stripe would have sent them."""

import ast
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import msgspec

import ledgerstone.demo
from ledgerstone.demo.disorder import disorder
from ledgerstone.demo.history import generate

Json = dict[str, Any]


def overlay(now: Json, previous: Json) -> Json:
    """The object before, from the object now and what an update says of the past."""
    both = now | previous
    return {
        key: overlay(now[key], old) if isinstance(old, dict) and isinstance(now.get(key), dict) else old
        for key, old in both.items()
    }


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def small() -> Iterator[Json]:
    return generate(seed=11, customers=60, months=14).events


def test_the_same_seed_gives_the_same_history() -> None:
    one, other = generate(3, 20, 5), generate(3, 20, 5)
    for a, b in zip(one.events, other.events, strict=True):
        assert msgspec.json.encode(a) == msgspec.json.encode(b)
    assert one.truth() == other.truth()


def test_two_seeds_share_no_id() -> None:
    def seen(seed: int) -> set[str]:
        events = list(generate(seed, 20, 5).events)
        return {each["id"] for each in events} | {each["data"]["object"].get("id", "") for each in events}

    assert seen(3) & seen(4) == {""}


def test_event_ids_are_unique_and_times_never_go_back() -> None:
    events = list(small())
    times = [each["created"] for each in events]
    assert times == sorted(times)
    assert len({each["id"] for each in events}) == len(events)


def test_many_events_share_a_second() -> None:
    times = [each["created"] for each in small()]
    assert len(set(times)) < len(times) / 2


def test_an_update_says_what_was_before() -> None:
    told: dict[tuple[str, str], Json] = {}
    for each in small():
        family, now = each["type"].rsplit(".", 1)[0], each["data"]["object"]
        if "previous_attributes" in each["data"] and (family, now["id"]) in told:
            before = overlay(now, each["data"]["previous_attributes"])
            assert without_nulls(before) == without_nulls(told[family, now["id"]]), each["id"]
        told[family, now.get("id", "")] = now


def test_previous_attributes_come_with_updates_only_and_are_never_empty() -> None:
    for each in small():
        assert ("previous_attributes" in each["data"]) == each["type"].endswith(".updated")
        assert each["data"].get("previous_attributes") != {}


def test_items_are_listed_whole_in_previous_attributes() -> None:
    """The periods of every item change at a renewal."""
    updates = (each for each in small() if each["type"] == "customer.subscription.updated")
    listed = [each for each in updates if "items" in each["data"]["previous_attributes"]]
    assert listed
    for each in listed:
        before = each["data"]["previous_attributes"]["items"]
        assert before.keys() <= {"data", "total_count"}
        assert all(item["object"] == "subscription_item" and item["price"] for item in before["data"])


def test_every_object_is_of_its_mode_and_the_newest_version() -> None:
    for each in islice(generate(seed=2, customers=10, months=4, livemode=False).events, 2000):
        assert each["api_version"] == "2026-10-28.endive"
        assert each["livemode"] is False
        assert each["data"]["object"].get("livemode", False) is False


def test_an_invoice_payment_links_an_invoice_to_a_charges_intent() -> None:
    intents: dict[str, str] = {}
    links: dict[str, str] = {}
    for each in small():
        it = each["data"]["object"]
        if each["type"] == "charge.succeeded":
            assert "invoice" not in it
            intents[it["payment_intent"]] = it["id"]
        if each["type"] == "invoice_payment.paid":
            links[it["payment"]["payment_intent"]] = it["invoice"]
    assert intents.keys() == links.keys()


def test_the_lines_of_an_invoice_make_its_total() -> None:
    for each in small():
        it = each["data"]["object"]
        if it["object"] != "invoice":
            continue
        lines = it["lines"]["data"]
        off = sum(part["amount"] for part in it["total_discount_amounts"])
        tax = sum(part["amount"] for part in it["total_taxes"])
        assert sum(line["amount"] for line in lines) == it["subtotal"]
        assert sum(part["amount"] for line in lines for part in line["taxes"]) == tax
        assert it["subtotal"] - off + tax == it["total"]


def test_disorder_keeps_every_event_and_stays_within_its_window() -> None:
    delivered = list(disorder(range(5000), seed=1, window=40, duplicates=0.1))
    assert set(delivered) == set(range(5000))
    assert 5300 < len(delivered) < 5700
    behind = [latest - each for latest, each in zip(accumulate(delivered, max), delivered, strict=True)]
    assert max(behind) <= 40
    assert sum(each > 0 for each in behind) > 1000


def test_no_disorder_is_the_order_itself() -> None:
    assert list(disorder(range(100), seed=1, shuffled=0.0)) == list(range(100))


def test_the_history_imports_nothing_of_ours() -> None:
    """Else it would not be an independent witness."""
    for path in Path(next(iter(ledgerstone.demo.__path__))).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ours = [name for name in names if name.split(".")[0] == "ledgerstone"]
            assert all(name.startswith("ledgerstone.demo") for name in ours), path
