"""What did each version of a view make of known logs, when it was released? Its output never changes under
the same version: old tables would be read by new code."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from ledgerstone.ledger.recorded import Recorded, encode
from ledgerstone.projections.folder import Folder, remembering
from ledgerstone.projections.shown import Version
from ledgerstone.projections.view import AnyView, chains, identity
from ledgerstone.projections.views import VIEWS
from tests.examples import released
from tests.worlds import log_of, messages, shuffled

FILE = Path(__file__).with_name("view_digests.json")

Log = Sequence[tuple[int, Recorded]]
Digests = dict[str, str]
"""By what is digested: `log/generated`, `mrr_v1(…)/generated`."""


def logs() -> dict[str, Log]:
    """The rows as first released, and those of a small business in disorder."""
    rows = [msgspec.json.decode(line.row, type=Recorded) for line in released()]
    return {"released": list(enumerate(rows, 1)), "generated": log_of(shuffled(messages(11), 11))}


def digests() -> Digests:
    """What the logs are, and what every view makes of them, now."""
    found: Digests = {}
    for name, log in logs().items():
        found[f"log/{name}"] = _digest(encode(row) for _, row in log)
        for group in chains(VIEWS):
            folder = remembering(group, log)
            for view in group:
                found[f"{identity(view)}/{name}"] = _digest(_lines(folder, view))
    return found


def stored() -> Digests:
    """What was released."""
    return msgspec.json.decode(FILE.read_bytes(), type=Digests) if FILE.exists() else {}


def changed(now: Digests, before: Digests) -> list[str]:
    """The views whose output is another than when they were released, though the log is the same."""
    same = {name for name in logs() if now[f"log/{name}"] == before.get(f"log/{name}")}
    return [
        key
        for key, digest in now.items()
        if key.rpartition("/")[2] in same and before.get(key, digest) != digest
    ]


def release() -> str:
    """Note the output of every view, unless one has changed under its version."""
    now = digests()
    if wrong := changed(now, stored()):
        return _refusal(wrong)
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(now, order="sorted"), indent=1) + b"\n")
    return ""


def _refusal(keys: Iterable[str]) -> str:
    views = ", ".join(sorted({key.partition("(")[0] for key in keys}))
    return f"{views}: shows other rows under the same version. Give it the next one."


def _lines(folder: Folder, view: AnyView) -> Iterator[bytes]:
    changes = folder.changes(view)
    versions = [*changes.passed, *folder.opened(view)]
    yield from sorted(map(msgspec.msgpack.encode, map(_version, versions)))
    yield from sorted(map(msgspec.msgpack.encode, changes.deltas))
    yield from sorted(map(msgspec.msgpack.encode, changes.counted.items()))


def _version(version: Version) -> dict[str, Any]:
    """All that is read of a version."""
    return {name: getattr(version, name) for name in ("key", "row", "known_from", "known_to")}


def _digest(parts: Iterable[bytes]) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(release())
