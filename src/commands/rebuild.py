"""How are the views made anew, while the old ones are read?"""

from collections.abc import Sequence

from ledgerstone.adapters.postgres.lock import alone
from ledgerstone.bootstrap import Settings, migrated
from ledgerstone.commands.progress import progress
from ledgerstone.commands.workers import rebuilt
from ledgerstone.projections.rebuild import Built, whole_chains
from ledgerstone.projections.views import VIEWS


def rebuild_views(settings: Settings, names: Sequence[str]) -> list[Built]:
    """Rebuild the chains that hold the named views (all, if none is named), and swap each for what is read.

    Raises ViewsDiffer, LookupError for unknown names, and AlreadyRunning."""
    groups = whole_chains(VIEWS, names)
    named = ", ".join(view.name for group in groups for view in group)
    with (
        migrated(settings) as database,
        alone(database.app_dsn, "rebuild"),
        progress(f"rebuilding {named}", "rows") as told,
    ):
        return rebuilt(database.app_dsn, groups, told)
