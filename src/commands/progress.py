"""How far is it, how fast, and how long will it take? A moving line on a terminal, and nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

Told = Callable[[float, float | None], None]
"""Told how much of how much is done; None: nobody knows how much there is."""


class Rate(ProgressColumn):
    """How many a second, of late."""

    def __init__(self, noun: str) -> None:
        super().__init__()
        self._noun = noun

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {self._noun}/s")


@contextmanager
def progress(what: str, noun: str) -> Iterator[Told]:
    """A line for work that counts `noun`, on standard error while that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (TextColumn(what), BarColumn(), TextColumn("{task.completed:,.0f}"), Rate(noun))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
