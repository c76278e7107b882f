"""`extract`: from labelled sound files to a feature store."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from features import FeatureSpec

    from ..experiment import AudioAugmentation

HELP = "extract features of a data set, on all cores or on a Dask cluster"
EXAMPLES = """\
python -m model_training extract folder music/ --version v1 --out features_cache/music
python -m model_training extract gtzan gtzan/ --spec model_training/experiments/v1.toml \\
    --out features_cache/gtzan --jobs 4
python -m model_training extract fma fma/ --spec trained_models/v1/model.json --max-excerpts 1 \\
    --out features_cache/fma --scheduler tcp://192.168.1.20:8786
python -m model_training extract manifest songs.csv --spec my.toml --copies 2 \\
    --out features_cache/songs --statistics-csv songs-statistics.csv
python -m model_training extract mfcc-json data.json --spec my.toml --segments-per-track 10 \\
    --out features_cache/original"""

# Most replicas to print; store.json holds all.
MOST_LINES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from ..datasets.options import add_dataset_arguments, add_jobs_argument
    from ..paths import MODELS

    add_dataset_arguments(parser, "mfcc-json")
    spec = parser.add_mutually_exclusive_group(required=True)
    spec.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="features to extract: those of an experiment (.toml) or of a model card (model.json)",
    )
    spec.add_argument("--version", metavar="vN", help="features to extract: those of this version")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder that holds --version")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new store")
    add_jobs_argument(parser)
    parser.add_argument(
        "--scheduler",
        metavar="tcp://HOST:PORT",
        help="extract on a Dask cluster, whose workers must see the data set under the same path",
    )
    parser.add_argument(
        "--max-excerpts",
        type=int,
        metavar="N",
        help="at most N excerpts of each song, spread evenly (all, as on the site)",
    )
    parser.add_argument(
        "--copies",
        type=int,
        default=0,
        metavar="N",
        help="add N augmented copies of every song, for training only; the table "
        "[audio_augmentation] of the experiment says how they differ",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the augmented copies (1)")
    parser.add_argument(
        "--statistics-csv",
        type=Path,
        metavar="FILE",
        help="also write a table of every song's statistics",
    )
    parser.add_argument(
        "--mfcc-json",
        type=Path,
        metavar="FILE",
        help="also write the segments as JSON with mapping, mfcc and labels",
    )
    parser.add_argument(
        "--no-fingerprints",
        action="store_true",
        help="count two files as one recording only if they decode to the same samples, not if "
        "they just sound alike",
    )
    parser.add_argument(
        "--segments-per-track",
        type=int,
        metavar="N",
        help="mfcc-json: number of consecutive segments that belong to one track",
    )


def recipe_source(
    spec: Path | None, version: str | None, models: Path
) -> tuple[FeatureSpec, AudioAugmentation]:
    """The features that an experiment, a card or a version asks for, and how its copies differ.

    Parameters
    ----------
    spec : an experiment's TOML file or a model card.
    version : instead of `spec`, a version in the folder `models`.

    Raises
    ------
    TrainingError : for a file that is neither, or a version that is not there.
    """
    from features import FeatureSpec

    from ..errors import TrainingError
    from ..experiment import AudioAugmentation, load_experiment
    from ..files import read_json, reading
    from ..versions import open_version

    if version is not None:
        return open_version(models, version).spec, AudioAugmentation()
    if spec is None:
        raise TrainingError("Say what to extract: --spec FILE or --version vN.")
    if spec.suffix.lower() != ".json":
        experiment = load_experiment(spec)
        return experiment.feature_spec, experiment.audio_augmentation
    try:
        with reading(spec):
            card = read_json(spec)
        return FeatureSpec.from_json(card["feature_spec"]), AudioAugmentation()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"{spec}: not a model card ({error}).") from error


def run(options: argparse.Namespace) -> None:
    """Extract, then say what is in the store and what was left out."""
    from ..datasets.options import dataset_of, jobs_of
    from ..errors import TrainingError
    from ..stores.extraction import extract, table_spec
    from ..stores.mfcc_exchange import export_mfcc_json, import_mfcc_json, require_mfcc
    from ..stores.sound_features import Recipe

    spec, augmentation = recipe_source(options.spec, options.version, options.models)
    if options.mfcc_json is not None:
        require_mfcc(spec)
    jobs = jobs_of(options)
    if options.kind == "mfcc-json":
        for name in ("copies", "max_excerpts", "scheduler", "statistics_csv"):
            if getattr(options, name):
                option = name.replace("_", "-")
                raise TrainingError(f"--{option}: mfcc-json holds no sound to make it of.")
        report = import_mfcc_json(
            options.path, spec, options.segments_per_track, options.out, options.command_line
        )
    else:
        if options.segments_per_track is not None:
            raise TrainingError("--segments-per-track: only mfcc-json needs it.")
        recipe = Recipe(
            spec=spec,
            max_excerpts=options.max_excerpts,
            copies=options.copies,
            augmentation=augmentation,
            seed=options.seed,
            table=table_spec(spec) if options.statistics_csv else None,
            fingerprints=not options.no_fingerprints,
        )
        dataset = dataset_of(options)
        for remark in dataset.remarks:
            print(remark, flush=True)
        report = extract(
            dataset,
            recipe,
            options.out,
            command=options.command_line,
            jobs=jobs,
            scheduler=options.scheduler,
            table_path=options.statistics_csv,
        )
    for entry in report.skipped:
        print(f"skipped {entry['path']}: {entry['reason']}")
    print(
        f"{options.out}: {report.n_tracks} tracks, {report.n_excerpts} excerpts, "
        f"{len(report.skipped)} skipped"
        + (f", {report.n_reused} done by an earlier run" if report.n_reused else "")
    )
    for first, second in report.replicas[:MOST_LINES]:
        print(f"the same recording, kept on one side of a split: {first} and {second}")
    if len(report.replicas) > MOST_LINES:
        print(f"and {len(report.replicas) - MOST_LINES} more pairs, all in store.json")
    if report.splits:
        counts = ", ".join(f"{count} {part}" for part, count in report.splits.items())
        print(f"{options.out}/splits, as the data set prescribes: {counts}")
    else:
        print(f"next: python -m model_training split {options.out}")
    if options.statistics_csv is not None:
        print(f"{options.statistics_csv}: statistics of {report.n_tracks} tracks")
    if options.mfcc_json is not None:
        count = export_mfcc_json(options.out, spec, options.mfcc_json)
        print(f"{options.mfcc_json}: MFCC of {count} segments")
