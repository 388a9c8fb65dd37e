"""Evidence: the messages themselves, byte for byte, and what we noticed about them."""

from datetime import datetime

from ledgerstone.ledger.fact import Fact


class StripeEventHeard(Fact, frozen=True, kw_only=True, tag="stripe-event-heard"):
    """A message of Stripe's: exactly the bytes that were signed, and how they came to us.

    `source` is `webhook`, `api` or `import`. `parked` says why no facts could be read from it. `unknown`
    marks a type that Stripe's published list does not have. The payload comes last, so that what stands
    before it can be read without it."""

    id: str
    event_type: str
    created: datetime
    source: str
    signature: str | None = None
    api_version: str | None = None
    account: str | None = None
    livemode: bool = False
    unknown: bool = False
    parked: str | None = None
    payload: bytes


class StripeObjectListed(Fact, frozen=True, kw_only=True, tag="stripe-object-listed"):
    """An object as one of Stripe's lists showed it to a request made at `requested`: nobody signed it, and it
    says what was, not what happened. `object` is its kind, in Stripe's word; the rest as of an event."""

    id: str
    object: str
    requested: datetime
    account: str | None = None
    livemode: bool = False
    parked: str | None = None
    payload: bytes

    @property
    def event_type(self) -> str:
        """Where an event has its type, a page has the kind of its object."""
        return self.object

    @property
    def api_version(self) -> None:
        """A list does not say in which version's words it answers."""
        return None

    @property
    def source(self) -> str:
        """`list`: we asked."""
        return "list"

    @property
    def name(self) -> str:
        """`swept/<object>/<request start>`, behind the account where that is not our own: ids are unique
        within one account."""
        swept = f"swept/{self.id}/{int(self.requested.timestamp())}"
        return f"{self.account}/{swept}" if self.account else swept


class EvidenceConflict(Fact, frozen=True, tag="evidence-conflict"):
    """A second message bore the name `first` with another body. The first stays in force."""

    first: str
    payload: bytes
    source: str
    signature: str | None = None


class EvidenceRead(Fact, frozen=True, kw_only=True, tag="evidence-read"):
    """Evidence `first` was read again, after the readers had changed: the facts that were missing, and the
    corrections of others, stand behind this. `parked` marks the reading that ends its waiting, `familiar` the
    one that finds its type, unknown until then, in the provider's list; the rest is the evidence's, so that
    it can be counted where that was."""

    first: str
    event_type: str
    api_version: str | None = None
    source: str
    parked: bool = False
    familiar: bool = False


class EvidenceConfirmed(Fact, frozen=True, tag="evidence-confirmed"):
    """A signed delivery of something that had been imported without a signature."""

    first: str
    signature: str


class FactConflict(Fact, frozen=True, tag="fact-conflict"):
    """Two messages tell of one fact in different amounts: `first` is in force, `told` is what the second
    says (the fact as JSON). Nothing moves; a person must look."""

    first: str
    told: bytes


class RefetchWanted(Fact, frozen=True, tag="refetch-wanted"):
    """A message showed only a part of an object, or none of it: it is to be fetched whole. `object` is its
    kind, in the provider's word, `reason` a sentence. Nothing moves, and what the message did show is told
    beside this. `path` is where the provider says that it is found, and the `id` of what has no other."""

    object: str
    id: str
    reason: str
    path: str | None = None


class MessageRefused(Fact, frozen=True, tag="message-refused"):
    """A signed message that is no event at all; `sha256` finds it at the provider, who keeps it 30 days."""

    sha256: str
    reason: str
    size: int
