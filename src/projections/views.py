"""Every view there is. A projection that is not listed here is not kept."""

from ledgerstone.projections.conflicts import Conflicts
from ledgerstone.projections.connect import Connect
from ledgerstone.projections.credit_notes import CreditNotes
from ledgerstone.projections.customers import Customers
from ledgerstone.projections.invoices import Invoices
from ledgerstone.projections.money import Money
from ledgerstone.projections.mrr import Mrr
from ledgerstone.projections.passed_on import PassedOn
from ledgerstone.projections.payments import Payments
from ledgerstone.projections.rates import Rates
from ledgerstone.projections.recognition import Recognition
from ledgerstone.projections.schedules import Schedules
from ledgerstone.projections.subscriptions import Subscriptions
from ledgerstone.projections.sync import Sync
from ledgerstone.projections.taken_back import Endings, PaymentUses, Refunds
from ledgerstone.projections.terms import Terms
from ledgerstone.projections.view import AnyView

VIEWS: tuple[AnyView, ...] = (
    Terms(),
    Money(),
    Rates(),
    CreditNotes(),
    Customers(),
    Mrr(),
    Subscriptions(),
    Schedules(),
    Invoices(),
    Payments(),
    Endings(),
    Refunds(),
    PaymentUses(),
    Recognition(),
    PassedOn(),
    Connect(),
    Sync(),
    Conflicts(),
)
