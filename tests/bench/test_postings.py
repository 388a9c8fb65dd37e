"""The peer of the figure for postings moves nothing, and leaves the table as it was."""

from ledgerstone.bench.postings import no_rules
from ledgerstone.ledger.payments import PaymentReceived
from ledgerstone.ledger.posting import movements

RECEIVED = PaymentReceived(charge="ch_1", payment="pi_1", amount=100, currency="sek")


def test_without_rules_a_fact_moves_nothing() -> None:
    with no_rules():
        assert movements(RECEIVED) == ()
    assert len(movements(RECEIVED)) == 1
