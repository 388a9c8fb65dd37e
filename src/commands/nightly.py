"""How are the books verified every night? By a process of its own, which gives way to the service, and by one
of all services of a database."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC

from ledgerstone.commands.launch import END_SECONDS, NICE

logger = logging.getLogger("ledgerstone")


class Night:
    """Runs `ledgerstone verify --nightly` in a process, and waits for it."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[str] | None = None

    def verify(self) -> None:
        """Say what came of it where the service's own words go."""
        self._running = process = subprocess.Popen(
            [sys.executable, "-m", "ledgerstone", "verify", "--nightly"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C comes to us, and we end it
        )
        os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        with process:
            for line in process.stdout or ():
                logger.log(_level(line.startswith("WRONG")), "%s", line.rstrip())
        code = process.returncode
        logger.log(_level(code != 0), "the nightly verification ended with %s", code)

    def close(self) -> None:
        """End what runs: it changes nothing, and comes again the next night."""
        if (process := self._running) is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _level(is_wrong: bool) -> int:
    return logging.WARNING if is_wrong else logging.INFO


@contextmanager
def verifying(at: str) -> Iterator[None]:
    """Verify every night at a time (UTC, as 02:30), while the service runs; never where that is `off`."""
    if at == "off":
        yield
        return
    from apscheduler.schedulers.background import BackgroundScheduler

    hour, minute = map(int, at.split(":"))
    night, scheduler = Night(), BackgroundScheduler(timezone=UTC)
    late = {"coalesce": True, "misfire_grace_time": 3_600, "max_instances": 1}
    scheduler.add_job(night.verify, "cron", hour=hour, minute=minute, **late)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.pause()
        night.close()
        scheduler.shutdown()
