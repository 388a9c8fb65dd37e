"""What does each account hold of each tenant? Postings name whose money it is by an invoice, a payment, a
charge, a refund, a dispute or a customer; the views say whose these are."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec.structs import replace

from ledgerstone.ledger.growth import midnight
from ledgerstone.projections.customers import Customers
from ledgerstone.projections.invoices import Invoices
from ledgerstone.projections.money import Money
from ledgerstone.projections.payments import Payments
from ledgerstone.projections.reads.asked import TENANT, Moment, Query, ask, counted, known, relation, tracked
from ledgerstone.projections.reads.balances import LEGS, Balance, balance_of, end_day

VIEWS = (tracked(Customers), tracked(Invoices), tracked(Payments), tracked(Money))
"""What an answer by tenant is made of, beside the index of postings."""

PAYMENTS = (
    f"select p.key, coalesce(p.customer, i.customer) as customer from {relation(Payments)} p"
    f" left join {relation(Invoices)} i on i.key = p.invoice and {known('i')} and {counted('i')}"
    f" where {known('p')} and {counted('p')}"
)
"""A payment that names no customer is its invoice's."""
OWNERS = (
    f"select i.key, i.customer from {relation(Invoices)} i where {known('i')} and {counted('i')}"
    f" union all {PAYMENTS}"
    f" union all select m.id, p.customer from {relation(Money)} m join ({PAYMENTS}) p on p.key = m.payment"
    f" where {known('m')} and m.at < %(at)s and m.id <> m.payment"
    f" union all select c.key, c.key from {relation(Customers)} c where {known('c')}"
)
"""The customer of everything that postings may name, as known at the position."""

WHOLE = Query("select set_config('enable_nestloop', 'off', true)", {})
"""To be asked before, in the same transaction: all legs are joined with all owners, and where nothing is
known of how many there are (tables just made), they would be looked up one by one in lists."""


def by_tenant(moment: Moment, since: date | None, chart: str | None) -> Query:
    """Account, tenant, currency, opening, debit and credit; no tenant where it is nobody's: payouts, fees and
    whatever the views know no customer of. Days are taken whole, and so whose their money is, is asked as of
    the midnight that ends the last of them."""
    moment = replace(moment, at=midnight(end_day(moment.at)))
    one, early = " and account = %(chart)s" if chart else "", "day < %(since)s" if since else "false"
    legs = (
        'select account, currency, "of",'
        f" coalesce(sum(amount) filter (where {early}), 0) as opened,"
        f" coalesce(sum(amount) filter (where amount > 0 and not {early}), 0) as debit,"
        f" coalesce(-sum(amount) filter (where amount < 0 and not {early}), 0) as credit"
        f" from {LEGS} where book = %(book)s and position <= %(position)s and day < %(end_day)s{one}"
        ' group by account, currency, "of"'
    )
    text = (
        f"with legs as ({legs}), owners as (select distinct on (key) key, customer from ({OWNERS}) o"
        " order by key, customer nulls last),"
        f" tenants as (select r.customer, {TENANT} as tenant"
        " from (select distinct customer from owners where customer is not null) r)"
        " select account, tenant, currency, sum(opened)::bigint, sum(debit)::bigint, sum(credit)::bigint"
        ' from legs left join owners on owners.key = legs."of" left join tenants using (customer)'
        " group by account, tenant, currency order by account, tenant nulls first, currency"
    )
    return ask(moment, text, end_day=end_day(moment.at), since=since, chart=chart)


def balance(row: Sequence[Any]) -> Balance:
    """A row of `by_tenant`."""
    account, *rest = row
    return balance_of(account, rest)
