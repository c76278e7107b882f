"""Command line of the workshop: `python -m model_training <command>`."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import sys

from .commands import COMMANDS
from .errors import TrainingError
from .quiet import quiet_stderr

DESCRIPTION = """\
From a folder of labelled music to an honest, versioned genre model. Each command has its own help:
python -m model_training <command> --help
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_training",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="<command>")
    for module_name in COMMANDS:
        module = importlib.import_module(f".commands.{module_name}", __package__)
        examples = "".join(f"  {line}\n" for line in module.EXAMPLES.splitlines())
        command = commands.add_parser(
            module_name.replace("_", "-"),
            help=module.HELP,
            description=module.HELP[:1].upper() + module.HELP[1:] + ".",
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for an error to mend, 130 after Ctrl-C."""
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(words)
    options.command_line = "python -m model_training " + shlex.join(words)
    try:
        if (getattr(options, "seed", None) or 0) < 0:
            raise TrainingError("--seed must not be negative.")
        options.run(options)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of the output, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A full disk or a folder without write permission: the user can mend it.
        print(f"error: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; nothing half-written was left.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    with quiet_stderr():
        status = main()
    sys.exit(status)
