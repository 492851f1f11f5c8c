"""The command line: options in, exit codes out; one small file a verb.

Errors are rendered here once, for all verbs. A verb's own imports happen when it runs, so
``--help`` and ``--version`` stay fast.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise

import click

from deconvsurgery.errors import SurgeryError
from deconvsurgery.program.shell_words import shell_line
from deconvsurgery.program.started_as import COMPLETE, NAME, started_as
from deconvsurgery.signals.raised import ENDING, Raiser
from deconvsurgery.version import __version__

from .console import show_error, show_usage_error, silence
from .exit_codes import FAILED, READER_IS_GONE, USAGE
from .help import Context, write_more
from .terminal_setup import has_colours

VERBS = {
    "apply": "Bilinear weights into the matched Deconvolution layers of a model.",
    "inspect": "What the Deconvolution layers of a net, a model or both are.",
    "check": "Rules with stable ids over nets and models, for CI.",
    "diff": "Two models, layer by layer: same, changed, moved, renamed.",
    "convert": "A model in another form: V2 layers, HDF5, float32 values, true shapes.",
    "revert": "Undo an apply --save-patch, bit for bit.",
    "regroup": "A full diagonal as groups and back, in net and model together.",
    "transplant": "Old weights into a new net: fc to conv, more classes, upsampling filled.",
    "patch-net": "Group and bilinear filler into the net itself, every other character kept.",
    "sweep": "A verb over many pairs, in object stores and on many machines, resumable.",
    "kernel": "One bilinear kernel: numbers, picture, gain per phase, recipe.",
    "demo": "A small FCN-like net and model, and apply run on them.",
    "doctor": "What is installed here, and what its folders can.",
    "completion": "The script that makes a shell complete by the TAB key.",
}


_WHOLE = "every file is whole, the old one or the new"


class _Verbs(click.Group):
    """Subcommands that are imported when they are called."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f".{cmd_name.replace('-', '_')}", __package__)
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb; where it is none, what was probably meant."""
        if args[0] not in VERBS and not args[0].startswith("--") and not ctx.resilient_parsing:
            from .wrong_usage import no_such_verb

            raise no_such_verb(ctx, args, VERBS)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs first: they are what is looked for."""
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes, and where more is said."""
        super().format_epilog(ctx, formatter)
        write_more(formatter, NAME, "docs/index.md")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table above: their modules need not be imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=_Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 check, --check or diff found something, 2 wrong usage, 3 input "
    "wrong or surgery refused, 4 reading or writing failed.",
)
@click.version_option(__version__, "-V", "--version", message=f"{NAME} %(version)s")
@click.pass_context
def deconvsurgery(context: click.Context) -> None:
    """Network surgery on Caffe models, without Caffe.

    \b
    Examples:
      deconvsurgery demo
      deconvsurgery inspect net.prototxt in.caffemodel
      deconvsurgery apply net.prototxt in.caffemodel out.caffemodel

    The first needs no files, the second changes none, the third never changes its inputs. Each
    command has a --help of its own.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True, color=has_colours(sys.stderr))
        context.exit(USAGE)


class _Ended(BaseException):
    """A signal asked the process to end; cleaning up happens on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code (see the contract in ``docs/cli.md``)."""
    as_json = bool({"--json", "--format=json"} & {*arguments})
    as_json = as_json or ("--format", "json") in pairwise(arguments)
    name = next((each for each in arguments if each in VERBS), None)
    streams = sys.stdout, sys.stderr
    try:
        with _signals():
            if asked := os.environ.get(COMPLETE):
                from .shell_completion import complete

                return complete(deconvsurgery, COMPLETE, asked)
            code = deconvsurgery.main(
                args=list(arguments), prog_name=shell_line(started_as()), standalone_mode=False
            )
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        with suppress(click.exceptions.Exit):
            show_usage_error(error, command=name, as_json=as_json)
        return USAGE
    except (click.exceptions.Abort, KeyboardInterrupt):
        _say(f"interrupted; {_WHOLE}")
        return 128 + signal.SIGINT
    except _Ended as ended:
        by = signal.Signals(ended.number)
        if by is signal.SIGINT:  # in the line is the terminal's ^C
            _say(f"interrupted; {_WHOLE}", start="\n")
        else:
            _say(f"ended by {by.name}; {_WHOLE}")
        return 128 + by
    except (BrokenPipeError, SystemExit):
        # click turns a broken pipe into SystemExit(1), and raises no other when not standalone. It
        # wraps the streams for it, also one that is not there, which Python could not flush then.
        sys.stdout, sys.stderr = streams
        silence(sys.__stdout__)
        return READER_IS_GONE
    except SurgeryError as error:
        try:
            return show_error(error, command=name, as_json=as_json)
        except click.exceptions.Exit as stop:  # it could not be printed, which is reported
            return stop.exit_code
    except OSError as error:
        # Files' own troubles are SurgeryErrors; what is left is standard output (--help).
        silence(sys.__stdout__)
        _say(f"cannot print: {error.strerror}")
        return FAILED
    except MemoryError:
        _say(f"out of memory; {_WHOLE}")
        return FAILED


@contextmanager
def _signals() -> Iterator[None]:
    """Turn the first signal into an exception, so that temporary files are removed.

    Those that follow must not disturb that.
    """
    raiser = Raiser(_Ended)
    before = {number: signal.getsignal(number) for number in ENDING}
    hook = sys.unraisablehook
    try:
        sys.unraisablehook = raiser.lost
        for number, old in before.items():
            if old is not signal.SIG_IGN:  # nohup must stay in force
                signal.signal(number, raiser)
        yield
    except BaseException as error:
        ended = raiser.behind(error)
        if ended is None or ended is error:
            raise
        raise ended from None  # whatever came of it on its way
    finally:
        for number, old in before.items():
            signal.signal(number, old if old is not None else signal.SIG_DFL)
        sys.unraisablehook = hook


def _say(words: str, start: str = "") -> None:
    with suppress(OSError):
        click.echo(f"{start}deconvsurgery: {words}", err=True)
