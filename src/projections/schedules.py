"""What is each subscription agreed to become, and when?

A schedule stands under the subscription that it changes, and until it has made one under its own id."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ledgerstone.ledger.catalogue import Price
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.schedules import (
    Agreed,
    Change,
    PlannedItem,
    Promise,
    Schedule,
    SubscriptionScheduleSeen,
    agreements,
    changes,
    rank,
)
from ledgerstone.ledger.timeline import Course, History, course, repeats
from ledgerstone.projections.histories import told
from ledgerstone.projections.terms import Terms, price_of
from ledgerstone.projections.view import Look, Ref, Row, View


class ScheduleRow(Row, frozen=True):
    """A change that was agreed on, for a time: it happens at `starts_at`. `kind` is `phase`, `pause`,
    `resume` or `end`; `items` and `discounts` are JSON, of a phase only. `sure` False when messages are
    missing that would say what was agreed."""

    schedule: str
    subscription: str | None
    customer: str | None
    status: str
    kind: str
    starts_at: datetime
    ends_at: datetime | None
    items: str | None
    discounts: str | None
    trial_end: datetime | None
    proration: str | None
    sure: bool
    valid_from: datetime
    valid_to: datetime | None


Heard = dict[str, History[Schedule]]
"""All schedules of a subscription, by their ids."""
Part = tuple[tuple[tuple[str, Course[Schedule]], ...], tuple[tuple[str, Price], ...]]


class Schedules(View[Heard, Part]):
    """What is each subscription agreed to become, and when?"""

    name = "schedules"
    version = 1
    hears = (SubscriptionScheduleSeen,)
    reads = (Terms,)
    state = Heard
    row = ScheduleRow

    def keys(self, row: Recorded) -> Iterable[str]:
        if not isinstance(row.body, SubscriptionScheduleSeen):
            return ()
        shown = [terms for terms in (row.body.now, row.body.before) if terms is not None]
        return dict.fromkeys([row.body.id, *(terms.subscription for terms in shown if terms.subscription)])

    def fold(self, state: Heard | None, row: Recorded, id: str) -> Heard:
        held, schedule = state or {}, row.body.id  # type: ignore[union-attr]
        return {**held, schedule: told(held.get(schedule), row, rank)}

    def alike(self, held: Heard, now: Heard) -> bool:
        return len(held) == len(now) and all(repeats(held[id], history) for id, history in now.items())

    def refs(self, id: str, state: Heard) -> Iterable[Ref]:
        return [("terms", f"price/{price}") for price in _prices(state)]

    def part(self, id: str, state: Heard, look: Look) -> Part:
        known = ((price, look(("terms", f"price/{price}"))) for price in _prices(state))
        return (
            tuple((id, course(history)) for id, history in sorted(state.items())),
            tuple((price, price_of(rows[-1].terms)) for price, rows in known if rows),
        )

    def rows(self, id: str, part: Part) -> Iterable[ScheduleRow]:
        courses, prices = part[0], dict(part[1])
        for schedule, heard in courses:
            for agreed in agreements(heard):
                if id == (agreed.terms.subscription or schedule):
                    for change in dict.fromkeys(changes(agreed.terms)):
                        yield _row(schedule, agreed, change, prices)


def _prices(state: Heard) -> list[str]:
    contents = [terms for history in state.values() for terms in history.contents]
    return sorted({item.price for terms in contents for phase in terms.phases for item in phase.items})


def _row(schedule: str, agreed: Agreed, change: Change, prices: Mapping[str, Price]) -> ScheduleRow:
    phase = change.phase
    return ScheduleRow(
        schedule=schedule,
        subscription=agreed.terms.subscription,
        customer=agreed.terms.customer,
        status=agreed.terms.status,
        kind=change.kind,
        starts_at=change.at,
        ends_at=change.until,
        items=_json([_item(item, prices.get(item.price)) for item in phase.items]) if phase else None,
        discounts=_json(_promises(phase.discounts)) if phase else None,
        trial_end=phase.trial_end if phase else None,
        proration=phase.proration if phase else None,
        sure=agreed.sure,
        valid_from=agreed.start,
        valid_to=agreed.end,
    )


def _item(item: PlannedItem, price: Price | None) -> dict[str, Any]:
    """A line in the words of a subscription's own, as far as the price is known."""
    return {
        "price": item.price,
        "plan": price.product if price else None,
        "quantity": item.quantity,
        "interval": price.interval if price else None,
        "interval_count": price.interval_count if price else None,
        "unit_amount": price.unit_amount if price else None,
        "discounts": _promises(item.discounts),
    }


def _promises(discounts: Iterable[Promise]) -> list[dict[str, str | None]]:
    return [{"coupon": one.coupon, "code": one.code, "discount": one.discount} for one in discounts]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
