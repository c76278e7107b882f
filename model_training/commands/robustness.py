"""`robustness`: count the answers that survive mp3, noise, another level, and the like."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ._options import add_engine_argument, add_models_argument
from .predict import refuse_failed

HELP = "count the answers that survive mp3, noise and the like, on sound files or stored tracks"
EXAMPLES = """\
python -m model_training robustness v1 ~/Music/album song.flac
python -m model_training robustness v1 song.mp3 --out robustness.json
python -m model_training robustness v1 --data STORE
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("version", metavar="VERSION")
    parser.add_argument("sounds", type=Path, nargs="*", metavar="FILE_OR_FOLDER")
    parser.add_argument(
        "--data", type=Path, help="feature store: disturb the log-mel of its validation tracks"
    )
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    add_engine_argument(parser)
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Print a table, write the numbers if asked for."""
    from ..errors import TrainingError
    from ..files import write_json
    from ..studies.prediction import load_predictor
    from ..versions import open_version

    if bool(options.sounds) == bool(options.data):
        raise TrainingError("Name sound files or folders of them, or a feature store with --data.")
    predictor = load_predictor(open_version(options.models, options.version), options.engine)
    found = _on_tracks(options, predictor) if options.data else _on_songs(options, predictor)
    if options.out:
        content = {"version": options.version, "engine": options.engine, **found}
        write_json(options.out, content)
    failed = len(found.get("failed", []))
    refuse_failed(failed, failed + found.get("songs", 0))


def _on_tracks(options: argparse.Namespace, predictor: Any) -> dict[str, Any]:
    import msgspec

    from webapp.inference.sections import Disturbed

    from ..reporting.terminal_card import disturbance_table
    from ..stores.store import open_store
    from ..studies.robustness import measure_store

    store = open_store(options.data)
    rows = measure_store(predictor, store)
    n_tracks = len(store.split("validation"))
    print(f"{options.version} on the {n_tracks} validation tracks of {store.name}:")
    print(disturbance_table([(row, None) for row in msgspec.convert(rows, list[Disturbed])]))
    return {"data": store.name, "tracks": n_tracks, "disturbances": rows}


def _on_songs(options: argparse.Namespace, predictor: Any) -> dict[str, Any]:
    import sys

    from tqdm import tqdm

    from ..errors import TrainingError
    from ..studies.robustness import find_songs, measure_song, summarise
    from ..terminal import table

    paths = find_songs(options.sounds)
    songs, failed = [], []
    for path in tqdm(paths, unit="song", disable=None):
        try:
            songs.append(measure_song(path, predictor))
        except TrainingError as error:
            failed.append(str(error))
            print(error, file=sys.stderr, flush=True)
    if not songs:
        raise TrainingError("No song got an answer; see above.")
    summary = summarise(songs)
    print(f"{options.version}: segments of each copy that keep their winner (* the song does not)")
    lines = [
        [
            Path(song["file"]).name,
            song["winner"],
            *(
                f"{copy['unchanged'] / song['segments']:.0%}"
                # A space in place of the star keeps the figures aligned.
                + (" " if copy["winner"] == song["winner"] else "*")
                for copy in song["copies"]
            ),
        ]
        for song in songs
    ]
    totals = [f"{copy['segments_unchanged']:.1%} " for copy in summary["copies"]]
    kept = [f"{copy['songs_unchanged']:.1%} " for copy in summary["copies"]]
    names = [copy["name"] for copy in summary["copies"]]
    rows = [*lines, ["all segments", "", *totals], ["all songs", "", *kept]]
    print(table(["song", "is", *names], rows, words=2))
    print(
        f"Over all copies {summary['segments_unchanged']:.1%} of {summary['segments']} segments "
        "keep their winner."
    )
    return {**summary, "details": songs, "failed": failed}
