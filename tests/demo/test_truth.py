"""The true figures agree with themselves."""

from collections import defaultdict
from typing import Any

import pytest

from ledgerstone.demo.history import generate
from ledgerstone.demo.truth import movement

Row = dict[str, Any]
FIGURES = ("mrr", "active_subscriptions", "active_customers", "paying_customers")
MOVED = ("new", "reactivation", "expansion", "contraction", "churn")


@pytest.fixture(scope="module")
def truth() -> Row:
    return generate(seed=5, customers=150, months=18).truth()


def summed(rows: list[Row], figure: str) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        sums[row["period"], row["currency"]] += row[figure]
    return {key: amount for key, amount in sums.items() if amount}


def test_opening_and_movements_make_closing(truth: Row) -> None:
    for row in truth["movements"]:
        up = row["new"] + row["reactivation"] + row["expansion"]
        assert row["opening"] + up - row["contraction"] - row["churn"] == row["closing"]


def test_a_month_opens_where_the_one_before_closed(truth: Row) -> None:
    for currency in ("usd", "eur", "jpy"):
        rows = [row for row in truth["movements"] if row["currency"] == currency]
        assert [row["opening"] for row in rows] == [0, *(row["closing"] for row in rows[:-1])]


def test_paying_customers_follow_from_the_movements(truth: Row) -> None:
    paying: dict[str, int] = defaultdict(int)
    figures = {(row["period"], row["currency"]): row["paying_customers"] for row in truth["months"]}
    for row in truth["movements"]:
        came = row["customers"]["new"] + row["customers"]["reactivation"]
        paying[row["currency"]] += came - row["customers"]["churn"]
        assert paying[row["currency"]] == figures[row["period"], row["currency"]]


def test_a_customer_is_new_once(truth: Row) -> None:
    for currency in ("usd", "eur", "jpy"):
        customers = [each for each in truth["customers"] if each["currency"] == currency]
        rows = [row for row in truth["movements"] if row["currency"] == currency]
        assert sum(row["customers"]["new"] for row in rows) <= len(customers)
    assert any(row["customers"]["reactivation"] for row in truth["movements"])


@pytest.mark.parametrize(
    ("before", "after", "paid_once", "kind"),
    [
        (0, 5, False, "new"),
        (0, 5, True, "reactivation"),
        (5, 7, True, "expansion"),
        (7, 5, True, "contraction"),
        (5, 0, True, "churn"),
        (5, 5, True, None),
        (0, 0, False, None),
    ],
)
def test_a_movement_compares_two_ends(before: int, after: int, paid_once: bool, kind: str | None) -> None:
    assert movement(before, after, paid_once) == kind


def test_closing_is_the_mrr_of_the_month(truth: Row) -> None:
    assert summed(truth["movements"], "closing") == summed(truth["months"], "mrr")


@pytest.mark.parametrize("table", ["by_plan", "by_country", "by_tenant"])
def test_groups_add_up_to_the_mrr(truth: Row, table: str) -> None:
    assert summed(truth[table], "mrr") == summed(truth["months"], "mrr")


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("table", ["by_country", "by_tenant"])
def test_countries_and_tenants_add_up_in_every_figure(truth: Row, table: str, figure: str) -> None:
    assert summed(truth[table], figure) == summed(truth["months"], figure)


def test_the_last_day_of_a_month_shows_its_mrr(truth: Row) -> None:
    daily = {(row["period"], row["currency"]): row["mrr"] for row in truth["daily"]}
    for row in truth["months"]:
        last = max(day for day, currency in daily if day.startswith(row["period"]))
        assert daily[last, row["currency"]] == row["mrr"]


def test_subscriptions_bring_the_last_mrr_and_items_theirs(truth: Row) -> None:
    for currency in ("usd", "eur", "jpy"):
        now = sum(each["mrr"] for each in truth["subscriptions"] if each["currency"] == currency)
        assert now == [row["mrr"] for row in truth["months"] if row["currency"] == currency][-1]
    for each in truth["subscriptions"]:
        assert sum(item["mrr"] for item in each["items"]) == each["mrr"]


def test_only_what_counts_brings_revenue(truth: Row) -> None:
    for each in truth["subscriptions"]:
        if each["mrr"]:
            assert each["status"] in ("active", "past_due")
            assert not each["collection_paused"]


def test_due_less_paid_remains(truth: Row) -> None:
    for each in truth["invoices"]:
        assert each["amount_due"] - each["amount_paid"] == each["amount_remaining"] >= 0
        assert each["status"] != "paid" or each["amount_remaining"] == 0


def test_payments_make_up_what_was_paid(truth: Row) -> None:
    money: dict[str, int] = defaultdict(int)
    for each in truth["payments"]:
        money[each["invoice"]] += each["amount"] if each["status"] == "succeeded" else 0
    for each in truth["invoices"]:
        over = money[each["id"]] - each["amount_paid"]
        assert over == 0 or (over > 0 and each["settlement"] in ("overpaid", "disputed", "refunded"))


def test_a_settlement_follows_from_the_money(truth: Row) -> None:
    money: dict[str, list[Row]] = defaultdict(list)
    for each in truth["payments"]:
        money[each["invoice"]].append(each)
    for each in truth["invoices"]:
        back = sum(payment["refunded"] for payment in money[each["id"]])
        taken = sum(payment["disputed"] for payment in money[each["id"]])
        assert (each["settlement"] == "disputed") == (taken > 0)
        assert each["settlement"] != "refunded" or back == each["amount_paid"] > 0
        assert each["settlement"] != "partially_refunded" or 0 < back < each["amount_paid"]
        assert each["settlement"] != "partially_paid" or 0 < each["amount_paid"] < each["amount_due"]
        assert each["settlement"] != "unpaid" or (each["status"] != "paid" and each["amount_paid"] == 0)
        assert each["settlement"] != "paid" or (each["status"] == "paid" and back == taken == 0)


def test_what_is_lost_or_open_is_disputed_and_what_was_won_is_not(truth: Row) -> None:
    gone = ("needs_response", "under_review", "lost")
    expected = {each["payment"]: each["amount"] for each in truth["disputes"] if each["status"] in gone}
    assert {each["id"]: each["disputed"] for each in truth["payments"] if each["disputed"]} == expected


def test_refunds_make_up_what_was_refunded(truth: Row) -> None:
    back: dict[str, int] = defaultdict(int)
    for each in truth["refunds"]:
        back[each["payment"]] += each["amount"] if each["status"] == "succeeded" else 0
    assert {each["id"]: each["refunded"] for each in truth["payments"] if each["refunded"]} == {
        payment: amount for payment, amount in back.items() if amount
    }


def test_the_balance_at_stripe_is_the_sum_of_its_transactions() -> None:
    history = generate(seed=6, customers=40, months=6)
    sums: dict[str, int] = defaultdict(int)
    balance = history.truth()["stripe_balance"]
    for moved in history.balance_transactions():
        sums[moved["currency"]] += moved["net"]
    assert {currency: sums[currency] for currency in balance} == balance
