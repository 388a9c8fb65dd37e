"""How does an engine follow a growing log? It folds what is there, then waits to be told of more; what goes
wrong outside is waited out, and it begins again from what the tables say."""

from collections.abc import Callable
from threading import Event

from ledgerstone.projections.chain import Overtaken
from ledgerstone.projections.engine import Engine

Wait = Callable[[], None]
"""Returns when there may be more rows, and in any case after a while: no notice is relied upon."""
Leads = Callable[[], bool]
"""Whether this engine is the one that folds, where there are several: the others would only be overtaken."""


class Stopped(Exception):
    """It was to end while it was busy."""


def follow(
    engine: Engine,
    begin: Callable[[], None],
    wait: Wait,
    stopping: Event,
    trouble: Callable[[Exception], None],
    leads: Leads = lambda: True,
) -> None:
    """Keep the views of an engine up to date until `stopping` is set, while it `leads`. `begin` is called
    first, and again after each failure, of which `trouble` hears; it may raise Stopped."""
    begun = False
    while not stopping.is_set():
        try:
            if not leads():
                begun = False
                wait()
                continue
            if not begun:
                engine.restart()
                begin()
                begun = True
            if not engine.step():
                wait()
        except Stopped:
            return
        except Overtaken:
            begun = False
        except Exception as failure:
            trouble(failure)
            begun = False
            stopping.wait(0.5)
