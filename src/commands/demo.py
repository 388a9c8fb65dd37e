"""What does the service make of two years of a business? A generated history comes as Stripe would deliver
it, late and twice, and the figures are held against what the generator knows to be true."""

import secrets
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import click
import msgspec
from msgspec import Struct

from ledgerstone.commands.child import Child, service
from ledgerstone.commands.deliver import Delivered, Refused, deliver
from ledgerstone.commands.figures import COUNTED, MOVED, differences, table
from ledgerstone.commands.progress import progress
from ledgerstone.demo.disorder import disorder
from ledgerstone.demo.history import generate

WINDOW, TWICE = 50, 0.02
AGAIN = 500
"""Webhooks that are sent again when the history is in the log already."""
NAMED = 10
PAGES = (
    "/api/mrr",
    "/sys/billing/mrr/movements?from={first}&to={last}",
    "/sys/billing/revenue?as_of={last}",
    "/sys/invoices?status=open",
    "/sys/sync/stripe",
    "/readyz",
    "/docs",
)


class Business(Struct, frozen=True):
    """A history as bodies of webhooks in true order, and the truth about it. The same arguments give the
    same `name`, as long as the generator does the same."""

    name: str
    events: Sequence[bytes]
    truth: dict[str, Any]

    @property
    def months(self) -> tuple[str, str]:
        """The first and the last."""
        rows = self.truth["months"]
        return rows[0]["period"], rows[-1]["period"]


class Options(Struct, frozen=True):
    """Which history, and where."""

    home: Path
    seed: int
    customers: int
    months: int
    port: int | None
    exit: bool


def demonstrate(options: Options, say: Callable[[str], None]) -> bool:
    """Tell the story; whether the figures were the truth. Unless `exit`, the service stays until Ctrl-C."""
    say(f"generating {options.customers} customers over {options.months} months …")
    business = invent(options.seed, options.customers, options.months)
    home = options.home / business.name
    known = (home / "delivered").exists()
    with service(home, secret := f"whsec_{secrets.token_hex(16)}", options.port) as child:
        events = business.events[:AGAIN] if known else business.events
        say(f"{'known already, so only some again' if known else 'new'}: {len(events):,} signed webhooks …")
        _deliver(business, events, child, secret, say)
        (home / "delivered").touch()
        _wait_for_views(child)
        fine = _show(business, child, say)
        if not options.exit:
            _stay(business, child, say)
    return fine


def invent(seed: int, customers: int, months: int) -> Business:
    """A business, told from the beginning to the end."""
    history = generate(seed, customers, months)
    events = [msgspec.json.encode(event) for event in history.events]
    digest = blake2b(digest_size=4)
    for event in events:
        digest.update(event)
    name = f"seed{seed}-{customers}x{months}-{digest.hexdigest()}"
    return Business(name, events, history.truth())


def _deliver(
    business: Business, events: Sequence[bytes], child: Child, secret: str, say: Callable[[str], None]
) -> None:
    begun, total = monotonic(), round(len(events) * (1 + TWICE))
    try:
        with progress("delivering", "webhooks") as told:
            disordered = disorder(events, business.truth["seed"], WINDOW, TWICE)
            done = deliver(disordered, child.port, secret, lambda sent: told(sent, max(sent, total)))
    except (Refused, OSError) as error:
        raise click.ClickException(f"delivering stopped: {error}\nSee {child.log}.") from None
    say(_told(done, monotonic() - begun))


def _told(done: Delivered, seconds: float) -> str:
    return (
        f"{done.sent:,} delivered in {seconds:.1f} s ({done.sent / seconds:,.0f} a second), out of order:"
        f" {done.duplicate:,} were duplicates, {done.parked:,} parked"
    )


def _wait_for_views(child: Child) -> None:
    """Until every view has every row. What stopped will never come."""
    with progress("folding into views", "rows") as told:
        while True:
            views = child.get("/sys/projections")["data"]
            if stopped := [view for view in views if view["state"] == "stopped"]:
                raise click.ClickException(f"{stopped[0]['name']} stopped: {stopped[0]['reason']}")
            if all(view["lag"] == 0 and view["state"] == "live" for view in views):
                return
            told(min(view["position"] for view in views), max(v["position"] + v["lag"] for v in views))
            sleep(0.1)


def _show(business: Business, child: Child, say: Callable[[str], None]) -> bool:
    first, last = business.months
    asked = f"from={first}&to={last}&as_of={last}&limit=1000"
    moved = child.get(f"/sys/billing/mrr/movements?{asked}")["data"]
    stood = child.get(f"/sys/billing/mrr?{asked}")["data"]
    for line in table(moved):
        say(line)
    wrong = differences(MOVED, moved, business.truth["movements"])
    wrong += differences(COUNTED, stood, business.truth["months"])
    say("")
    if wrong:
        say(f"{len(wrong):,} figures are not the truth (after a change of the code, remove {child.home}):")
        for line in wrong[:NAMED]:
            say(f"  {line}")
        return False
    count = len(business.truth["movements"]) * len(MOVED) + len(business.truth["months"]) * len(COUNTED)
    say(f"all {count:,} figures are equal to the generator's truth, to the minor unit")
    return True


def _stay(business: Business, child: Child, say: Callable[[str], None]) -> None:
    first, last = business.months
    pages = [f"  {child.url}{page.format(first=first, last=last)}" for page in PAGES]
    try:
        say("\n".join(["", *pages, "", "the service goes on; Ctrl-C ends it"]))
        child.process.wait()
    except KeyboardInterrupt:
        return
    raise click.ClickException(f"the service ended by itself: see {child.log}")
