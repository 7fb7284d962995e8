"""The entry point: finds commands without importing them, turns errors into one sentence.

Exit codes: 0 done, 1 a command's own negative answer, 2 wrong use, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import importlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import click

from gradgauge import __all__ as public_names
from gradgauge import __version__
from gradgauge.cli import language
from gradgauge.cli.examples import EXAMPLES
from gradgauge.cli.help import Context
from gradgauge.cli.interrupt import EXIT_INTERRUPTED, interruptible, what_is_kept
from gradgauge.cli.language import text
from gradgauge.cli.options import lang_option
from gradgauge.cli.own_code import message_of
from gradgauge.cli.wrong_use import as_typed, usage_sentence
from gradgauge.errors import (
    EXIT_WRONG_USE,
    CommandProblem,
    GradgaugeError,
    GradgaugeWarning,
    UnknownName,
)
from gradgauge.machine import is_out_of_memory
from gradgauge.messages.clean import clean

COMMANDS = {
    "compare": "gradgauge.cli.compare",
    "why": "gradgauge.cli.why",
    "theory": "gradgauge.cli.theory",
    "diagnose": "gradgauge.cli.diagnose",
    "remedy": "gradgauge.cli.remedy",
    "explain": "gradgauge.cli.explain",
    "play": "gradgauge.cli.play",
    "sweep": "gradgauge.cli.sweep",
    "chart": "gradgauge.cli.chart",
    "report": "gradgauge.cli.report",
    "lesson": "gradgauge.cli.lesson",
    "list": "gradgauge.cli.list",
    "cache": "gradgauge.cli.cache",
}
"""Command -> the module whose `command` it is. Its help is the catalogue's `help.command.NAME`."""


class Application(click.Group):
    """A group whose commands are imported when they are called."""

    context_class: type[click.Context] = Context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name]).command
        examples = "\n".join(f"  {line}" for line in EXAMPLES[cmd_name])
        command.help = f"\b\n{text('help.heading.examples')}\n{examples}\n\n" + text(
            f"help.command.{cmd_name}"
        )
        if any(isinstance(param, click.Argument) for param in command.params):
            command.help += f"\n\n{text(f'help.argument.{cmd_name}')}"
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            if args[0] in public_names:
                raise CommandProblem("in_python", name=args[0])
            raise UnknownName("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        rows = [(name, text(f"help.command.{name}").partition("\n")[0]) for name in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def application() -> click.Group:
    """The command line in the chosen language."""
    group = Application(
        "gradgauge",
        help=text("help.gradgauge"),
        context_settings={"help_option_names": ["--help", "-h"]},
        callback=lambda lang: None,  # noqa: ARG005
    )
    group = lang_option()(group)
    return click.version_option(__version__, "--version", "-V", prog_name="gradgauge")(group)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # Letters that its encoding lacks are escaped.
            stream.reconfigure(errors="backslashreplace")
    _leave(interruptible(lambda: run(given)))


def _open_what_is_closed() -> None:
    """Give stdin, stdout and stderr that were closed to nobody: the next file that is opened would
    get their number, and with it whatever is written to them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # The lowest number that is free: this one.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


def _meant(arguments: Sequence[str]) -> list[str]:
    """`gradgauge` alone and `gradgauge help compare` ask for help."""
    words = [word for word in arguments if not word.startswith("-")]
    if not words and not arguments:
        return ["--help"]
    if words[:1] == ["help"]:
        at = list(arguments).index("help")
        return [*arguments[:at], *arguments[at + 1 :], "--help"]
    return list(arguments)


def _leave(code: int) -> None:
    """End the process; once JAX is there, without taking the interpreter apart: that takes a
    quarter of a second and does nothing for anybody."""
    if "jax" not in sys.modules:
        # All is done: while Python takes itself apart, it would give the signal its default back.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(code)
    atexit._run_exitfuncs()
    with contextlib.suppress(BrokenPipeError, ValueError):  # The reader is gone, or it is closed.
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; the exit code."""
    arguments = _meant(arguments)
    try:
        language.choose(arguments)
        warnings.showwarning = _warner(warnings.showwarning)
        result = application().main(list(arguments), prog_name="gradgauge", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except GradgaugeError as error:
        return _complain(as_typed(error, _called(arguments)).sentence(language.current()))
    except click.UsageError as error:
        return _complain(usage_sentence(error, _called(arguments)))
    except click.ClickException as error:
        return _complain(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        print(what_is_kept(), file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_INTERRUPTED
    except OSError as error:
        if error.errno not in _TAKES_NO_MORE or error.filename is not None:
            raise
        _forget_output()
        return _complain(text("errors.output_lost", why=error.strerror))
    except Exception as error:
        if is_out_of_memory(error):
            return _complain(text("errors.out_of_memory"))
        told = message_of(error)
        if told is None:
            raise
        return _complain(text(told.key, **told.facts))
    return result if isinstance(result, int) else 0


_TAKES_NO_MORE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What the system says of an output, a pipe into a file for one, that is full or gone."""


def _forget_output() -> None:
    """What stdout still holds goes nowhere: Python would complain again when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _called(arguments: Sequence[str]) -> click.Command | None:
    """The command that the arguments name."""
    words = [word for word in arguments if word in COMMANDS]
    return application().get_command(click.Context(application()), words[0]) if words else None


def _warner(others: Callable[..., None]) -> Callable[..., None]:
    """Shows our own warnings as sentences; `others` shows anybody else's."""

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        if isinstance(message, GradgaugeWarning):
            print(message.sentence(language.current()), file=sys.stderr)
        else:
            others(message, *where, **more)

    return show


def _complain(sentence: str) -> int:
    with contextlib.suppress(OSError):  # Nobody can be told; the exit code still says it.
        print(f"{text('help.heading.error')} {clean(sentence)}", file=sys.stderr)
    return EXIT_WRONG_USE
