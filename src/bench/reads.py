"""How fast is the MRR table read, warm, beside a bare route that returns the same bytes?"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from urllib.request import urlopen

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledgerstone.bench.measure import Result, paired
from ledgerstone.bench.webhooks import Sender, free_port, wait_for

PATH = "/sys/billing/mrr?from=2025-11&to=2026-10"
CONNECTIONS, REQUESTS = 16, 8_000


def warm(dsn: str) -> Result:
    """`/sys/billing/mrr` over 12 months, asked again and again."""
    with serving("ours", dsn, b"") as ours:
        answer = urlopen(f"http://127.0.0.1:{ours}{PATH}", timeout=30).read()
        with serving("peer", dsn, answer) as bare:
            return paired(
                "/sys/billing/mrr over 12 months, warm",
                lambda: asyncio.run(_ask(ours)),
                lambda: asyncio.run(_ask(bare)),
                0.5,
                "requests/s",
                rounds=5,
                note=f"{len(answer):,} bytes",
            )


def bare(answer: bytes) -> Starlette:
    """One route, and bytes that are there already."""

    async def table(request: Request) -> Response:
        return Response(answer, media_type="application/json")

    return Starlette(routes=[Route("/sys/billing/mrr", table)])


async def _ask(port: int) -> float:
    loop = asyncio.get_running_loop()
    request = f"GET {PATH} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
    queue = iter([request] * REQUESTS)
    senders = [Sender(queue, loop.create_future()) for _ in range(CONNECTIONS)]
    begun = perf_counter()
    for sender in senders:
        await loop.create_connection(lambda sender=sender: sender, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(sender.done for sender in senders))
    return REQUESTS / (perf_counter() - begun)


@contextmanager
def serving(kind: str, dsn: str, answer: bytes) -> Iterator[int]:
    """One of the two servers in a process of its own: its port."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", __name__, kind, dsn, str(port)], stdin=subprocess.PIPE)
    assert server.stdin is not None
    server.stdin.write(answer)
    server.stdin.close()
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Run one of the two servers; the bare one has its answer from standard input."""
    from ledgerstone.bench.webhooks import application, run

    kind, dsn, port = sys.argv[1:]
    run(bare(sys.stdin.buffer.read()) if kind == "peer" else application("ours", dsn), int(port))


if __name__ == "__main__":
    main()
