"""One history in every shape: the events are as that version of Stripe's API writes them."""

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ledgerstone.demo.__main__ import main
from ledgerstone.demo.history import generate
from ledgerstone.demo.versions import VERSIONS, in_shape
from ledgerstone.demo.versions.steps import laid_over

Json = dict[str, Any]
CLOVER, BEFORE_BASIL = VERSIONS.index("2025-09-30.clover"), VERSIONS.index("2024-06-20")


@cache
def told(shape: str) -> list[Json]:
    return list(generate(seed=11, customers=30, months=10, shape=shape).events)


@pytest.fixture(params=VERSIONS)
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def kinds(shape: str) -> dict[str, list[Json]]:
    """All objects, wherever they stand, by their kind."""
    found: dict[str, list[Json]] = defaultdict(list)
    waiting: list[Any] = [each["data"]["object"] for each in told(shape)]
    while waiting:
        it = waiting.pop()
        if isinstance(it, dict):
            waiting.extend(it.values())
            found[it.get("object", "")].append(it)
        elif isinstance(it, list):
            waiting.extend(it)
    return found


def has(objects: Iterable[Json], field: str) -> bool:
    """Whether objects have a field; the test fails if some have and some have not, or if there are none."""
    (answer,) = {field in it for it in objects}
    return answer


def test_every_event_says_its_version(shape: str) -> None:
    assert {each["api_version"] for each in told(shape)} == {shape}


@pytest.mark.parametrize(
    ("kind", "field", "since"),
    [
        ("subscription", "status_details", "2026-10-28.endive"),
        ("subscription_item", "current_trial", "2026-10-28.endive"),
        ("invoice", "amount_paid_off_stripe", "2026-10-28.endive"),
        ("line_item", "quantity_decimal", "2026-03-25.dahlia"),
        ("discount", "source", "2025-09-30.clover"),
        ("subscription", "billing_mode", "2025-09-30.clover"),
        ("subscription_item", "current_period_end", "2025-03-31.basil"),
        ("invoice", "parent", "2025-03-31.basil"),
        ("invoice", "total_taxes", "2025-03-31.basil"),
        ("line_item", "pricing", "2025-03-31.basil"),
        ("line_item", "parent", "2025-03-31.basil"),
        ("invoiceitem", "pricing", "2025-03-31.basil"),
        ("credit_note", "refunds", "2025-03-31.basil"),
        ("product", "marketing_features", "2024-06-20"),
        ("payment_intent", "latest_charge", "2022-11-15"),
    ],
)
def test_a_field_is_there_since_its_version(shape: str, kind: str, field: str, since: str) -> None:
    assert has(kinds(shape)[kind], field) == (VERSIONS.index(shape) <= VERSIONS.index(since))


@pytest.mark.parametrize(
    ("kind", "field", "until"),
    [
        ("discount", "coupon", "2025-03-31.basil"),
        ("subscription", "current_period_end", "2024-06-20"),
        ("subscription", "discount", "2024-06-20"),
        ("invoice", "subscription", "2024-06-20"),
        ("invoice", "charge", "2024-06-20"),
        ("invoice", "payment_intent", "2024-06-20"),
        ("invoice", "paid", "2024-06-20"),
        ("invoice", "paid_out_of_band", "2024-06-20"),
        ("invoice", "tax", "2024-06-20"),
        ("invoice", "total_tax_amounts", "2024-06-20"),
        ("line_item", "price", "2024-06-20"),
        ("line_item", "plan", "2024-06-20"),
        ("line_item", "type", "2024-06-20"),
        ("line_item", "proration", "2024-06-20"),
        ("charge", "invoice", "2024-06-20"),
        ("payment_intent", "invoice", "2024-06-20"),
        ("credit_note", "refund", "2024-06-20"),
        ("product", "features", "2022-11-15"),
        ("charge", "refunds", "2020-08-27"),
        ("payment_intent", "charges", "2020-08-27"),
    ],
)
def test_an_older_field_is_there_until_its_version(shape: str, kind: str, field: str, until: str) -> None:
    assert has(kinds(shape)[kind], field) == (VERSIONS.index(shape) >= VERSIONS.index(until))


def test_what_the_older_fields_say_is_whole(shape: str) -> None:
    """Prices, plans, coupons and invoices that are put where their ids stood are the right ones."""
    at, found = VERSIONS.index(shape), kinds(shape)
    if at >= BEFORE_BASIL:
        for it in found["line_item"]:
            assert it["price"]["id"] == it["plan"]["id"]
            assert "tiers" not in it["price"]
        assert all(it["invoice"].startswith("in_") for it in found["charge"])
        paid = [it for it in found["invoice"] if it["paid"] and it["amount_paid"]]
        assert paid
        assert all(it["charge"] and it["payment_intent"] for it in paid)
    if at > CLOVER:
        assert all(it["coupon"]["duration"] for it in found["discount"])


def test_before_2024_one_discount_stands_alone() -> None:
    subs = kinds("2022-11-15")["subscription"]
    alone = [it for it in subs if it["discount"] and "discounts" not in it]
    assert alone
    assert all("discounts" in it for it in subs if len(it.get("discounts", ())) > 1)


def test_the_past_is_told_in_the_same_shape(shape: str) -> None:
    """Laid over the object, it is an object of that shape again: no newer field comes back."""
    for each in told(shape):
        if "previous_attributes" in each["data"]:
            now, previous = each["data"]["object"], each["data"]["previous_attributes"]
            dropped = {"discounts"}  # shown only where they are several
            assert laid_over(now, previous).keys() - now.keys() <= dropped, each["id"]


def test_the_newest_shape_is_the_history_itself() -> None:
    history = told(VERSIONS[0])
    assert list(in_shape(iter(history), VERSIONS[0])) == history


def test_the_shape_is_an_option(tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    main(["--out", str(out), "--customers", "2", "--months", "1", "--shape", "2022-11-15"])
    assert {json.loads(line)["api_version"] for line in out.read_text().splitlines()} == {"2022-11-15"}


def test_a_version_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        in_shape([], "2019-02-11")
