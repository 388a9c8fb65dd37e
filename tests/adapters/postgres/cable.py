"""A cable to the database that can be cut: where, and how, is what a crash of either end comes down to."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from select import select
from threading import Event, Thread
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Side = Literal["before", "after"]


class Cable:
    """Carries connections to the database at `dsn`; `self.dsn` goes through it."""

    def __init__(self, dsn: str, folder: Path) -> None:
        named = conninfo_to_dict(dsn)
        self._there = f"{named['host']}/.s.PGSQL.{named['port']}"
        self.dsn = make_conninfo(dsn, host=str(folder))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{named['port']}"))
        self._listener.listen()
        self._word = b""
        self._side: Side = "before"
        self.was_cut, self._unplugged, self._silent = Event(), Event(), Event()
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()

    def cut_at(self, word: bytes, side: Side) -> None:
        """Cut the connection that next says `word`: before the database hears it, or after it did, and before
        we hear the answer."""
        self._word, self._side = word, side

    def fall_silent(self) -> None:
        """From now on carry nothing, in connections that stay open."""
        self._silent.set()

    def speak_again(self) -> None:
        self._silent.clear()

    def unplug(self) -> None:
        self._unplugged.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                self._threads.append(Thread(target=self._carry, args=[ours]))
                self._threads[-1].start()

    def _carry(self, ours: socket.socket) -> None:
        with closing(ours), socket.socket(socket.AF_UNIX) as theirs, suppress(OSError):
            theirs.connect(self._there)
            heard = False
            while not self._unplugged.is_set():
                for end in select([ours, theirs], [], [], 0.02)[0]:
                    if self._silent.is_set():
                        self._unplugged.wait(0.02)
                        continue
                    data = end.recv(1 << 20)
                    if not data or (heard and end is theirs):
                        return
                    if end is ours and self._word and self._word in data:
                        self._word = b""
                        self.was_cut.set()
                        if self._side == "before":
                            return
                        heard = True  # carry on until the database answers: then it is done
                    (theirs if end is ours else ours).sendall(data)


@contextmanager
def cable(dsn: str) -> Iterator[Cable]:
    """A cable for the length of a test."""
    with tempfile.TemporaryDirectory(prefix="cable-") as folder:
        between = Cable(dsn, Path(folder))
        try:
            yield between
        finally:
            between.unplug()
