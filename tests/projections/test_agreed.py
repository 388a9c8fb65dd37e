"""What is agreed on and who is connected, in tables: live is rebuilt is replayed, in any order and window."""

from itertools import chain
from random import Random

import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.view_store import PostgresViews
from ledgerstone.ledger.journal import Journal
from ledgerstone.projections.engine import Engine
from ledgerstone.projections.folder import fold
from ledgerstone.projections.rebuild import rebuild
from ledgerstone.projections.view import chains
from ledgerstone.projections.views import VIEWS
from tests import stripe_objects as stripe
from tests.projections.tables import in_memory, versions
from tests.stripe_accounts import account, capability
from tests.stripe_schedules import phase, schedule

BORN, NOW, LATER = stripe.BORN, stripe.NOW, stripe.NOW + 86_400
PHASES = (phase(BORN, LATER), phase(LATER, LATER + 60))
GRANT = {"id": "ca_1", "object": "application"}
OFF = {"charges_enabled": False}
TOLD = (
    ("price.created", BORN, stripe.price(), None),
    ("subscription_schedule.created", BORN, schedule(*PHASES, status="not_started", subscription=None), None),
    (
        "subscription_schedule.updated",
        NOW,
        schedule(*PHASES),
        {"status": "not_started", "subscription": None},
    ),
    ("price.updated", NOW, stripe.price(unit_amount=5900, unit_amount_decimal="5900"), None),
    ("subscription_schedule.released", LATER, schedule(*PHASES, status="released", released_at=LATER), None),
    ("account.application.authorized", BORN, GRANT, None),
    ("account.updated", BORN, account(**OFF), None),
    ("capability.updated", NOW, capability(status="active"), {"status": "pending"}),
    ("account.updated", LATER, account(), OFF),
    ("account.application.deauthorized", LATER, GRANT, None),
)
"""One of everything, once more with another price."""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("window", [1, 4, 100])
def test_live_is_rebuilt_is_replayed(
    database: Database, journal: Journal, store: PostgresViews, window: int, seed: int
) -> None:
    engine = Engine(VIEWS, journal, store)
    for number in Random(seed).sample(range(len(TOLD)), len(TOLD)):
        type, at, shown, previous = TOLD[number]
        said = stripe.event(type, shown, previous, id=f"evt_{number}", created=at, account="acct_9")
        journal.append(stripe.read(said).rows)
        engine.catch_up(window)
    live = {view.name: versions(database.app_dsn, view) for view in VIEWS}
    assert {book for book, *_ in chain(live["schedules"], live["connect"])} == {"acct_9:live"}

    beside = PostgresViews(database.app_dsn, "_new")
    rebuild(chains(VIEWS), journal, beside)
    beside.close()

    rows = [(entry.position, entry.row) for entry in journal.read(0, 1000) if entry.row is not None]
    for group in chains(VIEWS):
        for name, replayed in fold(group, rows).items():
            (view,) = (view for view in group if view.name == name)
            assert live[name] == in_memory(list(replayed)) == versions(database.app_dsn, view)
