"""The door for people: finds the verb, runs it, shows its error, and ends with its exit code.

Nothing is imported here before it is needed: `dynia --help` pays for click and nothing else.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dynia.commands import GROUPS, VERBS, Verb, joined_to, top_level

if TYPE_CHECKING:
    from dynia.commands.output import Output

# Objects made and not freed before Python looks for cycles among them: 700 by default.
GARBAGE_AFTER = 100_000
EXAMPLE = "Example: dynia plan (what would change, and will it hurt?), then dynia apply"


def main() -> None:
    """The program `dynia`."""
    # Nearly all that a run makes is values that live to its end. Looking through them for garbage again and
    # again, and once more at exit, was a sixth of the CPU time of a plan of ten nodes.
    gc.set_threshold(GARBAGE_AFTER)
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. Nothing but an exit code ever leaves here."""
    debug = "--debug" in _own(arguments)
    try:
        result = root.main(args=list(arguments), prog_name="dynia", standalone_mode=False)
    except click.exceptions.Exit as end:
        return _flushed(end.exit_code)
    except click.ClickException as mistake:
        return _usage(mistake)
    except (click.Abort, KeyboardInterrupt):
        _output().tell("Interrupted.")
        return 130
    except SystemExit as end:
        if _reader_gone():  # that is how click ends then
            return _flushed(0)
        return end.code if isinstance(end.code, int) else 1
    except BrokenPipeError as error:
        return _flushed(0) if _reader_gone() else _failed(error, debug)
    except Exception as error:  # noqa: BLE001 - the one place where every error is shown
        return _failed(error, debug)
    return _flushed(result if isinstance(result, int) else 0)


def _reader_gone() -> bool:
    """Whether it is standard output that nobody reads any more, and not some other pipe."""
    import select

    poll = select.poll()
    poll.register(sys.stdout.fileno(), select.POLLOUT)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def _own(arguments: Sequence[str]) -> list[str]:
    """The arguments before `--`, which are ours."""
    listed = list(arguments)
    return listed[: listed.index("--")] if "--" in listed else listed


def _output() -> Output:
    from dynia.commands.output import standard_output

    return standard_output()


def _usage(mistake: click.ClickException) -> int:
    """Exit 1: click's own 2 would read as "the plan has changes"."""
    output = _output()
    context = mistake.ctx if isinstance(mistake, click.UsageError) else None
    output.tell(f"Error: {mistake.format_message()}")
    if context is not None:
        output.tell(f"Next: {context.command_path} --help")
    return 1


def _failed(error: Exception, debug: bool) -> int:
    from dynia.commands.screens.error import bug_text, error_text
    from dynia.interfaces.errors import DyniaError

    output = _output()
    width, color = output.width, output.error_color
    if debug:
        import traceback

        output.tell("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, BaseExceptionGroup):
        error = _first(error)
    if isinstance(error, DyniaError):
        output.tell(error_text(error, width=width, color=color))
        return error.exit_code
    output.tell(bug_text(type(error).__name__, str(error), version=version(), width=width, color=color))
    return 1


def _first(group: BaseExceptionGroup[BaseException]) -> Exception:
    """The error to show of several that came together: one of ours, if there is one."""
    from dynia.interfaces.errors import DyniaError

    ours, rest = group.split(DyniaError)
    found: BaseException = ours or rest or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, Exception) else RuntimeError(repr(found))


def _flushed(code: int) -> int:
    """The exit code, after what click itself printed is out; a reader that went away is no error."""
    import os

    try:
        sys.stdout.flush()
    except BrokenPipeError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    return code


def version() -> str:
    """The installed version, for people."""
    from dynia.interfaces.version import version as installed

    return installed() or "(not installed)"


class LazyCommands(click.Group):
    """The root: knows every verb by name, group and one line, and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [verb.name for verb in top_level()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = next((verb for verb in top_level() if verb.name == cmd_name), None)
        return _load(verb) if verb else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not any(verb.name == name for verb in top_level()) and not name.startswith("-"):
            import difflib

            close = difflib.get_close_matches(name, [verb.name for verb in top_level()], n=1)
            meant = f" Did you mean `dynia {close[0]}`?" if close else ""
            raise click.UsageError(f"there is no command {name!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("Usage: dynia [-f FILE] [--cluster NAME] COMMAND [OPTIONS]\n\n")
        formatter.write(f"{self.help}\n")
        wide = max(len(verb.name) for verb in top_level())
        for group in GROUPS:
            formatter.write(f"\n{group}\n")
            for verb in top_level():
                if verb.group == group:
                    formatter.write(f"  {verb.name:<{wide}}  {_told(verb)}\n")
        formatter.write("\nEvery command has --help with an example. ")
        formatter.write("Exit codes: docs/operating.md.\n")
        formatter.write(f"{EXAMPLE}\n")


def _told(verb: Verb) -> str:
    return f"{verb.help}: {verb.parts}" if verb.parts else verb.help


def _load(verb: Verb) -> click.Command:
    try:
        found = importlib.import_module(verb.module)
    except ModuleNotFoundError as error:
        if error.name != verb.module:
            raise
        raise click.UsageError(f"`dynia {verb.name}` is not built yet") from None
    command = found.command
    if not isinstance(command, click.Command):
        raise TypeError(f"{verb.module}.command is no click command")
    if isinstance(command, click.Group):
        for part in joined_to(verb.name):
            joined = _load(part)
            joined.short_help = part.help
            command.add_command(joined, part.name.split()[1])
        for part_command in command.commands.values():
            _complete(part_command)
    _complete(command)
    return command


def _complete(command: click.Command) -> None:
    """Give a command the options that every one understands, where it does not have them itself."""
    known = {name for parameter in command.params for name in parameter.opts}
    for name in ("--file", "--cluster", "--debug"):
        if name not in known:
            flags = ["-f", name] if name == "--file" and "-f" not in known else [name]
            # Accepted everywhere, so that a script may always say it; used where it means something.
            command.params.append(
                click.Option(flags, is_flag=name == "--debug", expose_value=False, hidden=True)
            )


def _everywhere(values: dict[str, str]) -> dict[str, object]:
    """Defaults for every verb, from what was said before its name."""
    defaults: dict[str, object] = {}
    for verb in VERBS:
        parts = verb.parts.split("|") if verb.parts else []
        if " " not in verb.name:
            defaults[verb.name] = {**values, **{part: dict(values) for part in parts}}
    return defaults


@click.group(
    cls=LazyCommands,
    help="Highly available containers on a handful of plain VMs, from one reviewed file.",
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@click.option("-f", "--file", metavar="FILE")
@click.option("--cluster", metavar="NAME")
@click.option("--debug", is_flag=True)
@click.option("--version", "show_version", is_flag=True)
@click.pass_context
def root(ctx: click.Context, file: str | None, cluster: str | None, debug: bool, show_version: bool) -> None:
    """The root command: remembers what was said before the verb."""
    if show_version:
        click.echo(f"dynia {version()}")
        ctx.exit(0)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        ctx.exit(0)
    said = {"file": file, "cluster": cluster}
    ctx.default_map = _everywhere({name: value for name, value in said.items() if value})
