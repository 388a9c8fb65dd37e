"""The same history as older versions of Stripe's API would have told it.

Like Stripe's own version changes: one module for each step back, taken one after the other, so that each
knows only its own version and the next newer one. `VERSIONS` has them all, the newest first."""

from collections.abc import Iterable, Iterator

from ledgerstone.demo.stripe_shapes import API_VERSION, Json
from ledgerstone.demo.versions import basil, clover, dahlia, v2020_08_27, v2022_11_15, v2024_06_20
from ledgerstone.demo.versions.steps import taken

STEPS = (dahlia.STEP, clover.STEP, basil.STEP, v2024_06_20.STEP, v2022_11_15.STEP, v2020_08_27.STEP)
VERSIONS = (API_VERSION, *(step.version for step in STEPS))


def in_shape(events: Iterable[Json], version: str) -> Iterator[Json]:
    """The events of the newest version as `version` tells them; ValueError for one not of VERSIONS."""
    for step in STEPS[: VERSIONS.index(version)]:
        events = taken(events, step)
    return iter(events)
