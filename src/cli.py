"""The commands of `ledgerstone`. What a command needs is imported when it runs, so that help is quick."""

import signal
from pathlib import Path
from typing import Any

import click

LOOPBACK = ("127.0.0.1", "::1", "localhost")
FOLDER = click.Path(file_okay=False, path_type=Path)


class Commands(click.Group):
    """What can go wrong without a mistake of ours ends with a sentence, and not with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        # As Ctrl-C: every `with` on the way out closes what it opened.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from ledgerstone.bootstrap import EXPECTED

            if not isinstance(error, EXPECTED):
                raise
            raise click.ClickException(str(error).strip()) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ledgerstone")
def main() -> None:
    """The books of a subscription business, as an append-only log.

    Configuration is the environment: see README.md. Without DATABASE_URL a PostgreSQL of our own runs in
    LEDGERSTONE_HOME.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
def serve(host: str, port: int) -> None:
    """Answer requests and keep the views up to date, until Ctrl-C or SIGTERM."""
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.serve import serve

    if host not in LOOPBACK:
        raise click.BadParameter(
            f"{host} can be reached from other machines, and there is no access control yet: listen on"
            " 127.0.0.1, behind something that has it",
            param_hint="--host",
        )
    serve(read_settings(), host, port, click.echo)


@main.command()
@click.option("--home", type=FOLDER, default="var/demo", show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--customers", default=300, show_default=True, type=click.IntRange(1))
@click.option("--months", default=24, show_default=True, type=click.IntRange(1))
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 8000, else any that is free.")
@click.option("--exit", is_flag=True, help="End after the table.")
@click.pass_context
def demo(ctx: click.Context, /, **chosen: Any) -> None:
    """Deliver two years of a generated business as signed webhooks, and show its MRR.

    It uses an embedded PostgreSQL of its own in HOME, never DATABASE_URL, and exits with 1 when the figures
    are not the generator's truth.
    """
    from ledgerstone.commands.demo import Options, demonstrate

    ctx.exit(0 if demonstrate(Options(**chosen), click.echo) else 1)


@main.group("import")
def import_() -> None:
    """Bring history into the log."""


@import_.command("stripe-events")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.pass_context
def stripe_events(ctx: click.Context, file: Path) -> None:
    """Import Stripe events from FILE, one JSON object a line, gzipped or not (-: standard input).

    Running it again is safe: what is known counts as duplicate. It exits with 1 when lines were refused.
    """
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.imports import import_events

    report = import_events(read_settings(), file)
    click.echo(report)
    ctx.exit(0 if report.complete else 1)


@import_.command("fx")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--seed", is_flag=True, help="The history that comes with a package of ours, until its release."
)
def fx(file: Path | None, seed: bool) -> None:
    """Import the European Central Bank's reference rates from FILE, its eurofxref-daily.xml or -hist.xml.

    Running it again is safe: days that are known count as duplicates. A day that is told with other rates
    than before is kept as a conflict, and changes no figure.
    """
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.rates import Unreadable, import_rates

    if seed == (file is not None):
        raise click.UsageError("give a FILE or --seed")
    try:
        click.echo(import_rates(read_settings(), file))
    except Unreadable as error:
        raise click.ClickException(f"{file or 'the seed'} is not imported: {error}") from None


@main.group()
def period() -> None:
    """Close months, and open them again."""


@period.command("close")
@click.argument("month", metavar="YYYY-MM")
@click.option("--account", default="", help="A connected account. Default: our own books.")
@click.option("--actor", required=True, help="Who closes it.")
@click.option("--reason", default="")
def period_close(month: str, account: str, actor: str, reason: str) -> None:
    """Close a month, and all before it: recognise its revenue, and keep its trial balance.

    What is told of it later is booked on the first day that is open. Books that do not keep their invariants
    are not closed; what they only wait for is named.
    """
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.period import close, said

    try:
        click.echo(said(*close(read_settings(), month, account, actor, reason)))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@period.command("reopen")
@click.argument("month", metavar="YYYY-MM")
@click.option("--account", default="", help="A connected account. Default: our own books.")
@click.option("--actor", required=True, help="Who decides it.")
@click.option("--reason", required=True, help="Why.")
def period_reopen(month: str, account: str, actor: str, reason: str) -> None:
    """Open a month again, and every later one: what their closes moved is moved back."""
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.period import reopen

    try:
        opened = reopen(read_settings(), month, account, actor, reason)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"open again: {', '.join(each.period for each in reversed(opened))}")


@main.command()
@click.option("--type", "event_type", metavar="TYPE", help="Only events of this type, as invoice.paid.")
@click.option("--all", "everything", is_flag=True, help="Also what was read before: corrects what differs.")
def retranslate(event_type: str | None, everything: bool) -> None:
    """Read parked evidence again, after an upgrade of the readers, and append the facts.

    With --all, evidence that was read before is read again too: facts that were missing are appended, and
    facts that it tells otherwise now are corrected, from here on. Running it again adds nothing.
    """
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.retranslate import Wanted, retranslate

    try:
        click.echo(retranslate(read_settings(), Wanted(event_type, everything)))
    except LookupError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="--type") from None


@main.command()
@click.argument("views", nargs=-1, metavar="[VIEW]...")
@click.option("--all", "everything", is_flag=True, help="All views, as when none is named.")
@click.option("--workers", default=0, type=click.IntRange(0, 64), help="Default: one for each processor.")
@click.option("--no-swap", is_flag=True, help="Only compare, and throw the new ones away.")
@click.option("--replace", is_flag=True, help="Swap though rows of the same version differ; name a VIEW.")
@click.option("--reports", is_flag=True, help="Only show what came of the latest rebuilds.")
def rebuild(
    views: tuple[str, ...], everything: bool, workers: int, no_swap: bool, replace: bool, reports: bool
) -> None:
    """Make views anew from the log (all, if none is named), compare, and swap.

    The old ones are read meanwhile. Where rows differ under the same version, nothing is swapped, unless
    those that are read are to be replaced. What differed, and what a new version changes, is listed with
    --reports.
    """
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.rebuild import Asked, list_reports, named, rebuild_views, told

    if replace and (no_swap or not (views or everything)):
        raise click.BadParameter(
            "it swaps what differs: say of which VIEW, or --all, and not --no-swap", param_hint="--replace"
        )
    try:
        asked = Asked(named(views, everything), workers, not no_swap, replace)
        for line in list_reports(read_settings()) if reports else told(rebuild_views(read_settings(), asked)):
            click.echo(line)
    except LookupError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="VIEW") from None


@main.command()
@click.argument("view")
@click.option("--key", help="Only this key, an id: from the rows that it heard, as noted with the tables.")
@click.option("--account", default="", help="Whose books, with --key. Default: our own.")
@click.option("--known-at", help="A position of the log, or a time. Default: all that is known.")
@click.option("--as-of", help="Only what was true then: a month, date or time.")
@click.option("--compare", is_flag=True, help="Exit with 1 where the table that is read differs.")
@click.option("--format", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.pass_context
def replay(ctx: click.Context, /, format: Any, **asked: Any) -> None:
    """Fold a view from the log alone, and show its rows as they were known at some time."""
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.printing import printed
    from ledgerstone.commands.replay import Asked, NotThere, replay
    from ledgerstone.http.errors import Problem

    if asked["account"] and asked["key"] is None:
        raise click.BadParameter("whose books is asked with --key only", param_hint="--account")

    def show(kind: Any, rows: Any) -> None:
        for line in printed(format, kind, rows):
            click.echo(line)

    try:
        position, differences = replay(read_settings(), Asked(**asked), show)
    except LookupError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="VIEW") from None
    except (Problem, NotThere) as error:
        raise click.ClickException(str(error)) from None
    for line in differences:
        click.echo(f"DIFFERENT {line}", err=True)
    if asked["compare"] and not differences:
        click.echo(f"equal to the table that is read, as known at position {position:,}", err=True)
    ctx.exit(1 if differences else 0)


@main.command()
@click.argument("view")
@click.argument("key")
@click.option("--column", help="Only versions in which this column changed.")
@click.option("--account", default="", help="Whose books. Default: our own.")
@click.option("--known-at", help="A position of the log, or a time. Default: all that is known.")
@click.option("--as-of", help="Only of rows that were true then: a month, date or time.")
@click.option("--evidence", type=int, metavar="POSITION", help="Print the exact bytes of this message.")
@click.option("--format", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def explain(format: Any, evidence: int | None, **asked: Any) -> None:
    """Show each version of the rows of KEY, the row of the log that caused it, and the message behind that.

    With --evidence, the bytes of one message, or of the one behind a row, go to standard output exactly as
    they came, and what signed them to standard error."""
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands import explain as explaining
    from ledgerstone.commands.printing import printed
    from ledgerstone.http.errors import Problem
    from ledgerstone.projections.reads.explain import Explained

    def show(versions: Any) -> None:
        if format == "table":
            lines = printed(format, explaining.Line, map(explaining.line, versions))
        else:
            lines = printed(format, Explained, versions)
        for line in lines:
            click.echo(line)

    settings, what = read_settings(), explaining.Asked(**asked)
    try:
        if evidence is None:
            explaining.explain(settings, what, show)
        else:
            explaining.print_evidence(explaining.evidence(settings, what, evidence), click.echo)
    except (Problem, explaining.NoEvidence) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("format", type=click.Choice(["beancount", "hledger", "sie4", "csv"]))
@click.option("--from", "since", help="The first day, of a month or date; balances before it are carried in.")
@click.option("--to", "until", help="The last day, of a month or date. Default: today.")
@click.option("--account", default="", help="Whose books. Default: our own.")
@click.option("--known-at", help="A position of the log, or a time. Default: all that is known.")
@click.option("--currency", help="Only what is in this one. sie4 holds one currency in a file.")
@click.option("--company", default="Ledgerstone", show_default=True, help="Whose books, for sie4.")
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE")
def export(out: Path | None, **asked: Any) -> None:
    """Write the books for other programs, to FILE or standard output: each entry with the row of the log that
    moved the money, and what accounts held at the end of each month, for those programs to check.

    hledger is for ledger too; see docs/guides/exports.md."""
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.export import Asked, export
    from ledgerstone.http.errors import Problem

    try:
        entries, position = export(read_settings(), Asked(**asked), out)
    except Problem as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        if out is None:
            raise
        raise click.ClickException(f"{out} is not written: {error.strerror}") from None
    click.echo(f"{entries:,} entries, as known at position {position:,}", err=True)


@main.command()
@click.option("--nightly", is_flag=True, help="The log and its books only, once an hour; kept for the API.")
@click.pass_context
def verify(ctx: click.Context, nightly: bool) -> None:
    """Check every row of the log, the books and every view; exit with 1 when something is wrong."""
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.verify import verify, verify_nightly

    verdict = verify_nightly(read_settings()) if nightly else verify(read_settings())
    if verdict is None:
        click.echo("verified within the hour, or being verified by another process")
        return
    for mark, sentences in (
        ("ok   ", verdict.fine),
        ("note ", verdict.remarks),
        ("WRONG", verdict.wrong),
    ):
        for sentence in sentences:
            click.echo(f"{mark} {sentence}")
    ctx.exit(1 if verdict.wrong else 0)


@main.group()
def db() -> None:
    """The database: where it is, stopping it, a copy of it."""


@db.command()
def dsn() -> None:
    """Print how to connect as the service does, as of: psql "$(ledgerstone db dsn)"."""
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.db import app_dsn

    click.echo(app_dsn(read_settings()))


@db.command()
def stop() -> None:
    """Stop the embedded PostgreSQL, whoever uses it."""
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.db import stop_embedded

    click.echo("stopped" if stop_embedded(read_settings()) else "it was not running")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def dump(file: Path) -> None:
    """Write the whole database to FILE, for pg_restore."""
    from ledgerstone.bootstrap import read_settings
    from ledgerstone.commands.db import dump_to

    click.echo(f"{dump_to(read_settings(), file):,} bytes in {file}")


@main.command()
@click.argument("names", nargs=-1)
@click.option("--home", type=FOLDER, default="var/bench", show_default=True)
@click.option("--customers", default=1_200, show_default=True, type=click.IntRange(1))
@click.option(
    "--events", default=120_000, show_default=True, type=click.IntRange(1_000), help="Of an import."
)
@click.option("--memory", default=200_000, show_default=True, type=click.IntRange(1_000), metavar="EVENTS")
@click.option("--movements", default=1_000_000, show_default=True, type=click.IntRange(1_000))
@click.option(
    "--rows",
    multiple=True,
    default=(100_000, 1_000_000),
    show_default=True,
    type=click.IntRange(1_000),
    help="Of the log, for scale.",
)
def bench(names: tuple[str, ...], home: Path, rows: tuple[int, ...], **sizes: int) -> None:
    """Measure beside peers in the same run, on a PostgreSQL of its own in HOME; see docs/performance.md.

    `scale` measures how figures grow with the log, by itself."""
    from ledgerstone.bench.run import BENCHES, Sizes, grow, run

    if names == ("scale",):
        grow(home, rows, click.echo)
        return
    if unknown := sorted(set(names) - BENCHES.keys()):
        raise click.ClickException(f"nothing measures {', '.join(unknown)}: there are {', '.join(BENCHES)}")
    if not run(home, names, Sizes(**sizes), click.echo):
        raise click.exceptions.Exit(1)
