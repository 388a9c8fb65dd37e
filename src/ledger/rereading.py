"""What does a second reading of evidence add to the log? Facts that were missing, corrections of what this
very evidence told wrongly, and conflicts with what another has told; nothing where all is as it was read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from ledgerstone.ledger.admission import conflicts, differ
from ledgerstone.ledger.corrections import correction_of, grown, in_force, joined, now, outgrown, superseding
from ledgerstone.ledger.evidence import EvidenceRead, StripeEventHeard, StripeObjectListed
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.facts import Superseded
from ledgerstone.ledger.recorded import Recorded

Known = Mapping[str, Recorded]
"""What the log has, by name."""


class Reading(Struct, frozen=True):
    """Evidence that was heard before, the facts that are read from it now, and whether its type is in the
    provider's list now."""

    evidence: Recorded
    told: Sequence[Recorded]
    familiar: bool = True

    @property
    def heard(self) -> StripeEventHeard | StripeObjectListed:
        return evidence_of(self.evidence)


def evidence_of(row: Recorded) -> StripeEventHeard | StripeObjectListed:
    """The body of a row that is evidence, of either kind."""
    assert isinstance(row.body, StripeEventHeard | StripeObjectListed)
    return row.body


def reading_of(evidence: str, number: int) -> str:
    """The name of the first, second … row that says that evidence was read again."""
    return f"{evidence}/read/{number}"


def asked(reading: Reading) -> Iterator[str]:
    """The names on which it depends what is new; of what has a number the first. Who finds one that has asks
    for the `next_of` it."""
    yield reading_of(reading.evidence.name, 1)
    for told in reading.told:
        yield told.name
        yield correction_of(told.name, 1)
        yield from (conflict.name for conflict in conflicts(told))


def next_of(row: Recorded) -> str | None:
    """The name that follows a row's, where rows of its kind are numbered."""
    if not isinstance(row.body, Superseded | EvidenceRead):
        return None
    stem, _, number = row.name.rpartition("/")
    return f"{stem}/{int(number) + 1}"


def waits(evidence: Recorded, known: Known) -> bool:
    """Whether evidence was parked and has not been read since."""
    parked = evidence_of(evidence).parked
    return parked is not None and not any(read.parked for read in _readings(evidence.name, known))


def strange(evidence: Recorded, known: Known) -> bool:
    """Whether the type of evidence was in no list when it was heard, and was not found in one since."""
    unknown = getattr(evidence_of(evidence), "unknown", False)
    return unknown and not any(read.familiar for read in _readings(evidence.name, known))


def news(reading: Reading, known: Known) -> list[Recorded]:
    """The rows that a reading adds, save conflicts: the facts that are new, and the corrections of those that
    this evidence told, or that it outgrows."""
    found: list[Recorded] = []
    for told in _firsts(reading).values():
        if told.name not in known:
            found.append(told)
            continue
        held, number = in_force(told.name, known)
        own = told if _is_own(told, held) and _is_other(told, held) else None
        if (more := own or grown(held, told)) is not None:
            found.append(superseding(held, more, number + 1))
    return found


def contradictions(reading: Reading, known: Known) -> list[Recorded]:
    """The conflicts of a reading with facts that others told, which only their own evidence can correct, or
    with what it told itself just before; noted ones left out. What agrees with anything that was ever in
    force contradicts nothing."""
    found: dict[str, Recorded] = {}
    firsts = _firsts(reading)
    for told in reading.told:
        first = firsts[told.name]
        if told is first and (told.name not in known or _is_own(told, in_force(told.name, known)[0])):
            continue
        tellings = [*_tellings(told.name, known), *([first] if told is not first else [])]
        if all(_contradict(told.body, held.body) for held in tellings):
            found |= _unnoted(told, {**known, **found})
    return list(found.values())


def announced(reading: Reading, rows: Sequence[Recorded], known: Known, *, read: bool) -> list[Recorded]:
    """The rows of a reading behind one that says that there was one. With `read` the evidence waits no more;
    without, without rows, and where its type is as unknown as before, there is nothing to say."""
    familiar = reading.familiar and strange(reading.evidence, known)
    if not rows and not read and not familiar:
        return []
    heard, name = reading.heard, reading.evidence.name
    number = sum(1 for _ in _readings(name, known)) + 1
    body = EvidenceRead(
        first=name,
        event_type=heard.event_type,
        api_version=heard.api_version,
        source=heard.source,
        parked=read,
        familiar=familiar,
    )
    evidence = reading.evidence
    return [
        Recorded(reading_of(name, number), evidence.book, evidence.happened_at, body, cause=name),
        *rows,
    ]


def _firsts(reading: Reading) -> dict[str, Recorded]:
    """Of a fact that a message tells more than once, the first telling counts."""
    firsts: dict[str, Recorded] = {}
    for told in reading.told:
        firsts.setdefault(told.name, told)
    return firsts


def _is_own(told: Recorded, held: Recorded) -> bool:
    """Whether the message tells this that told what is in force."""
    return (held.cause, held.book) == (told.cause, told.book)


def _is_other(told: Recorded, held: Recorded) -> bool:
    """Whether it says otherwise than what is in force."""
    return (held.body, held.happened_at) != (told.body, told.happened_at)


def _contradict(told: Fact, held: Fact) -> bool:
    agree = outgrown(told, held) or outgrown(held, told) or joined(held, told) is not None
    return differ(told, held) and not agree


def _tellings(name: str, known: Known) -> Iterable[Recorded]:
    """All that was ever in force of a fact."""
    found, number = [known[name]] if name in known else [], 1
    while correction := known.get(correction_of(name, number)):
        found.append(now(correction))
        number += 1
    return found


def _readings(evidence: str, known: Known) -> Iterator[EvidenceRead]:
    number = 1
    while read := known.get(reading_of(evidence, number)):
        assert isinstance(read.body, EvidenceRead)
        yield read.body
        number += 1


def _unnoted(told: Recorded, known: Known) -> dict[str, Recorded]:
    for conflict in conflicts(told):
        held = known.get(conflict.name)
        if held is None:
            return {conflict.name: conflict}
        if held.body == conflict.body:
            break
    return {}
