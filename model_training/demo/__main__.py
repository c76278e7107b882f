"""Run every step of the workshop on synthetic sounds, show the commands, serve the result."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

VERSION = "demo"
EXPERIMENT = Path(__file__).with_name("demo.toml")
# Setting of the site: the folder of the versions.
MODELS_SETTING = "MUSICLASSIFY_MODELS_DIR"
# One artist each for training, validation and test.
FEWEST_ARTISTS = 3
INTERRUPTED = 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model_training.demo", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="new folder for all files (a temporary one, removed at the end)"
    )
    parser.add_argument(
        "--artists", type=int, default=6, help="artists per genre, two clips each (6)"
    )
    parser.add_argument("--seconds", type=float, default=12.0, help="length of a clip (12)")
    parser.add_argument("--no-serve", action="store_true", help="end when the version is made")
    parser.add_argument("--port", help="port of the site")
    return parser


@contextlib.contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="musiclassify-demo-") as temporary:
        yield Path(temporary)


def _shown(path: Path) -> str:
    """A path as short as a person would type it."""
    with contextlib.suppress(ValueError):
        return str(path.resolve().relative_to(Path.cwd()))
    return str(path)


def _run(title: str, words: Sequence[str], *, serves: bool = False, **settings: str) -> int:
    """Show a command, run it to its end and return its exit status.

    After Ctrl-C it returns INTERRUPTED, even if the command had just succeeded, so that no further
    step runs. Only for the site (`serves`), whose usual end is Ctrl-C, success stays 0.
    """
    shown = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
    print(f"\n# {title}\n$ {' '.join([*shown, 'python', shlex.join(words)])}", flush=True)
    stopped = False
    with subprocess.Popen([sys.executable, *words], env={**os.environ, **settings}) as process:
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:
                # The command got Ctrl-C too and ends by itself.
                stopped = True
    return INTERRUPTED if stopped and (status or not serves) else status


def _steps(folder: Path) -> Iterator[tuple[str, list[str]]]:
    music, store = _shown(folder / "genres"), _shown(folder / "store")
    run, models = _shown(folder / "run"), _shown(folder / "models")
    experiment = _shown(EXPERIMENT)
    workshop = ["-m", "model_training"]
    yield (
        "What is in the folder, and what is wrong with it?",
        [*workshop, "validate", "folder", music],
    )
    yield (
        "From sound to features.",
        [*workshop, "extract", "folder", music, "--spec", experiment, "--out", store],
    )
    yield (
        "Which songs are for training, for choosing and for the test? Artists stay whole.",
        [*workshop, "split", store],
    )
    yield "Train.", [*workshop, "train", experiment, "--data", store, "--out", run]
    yield (
        "Measure the test songs, once, and make a version of it.",
        [*workshop, "export", run, "--data", store, "--version", VERSION, "--models", models],
    )
    yield (
        "The version that a site with this folder of models takes by itself.",
        [*workshop, "recommend", VERSION, "--models", models],
    )


def main(arguments: list[str] | None = None) -> int:
    """Make the sounds, run the chain, serve; returns 0 or the exit status of the failed step."""
    options = _parser().parse_args(arguments)
    if options.artists < FEWEST_ARTISTS:
        print(f"error: --artists: {FEWEST_ARTISTS} or more are needed.", file=sys.stderr)
        return 2
    if not 1 <= options.seconds <= 600:
        print("error: --seconds: must be from 1 to 600.", file=sys.stderr)
        return 2
    if options.folder is not None and options.folder.exists():
        print(f"error: {options.folder}: exists already; name a new folder.", file=sys.stderr)
        return 2
    try:
        with _place(options.folder) as folder:
            return _demonstrate(folder, options)
    except KeyboardInterrupt:
        return INTERRUPTED


def _demonstrate(folder: Path, options: argparse.Namespace) -> int:
    from .sounds import GENRES, TAKES, write_genres, write_new

    count = len(GENRES) * TAKES * options.artists
    print(
        f"Making {count} synthetic sounds of {len(GENRES)} genres in {_shown(folder)} ...",
        flush=True,
    )
    write_genres(folder / "genres", options.artists, options.seconds)
    write_new(folder / "new", options.artists + 1, options.seconds)
    for title, words in _steps(folder):
        if status := _run(title, words):
            return status
    print(f"\nThe version: {_shown(folder / 'models' / VERSION)}, its report.html beside it.")
    if options.no_serve:
        return 0
    print(f"Sounds that it does not know, to drop on the page: {_shown(folder / 'new')}")
    words = ["-m", "webapp", "--model", VERSION]
    if options.port:
        words += ["--port", options.port]
    models = {MODELS_SETTING: str((folder / "models").resolve())}
    return _run("Serve it.", words, serves=True, **models)


if __name__ == "__main__":
    sys.exit(main())
