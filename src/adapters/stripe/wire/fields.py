"""The kinds of fields that Stripe's objects are made of."""

from typing import Annotated

from msgspec import Meta, Struct

Id = Annotated[str, Meta(min_length=1, max_length=255)]
Currency = Annotated[str, Meta(min_length=3, max_length=12)]
Amount = Annotated[int, Meta(ge=-(10**15), le=10**15)]
"""Stripe's minor units; the bound leaves room to add many of them within 64 bits."""
Time = Annotated[int, Meta(ge=0, le=253_402_300_799)]
"""Unix seconds, up to the last that a calendar of four-digit years has."""
Count = Annotated[int, Meta(ge=0, le=10**12)]
Several = Annotated[int, Meta(ge=1, le=10**9)]


class Wire(Struct, frozen=True, kw_only=True, gc=False):
    """A part of Stripe's JSON."""


class Page(Wire, frozen=True):
    """A list inside an object: with `has_more` its first part only."""

    has_more: bool = False


class Expanded(Wire, frozen=True):
    """An object that stands where its id could."""

    id: Id


Ref = Id | Expanded


def id_of(reference: Ref) -> str:
    """The id, whether the object was expanded or not."""
    return reference if isinstance(reference, str) else reference.id


def maybe_id(reference: Ref | None) -> str | None:
    """The id, or None where the field is null or absent."""
    return None if reference is None else id_of(reference)
