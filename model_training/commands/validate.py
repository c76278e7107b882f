"""`validate`: find the faults of a data set, before anything is computed from it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..datasets.check import Report

HELP = "list missing, unreadable, too short, silent and duplicate clips of a data set"
EXAMPLES = """\
python -m model_training validate folder ~/Music/genres
python -m model_training validate folder ~/Music/genres --json report.json
python -m model_training validate gtzan ~/data/gtzan --lists ~/data/gtzan-lists
python -m model_training validate fma ~/data/fma
python -m model_training validate manifest songs.csv --jobs 1
"""
# Most problems of a kind to print; the report file holds all.
MOST_LINES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from ..datasets.options import add_dataset_arguments, add_jobs_argument

    add_dataset_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for the whole report")
    parser.add_argument(
        "--min-seconds",
        type=float,
        metavar="S",
        help="report clips shorter than S seconds (4.97: a segment of the recommended features)",
    )
    add_jobs_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Check, write the report, print a summary; unusable data are an error."""
    import dataclasses

    from ..datasets.check import LEAST_SECONDS, validate
    from ..datasets.options import dataset_of, jobs_of
    from ..errors import TrainingError
    from ..stores.splits import why_no_split

    jobs = jobs_of(options)
    dataset = dataset_of(options)
    least = LEAST_SECONDS if options.min_seconds is None else options.min_seconds
    report = validate(dataset, least_seconds=least, jobs=jobs)
    if not report.refusal:
        replicas = [*dataset.replicas, *report.replica_tracks()]
        report = dataclasses.replace(report, refusal=why_no_split(report.usable, replicas))
    if options.json:
        report.write(options.json)
    print("\n".join(_summary(report)))
    if options.json:
        print(f"\nThe whole report: {options.json}")
    if report.refusal:
        raise TrainingError(report.refusal)
    print("\nThis can be used; `extract` skips and names what it cannot read.")


def _summary(report: Report) -> list[str]:
    genres = report.genres()
    usable = f"{len(report.usable)} of {len(report.dataset.clips)} clips usable"
    hours = sum(about["seconds"] for about in genres.values()) / 3600
    lines = [f"{report.dataset.name}: {usable}, {len(genres)} genres, {hours:.2f} h"]
    width = max(map(len, genres), default=0)
    for genre, about in genres.items():
        lines.append(
            f"  {genre:{width}} {about['clips']:6,} clips {about['groups']:6,} groups "
            f"{about['seconds'] / 60:9.1f} min"
        )
    counts = report.counts()
    told = ", ".join(f"{count} {code.replace('_', ' ')}" for code, count in counts.items())
    lines += ["", f"{len(report.problems)} problems" + (f": {told}" if told else "")]
    for code in counts:
        mine = [problem for problem in report.problems if problem.code == code]
        lines.append(f"  {code.replace('_', ' ')}")
        lines += [f"    {problem.track}: {problem.reason}" for problem in mine[:MOST_LINES]]
        if len(mine) > MOST_LINES:
            lines.append(f"    and {len(mine) - MOST_LINES} more; --json FILE writes them all")
    remarks = report.remarks()
    return [*lines, *(["", *remarks] if remarks else [])]
