"""What may each connected account do, what is still wanted of it, and do we act for it?"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, replace

from ledgerstone.ledger.connect import (
    AccountAuthorized,
    AccountDeauthorized,
    Capability,
    CapabilitySeen,
    ConnectedAccount,
    ConnectedAccountSeen,
    rank,
)
from ledgerstone.ledger.recorded import Recorded
from ledgerstone.ledger.timeline import History, Step
from ledgerstone.projections.histories import told
from ledgerstone.projections.view import Row, View


class Grant(Struct, frozen=True, array_like=True, order=True, gc=False):
    """An application was let act for an account, or (`taken`) no longer: in one second that is the last."""

    at: datetime
    taken: bool
    application: str


class Heard(Struct, frozen=True, array_like=True, gc=False):
    """All that was heard of one account."""

    account: History[ConnectedAccount] = History()
    capabilities: dict[str, History[Capability]] = {}
    grants: tuple[Grant, ...] = ()


class ConnectRow(Row, frozen=True):
    """An account for a time. What is `due`, `late` and being `checked` are the provider's names of things to
    know, of the account and of its capabilities; `capabilities` is JSON: statuses by name. What no message
    said is null. `deauthorized`: no application of ours acts for it any more."""

    id: str
    country: str | None
    currency: str | None
    charges_enabled: bool | None
    payouts_enabled: bool | None
    details_submitted: bool | None
    disabled_reason: str | None
    due: tuple[str, ...]
    late: tuple[str, ...]
    checked: tuple[str, ...]
    deadline: datetime | None
    capabilities: str
    deauthorized: bool
    sure: bool
    valid_from: datetime
    valid_to: datetime | None


class Connect(View[Heard, Heard]):
    """What may each connected account do, what is still wanted of it, and do we act for it?"""

    name = "connect"
    version = 1
    hears = (ConnectedAccountSeen, CapabilitySeen, AccountAuthorized, AccountDeauthorized)
    state = Heard
    row = ConnectRow

    def keys(self, row: Recorded) -> Iterable[str]:
        match row.body:
            case ConnectedAccountSeen(id=id):
                return (id,)
            case CapabilitySeen(account=id) | AccountAuthorized(account=id) | AccountDeauthorized(account=id):
                return (id,)
        return ()

    def fold(self, state: Heard | None, row: Recorded, id: str) -> Heard:
        held = state or Heard()
        match row.body:
            case ConnectedAccountSeen():
                return replace(held, account=told(held.account, row, rank))
            case CapabilitySeen(capability=name):
                history = told(held.capabilities.get(name), row, rank)
                return replace(held, capabilities={**held.capabilities, name: history})
            case AccountAuthorized(application=name) | AccountDeauthorized(application=name):
                grant = Grant(row.happened_at, isinstance(row.body, AccountDeauthorized), name)
                return replace(held, grants=tuple(sorted({*held.grants, grant})))
        return held

    def rows(self, id: str, part: Heard) -> Iterable[ConnectRow]:
        last: ConnectRow | None = None
        for start, end in pairwise([*_marks(part), None]):
            assert start is not None
            row = _row(id, part, start, end)
            if last is not None and astuple(last)[:-2] == astuple(row)[:-2]:
                row = replace(row, valid_from=last.valid_from)
            elif last is not None:
                yield last
            last = row
        if last is not None:
            yield last


def _marks(heard: Heard) -> list[datetime]:
    courses = (heard.account.steps, *(history.steps for history in heard.capabilities.values()))
    steps = [step.at for steps in courses for step in steps]
    return sorted({*steps, *(grant.at for grant in heard.grants)})


def _row(id: str, heard: Heard, start: datetime, end: datetime | None) -> ConnectRow:
    step = _step(heard.account.steps, start)
    account = heard.account.contents[step.value] if step else ConnectedAccount()
    known = dict(_capabilities(heard, start))
    wants = (account.wanted, *(capability.wanted for _, capability, _ in known.values()))
    deadlines = [want.deadline for want in wants if want.deadline is not None]
    return ConnectRow(
        id=id,
        country=account.country,
        currency=account.currency,
        charges_enabled=account.charges_enabled,
        payouts_enabled=account.payouts_enabled,
        details_submitted=account.details_submitted,
        disabled_reason=account.wanted.reason,
        due=tuple(sorted({name for want in wants for name in want.due})),
        late=tuple(sorted({name for want in wants for name in want.late})),
        checked=tuple(sorted({name for want in wants for name in want.checked})),
        deadline=min(deadlines, default=None),
        capabilities=msgspec.json.encode(_statuses(account, step, known), order="sorted").decode(),
        deauthorized=_deauthorized(heard.grants, start),
        sure=(step is None or step.sure) and all(sure for _, _, sure in known.values()),
        valid_from=start,
        valid_to=end,
    )


def _capabilities(heard: Heard, at: datetime) -> Iterator[tuple[str, tuple[datetime, Capability, bool]]]:
    for name, history in heard.capabilities.items():
        if step := _step(history.steps, at):
            yield name, (step.at, history.contents[step.value], step.sure)


def _statuses(
    account: ConnectedAccount, step: Step | None, known: dict[str, tuple[datetime, Capability, bool]]
) -> dict[str, str]:
    """What was said last of each capability: by the account that lists it, or by itself."""
    listed = dict(account.capabilities)
    told = {name: capability.status for name, (_, capability, _) in known.items()}
    newer = {name for name, (at, _, _) in known.items() if step is None or at >= step.at}
    return {**told, **listed, **{name: told[name] for name in newer}}


def _deauthorized(grants: Iterable[Grant], at: datetime) -> bool:
    """Every application that was ever heard of has been sent away."""
    last = {grant.application: grant.taken for grant in grants if grant.at <= at}
    return bool(last) and all(last.values())


def _step(steps: Iterable[Step], at: datetime) -> Step | None:
    begun = [step for step in steps if step.at <= at]
    return begun[-1] if begun else None
