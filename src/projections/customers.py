"""Who pays, for which organisation, and where are they?"""

from collections.abc import Iterable
from datetime import datetime

from ledgerstone.ledger.customers import NOT_SHOWN, Customer, CustomerSeen, rank
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import History, repeats
from ledgerstone.projections.histories import told
from ledgerstone.projections.view import Row, View


class CustomerRow(Row, frozen=True):
    """A customer for a time; `deleted` when the provider removed it."""

    id: str
    tenant: str
    country: str | None
    deleted: bool
    valid_from: datetime
    valid_to: datetime | None


class Customers(View[History[Customer], History[Customer]]):
    """Who pays, for which organisation, and where are they?"""

    name = "customers"
    version = 2
    hears = (CustomerSeen,)
    state = History[Customer]
    row = CustomerRow

    def keys(self, row: Recorded) -> Iterable[str]:
        return (row.body.id,) if isinstance(row.body, CustomerSeen) else ()

    def fold(self, state: History[Customer] | None, row: Recorded, id: str) -> History[Customer]:
        return told(state, row, rank)

    def alike(self, held: History[Customer], now: History[Customer]) -> bool:
        return repeats(held, now)

    def rows(self, id: str, part: History[Customer]) -> Iterable[CustomerRow]:
        ends = [*(step.at for step in part.steps[1:]), None]
        held = Customer(tenant=id)
        for step, end in zip(part.steps, ends, strict=True):
            shown = part.contents[step.value]
            held = held if shown == NOT_SHOWN else shown
            yield CustomerRow(id, held.tenant, held.country, step.ended, step.at, end)
