"""`compare`: versions side by side, with a paired test."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_models_argument

HELP = "versions side by side, with a paired test between each two"
EXAMPLES = """\
python -m model_training compare v1 v2
python -m model_training compare v1 v2 v3 --data STORE --out comparison.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("versions", nargs="+", metavar="VERSION")
    parser.add_argument(
        "--data", type=Path, help="feature store, for versions that do not keep their answers"
    )
    parser.add_argument("--out", type=Path, help="HTML file for the plots side by side")
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Print the tables; write the page if asked for."""
    from ..errors import TrainingError
    from ..reporting.words import words
    from ..stores.store import open_store
    from ..studies.comparison import (
        comparison_html,
        f1_by_genre,
        p_value,
        pair_up,
        table_headers,
        table_row,
    )
    from ..terminal import table
    from ..versions import open_version

    if len(set(options.versions)) != len(options.versions) or len(options.versions) < 2:
        raise TrainingError("Name two or more different versions to compare.")
    store = open_store(options.data) if options.data else None
    cards = [open_version(options.models, version) for version in options.versions]
    for card in cards:
        print(f"{card.version}: {card.title}, {card.metrics['test']['n_tracks']} test tracks")
    print("\nAccuracy on the test tracks:")
    print(table(table_headers(), [table_row(card) for card in cards]))
    print(words().short_note)
    print(words().short_note_files)
    if f1 := f1_by_genre(cards):
        print("\nF1 per genre:")
        rows = [[genre, *(f"{value:.3f}" for value in values)] for genre, values in f1.items()]
        print(table(["genre", *options.versions], rows))
    pairs = pair_up(cards, store)
    print("\nMcNemar's exact test on the tracks that only one of two got right:")
    paired = [pair for pair in pairs if not pair.refused]
    if paired:
        headers = ["pair", "b: only first", "c: only second", "p", "p (Holm)"]
        rows = [
            [
                f"{pair.first} and {pair.second}",
                str(pair.b),
                str(pair.c),
                p_value(pair.p),
                p_value(pair.adjusted),
            ]
            for pair in paired
        ]
        several = len(paired) > 1
        print(table(headers[: 5 if several else 4], [row[: 5 if several else 4] for row in rows]))
    for pair in pairs:
        if pair.refused:
            print(f"{pair.first} and {pair.second} not paired: {pair.refused}.")
    if options.out:
        from ..files import write_text

        write_text(options.out, comparison_html(cards, pairs))
        print(f"\n{options.out} holds the plots side by side.")
