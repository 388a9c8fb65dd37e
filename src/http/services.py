"""What the web needs of the rest of the service."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ledgerstone.http.database import Pool
from ledgerstone.http.intake import BYTES, SECONDS
from ledgerstone.http.metrics import Metrics
from ledgerstone.ledger.journal import Journal


@dataclass(frozen=True)
class Services:
    """Handles and settings, made by whoever starts the service.

    `dsn` is the app's, and `pool` one of `reading_pool(dsn)`, not opened yet: the application opens it and
    closes it. `livemode` is the mode of the log, `webhook_secrets` the provider's signing secrets (several
    while one is being rolled). At most `webhook_bytes` of messages are held at a time, and the body of one
    must come within `webhook_seconds`. Other currencies are reported in the `reporting_currency`, lower case,
    and closes value them in the `functional_currency`. `rebuild` begins to rebuild the chain that holds a
    view, elsewhere, and raises AlreadyRunning; its second argument is whether what is read is replaced though
    it differs. `clock` gives Unix seconds; `metrics` counts what this process does."""

    journal: Journal
    dsn: str = field(repr=False)
    pool: Pool
    livemode: bool
    webhook_secrets: tuple[str, ...] = field(repr=False)
    webhook_bytes: int = BYTES
    webhook_seconds: float = SECONDS
    reporting_currency: str | None = None
    functional_currency: str | None = None
    version: str = "0"
    rebuild: Callable[[str, bool], None] | None = None
    clock: Callable[[], float] = time.time
    metrics: Metrics = field(default_factory=Metrics)
