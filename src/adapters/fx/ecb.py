"""The European Central Bank's files: `eurofxref-daily.xml` has one day, `eurofxref-hist.xml` all since 1999.

Both are a `Cube` of days, each a `Cube` of rates. They are read strictly: what is not known here may mean
something, and half a table is worse than none."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from ledgerstone.adapters.fx.tables import Unreadable, in_order, table
from ledgerstone.ledger.fx import FxRatePublished

LARGEST = 64 << 20
"""Bytes: eight times the history of 27 years."""
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"
GESMES = "{http://www.gesmes.org/xml/2002-08-01}"
AROUND = {f"{GESMES}subject", f"{GESMES}Sender"}
"""What else an envelope has: it says nothing of rates."""


def read_xml(payload: bytes, file: str) -> list[FxRatePublished]:
    """The tables of a file in the order of their days. Raises Unreadable, which names the line."""
    source = f"{file} {sha256(payload).hexdigest()}"
    root = _parsed(payload)
    if root.tag != f"{GESMES}Envelope":
        raise Unreadable(f"line {root.sourceline}: {root.tag} is not the envelope of the bank's files")
    return in_order(
        table(_attributes(day, "time")[0], _rates(day), source, f"line {day.sourceline}")
        for day in _cubes(_only_cube(root))
    )


def _parsed(payload: bytes) -> Any:
    from lxml import etree

    if len(payload) > LARGEST:
        raise Unreadable(f"it has {len(payload):,} bytes: a file of rates has at most {LARGEST:,}")
    if b"<!DOCTYPE" in payload:
        raise Unreadable("it has a DOCTYPE, which the bank's files have not")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(payload, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"it is no XML: {error}") from None
    if root.getroottree().docinfo.doctype:  # in another encoding than it was looked for in
        raise Unreadable("it has a DOCTYPE, which the bank's files have not")
    return root


def _only_cube(root: Any) -> Any:
    cubes = [child for child in root if child.tag not in AROUND]
    if len(cubes) != 1 or cubes[0].tag != CUBE or cubes[0].attrib or not len(cubes[0]):
        raise Unreadable(f"line {root.sourceline}: an envelope has one Cube, of days, beside its sender")
    return cubes[0]


def _rates(day: Any) -> Iterator[tuple[str, str]]:
    for cube in _cubes(day):
        currency, rate = _attributes(cube, "currency", "rate")
        if len(cube):
            raise Unreadable(f"line {cube.sourceline}: there is something in the rate of {currency}")
        yield currency, rate


def _cubes(parent: Any) -> Iterator[Any]:
    for child in parent:
        if child.tag != CUBE:
            raise Unreadable(f"line {child.sourceline}: {child.tag} is not known there")
        yield child


def _attributes(cube: Any, *names: str) -> list[str]:
    if sorted(cube.attrib) != sorted(names):
        told = ", ".join(sorted(cube.attrib)) or "nothing"
        raise Unreadable(f"line {cube.sourceline}: a Cube with {told}, where {' and '.join(names)} belong")
    return [str(cube.get(name)) for name in names]
