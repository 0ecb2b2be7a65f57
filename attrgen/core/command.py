"""What both command lines share: grouped plain help, `--version`, errors without traceback, exit statuses."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import MISSING, fields
from inspect import Parameter, Signature
from typing import Annotated, Any, TypeVar, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from attrgen.core import streams
from attrgen.core.errors import UserError, UserErrors
from attrgen.core.system import refused

USER_ERROR_STATUS = 2
INTERRUPTED_STATUS = 130
TERMINATED_STATUS = 143
BROKEN_PIPE_STATUS = 141  # as if SIGPIPE had ended the process
T = TypeVar("T")
_stops: list[KeyboardInterrupt] = []  # signals that asked this command to stop
_NEXT_TRY = 0.01  # seconds until a lost signal is raised again
_running = False  # else a signal does what it does to any other program


class Terminated(KeyboardInterrupt):
    """`kill` asked the process to end; what Ctrl-C saves is saved then, too."""


class Command(TyperCommand):
    """A command with plain help: options under their `rich_help_panel`, the epilog's lines as examples.

    Rich itself would draw panels, but to import it takes longer than everything else in `--help`.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then each group of options in the order in which they are declared."""
        _write_parameters(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the epilog's lines as examples, unwrapped, so that they can be pasted."""
        lines = (self.epilog or "").strip().splitlines()
        if lines:
            with formatter.section("Examples" if len(lines) > 1 else "Example"):
                for line in lines:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Group(TyperGroup):
    """A group of commands with plain help: commands under their `rich_help_panel`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, then the commands."""
        _write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each group of commands in the order in which they are declared."""
        names = self.list_commands(ctx)
        limit = formatter.width - 6 - max(map(len, names), default=0)
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in names:
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows = sections.setdefault(_panel(command, "Commands"), [])
                rows.append((name, command.get_short_help_str(limit)))
        _write_sections(formatter, sections)


def application(help: str, *, main: bool = True) -> typer.Typer:
    """An empty command line, or a group of commands within one (`main` false), with this help.

    Add commands with `add_command`. The main one has `--version`.
    """
    app = typer.Typer(
        cls=Group, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, help=help
    )
    if main:
        app.callback(help=help)(_main_options)
    return app


def add_command(
    app: typer.Typer, name: str, function: Callable[..., None], *examples: str, group: str | None = None
) -> None:
    """Make `function` the command `name`.

    Args:
        examples: whole command lines that its help ends with.
        group: title under which the application's help lists it.
    """
    app.command(name, cls=Command, epilog="\n".join(examples), rich_help_panel=group)(function)


def with_options(options: type[T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """Make a function of one dataclass a command with an option for each of the dataclass's fields.

    A field is declared like a typer parameter: ``seed: Annotated[int, typer.Option(help="…")] = 1``.
    """

    def decorated(function: Callable[[T], None]) -> Callable[..., None]:
        def command(**values: Any) -> None:
            function(options(**values))

        types = get_type_hints(options, include_extras=True)
        defaults = {
            field.name: Parameter.empty if field.default is MISSING else field.default
            for field in fields(options)  # type: ignore[arg-type]
        }
        command.__signature__ = Signature(  # type: ignore[attr-defined]
            [
                Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=types[name])
                for name, default in defaults.items()
            ]
        )
        command.__annotations__ = types
        command.__doc__ = function.__doc__
        return command

    return decorated


def run(app: Callable[[], None]) -> None:
    """Run a typer app and exit with its status; a bug keeps its traceback.

    A `UserError`, and whatever the system refuses, is printed with its code and exits 2.
    """
    streams.prepare()
    _take_signals()
    sys.unraisablehook = _repeat_stop
    status = _status(app)
    failure = streams.flush()
    if isinstance(failure, BrokenPipeError):  # `| head` has read enough
        status = BROKEN_PIPE_STATUS
    elif failure is not None and status in (0, None):
        status = _told(refused(failure))
    sys.exit(status)


def raise_if_stopped() -> None:
    """Raise the Ctrl-C or `kill` that a library has swallowed; for long loops, between two pieces of work.

    Raises:
        KeyboardInterrupt: there was one.
    """
    if _running and _stops:
        raise _stops[-1]


def _status(app: Callable[[], None]) -> int | str | None:
    global _running
    try:
        try:
            _running = True
            app()
        finally:
            _running = False
    except (SystemExit, KeyboardInterrupt, BrokenPipeError) as error:
        return _ended(error)
    except Exception as error:
        if _stops:  # a library may turn the interruption into an error of its own
            return _ended(_stops[-1])
        if isinstance(error, UserError):
            return _told(error)
        refusal = refused(error)
        if refusal is None:
            raise
        return _told(refusal)
    return 0


def _ended(error: BaseException) -> int | str | None:
    """The status of a command that was stopped or exits; typer turns some errors into exits."""
    origin: BaseException | None = error
    while origin is not None and not isinstance(origin, (KeyboardInterrupt, BrokenPipeError)):
        origin = origin.__cause__ or origin.__context__
    if isinstance(origin, BrokenPipeError):  # `| head` has read enough
        return BROKEN_PIPE_STATUS
    if isinstance(origin, Terminated):
        streams.complain("terminated")
        return TERMINATED_STATUS
    if isinstance(origin, KeyboardInterrupt):
        streams.complain("interrupted")
        return INTERRUPTED_STATUS
    return error.code if isinstance(error, SystemExit) else USER_ERROR_STATUS


def _take_signals() -> None:
    """Let Ctrl-C and `kill` raise, and remember that they did."""
    _stops.clear()
    with suppress(ValueError):  # not in the main thread
        for number, before in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
            if signal.getsignal(number) is before:
                signal.signal(number, _stop)


def _stop(number: int, frame: object) -> None:
    if not _running:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    _stops.append(Terminated() if number == signal.SIGTERM else KeyboardInterrupt())
    raise _stops[-1]


def _repeat_stop(failure: sys.UnraisableHookArgs) -> None:
    """Raise a signal again whose exception was lost, because it came while an object was freed."""
    if failure.exc_value is None or failure.exc_value not in _stops:
        sys.__unraisablehook__(failure)
        return
    number = signal.SIGTERM if isinstance(failure.exc_value, Terminated) else signal.SIGINT
    again = threading.Timer(_NEXT_TRY, _send, (number,))
    again.daemon = True
    again.start()


def _send(number: signal.Signals) -> None:
    """Send a signal to the main thread, whatever it waits for."""
    thread = threading.main_thread().ident
    if thread is not None and hasattr(signal, "pthread_kill"):  # not on Windows
        signal.pthread_kill(thread, number)
    else:
        _thread.interrupt_main(number)


def _told(error: UserError | None) -> int:
    """Print an error with its code; the exit status."""
    if error is not None:
        for one in error.errors if isinstance(error, UserErrors) else [error]:
            streams.complain(f"error: {one} [{one.code}]")
    return USER_ERROR_STATUS


def _show_version(ctx: typer.Context, value: bool) -> None:
    if value:
        from attrgen.core.version import program_version

        print(f"{ctx.info_name} {program_version()}")
        raise typer.Exit()


def _main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command's name."""


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        if (record := parameter.get_help_record(ctx)) is not None:
            kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
            sections.setdefault(_panel(parameter, kind), []).append(record)
    _write_sections(formatter, sections)


def _write_sections(formatter: Any, sections: dict[str, list[tuple[str, str]]]) -> None:
    for title, rows in sections.items():
        with formatter.section(title):
            formatter.write_dl(rows)


def _panel(item: Any, default: str) -> str:
    return getattr(item, "rich_help_panel", None) or default
