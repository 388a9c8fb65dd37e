"""What every fact is: a frozen value with a stable tag, never a path to Python code."""

from msgspec import Struct


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="fact", gc=False):
    """Something that happened outside and is never refused.

    A field is only ever added, and with a default; a changed meaning is a new tag, so that old rows
    always decode. Amounts are integers of ISO 4217 minor units, times are aware and UTC."""


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What we keep of an object at one moment: the value that observations tell of and views compare."""
