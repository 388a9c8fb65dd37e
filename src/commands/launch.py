"""How does the service rebuild views? As anybody would, in processes of their own, which give way to it."""

import logging
import os
import subprocess
import sys
from threading import Lock, Thread

from ledgerstone.adapters.postgres.lock import AlreadyRunning

NICE = 10
"""How much less of the processors they get than the service."""
END_SECONDS = 20

logger = logging.getLogger("ledgerstone")


class Launcher:
    """Starts rebuilds, one at a time. What they say goes where the service's own words go."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, view: str, replace: bool = False) -> None:
        """Begin to rebuild the chain that holds a view, to be swapped in spite of differences or not. Raises
        AlreadyRunning."""
        with self._lock:
            if self._running is not None and self._running.poll() is None:
                raise AlreadyRunning("a rebuild is running: wait until it ends")
            workers = max(1, (os.cpu_count() or 1) - 1)
            words = ["rebuild", view, "--workers", str(workers), *(["--replace"] if replace else [])]
            self._running = process = subprocess.Popen(
                [sys.executable, "-m", "ledgerstone", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C comes to us, and we end it
            )
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)  # its workers, which come later, have the same
        Thread(target=_told, args=(process, view), daemon=True).start()

    def close(self) -> None:
        """End what runs: it leaves nothing behind, and can be started again."""
        with self._lock:
            if self._running is not None and self._running.poll() is None:
                self._running.terminate()
                try:
                    self._running.wait(END_SECONDS)
                except subprocess.TimeoutExpired:
                    self._running.kill()


def _told(process: "subprocess.Popen[bytes]", view: str) -> None:
    """Say how it ended."""
    code = process.wait()
    logger.log(logging.WARNING if code else logging.INFO, "the rebuild of %s ended with %s", view, code)
