"""The trials of a search: their file, their order, and how they are told."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from ..errors import TrainingError
from ..files import as_json, digest_of, read_json, undamaged, write_json
from ..terminal import table
from .space import Values, short_name

# Measures by which trials are ranked, and the better direction of each.
OBJECTIVES = {"loss": "min", "accuracy": "max"}
TRIALS_NAME = "trials.json"
# Scores of a trial that cannot be trained.
WORST = {"loss": 1e9, "accuracy": -1.0}


@dataclasses.dataclass(frozen=True)
class Trial:
    """One set of values and how good they are.

    Attributes
    ----------
    values : by key; keys left out are as in the experiment.
    accuracy : per track on validation, mean over the seeds.
    loss : mean negative log-likelihood per track on validation, after calibration; as above.
    seconds : of training and measuring, all seeds together.
    fault : why these values cannot be trained, else empty.
    """

    values: Values
    accuracy: float
    loss: float
    seconds: float
    fault: str = ""

    @classmethod
    def failed(cls, values: Values, fault: str) -> Trial:
        """Values that cannot be trained."""
        return cls(values, 0.0, WORST["loss"], 0.0, fault)

    def score(self, objective: str) -> float:
        """The measure by which trials are ranked."""
        return WORST[objective] if self.fault else float(getattr(self, objective))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A finished search.

    Attributes
    ----------
    trials : the best first; those that could not be trained last.
    baseline : the experiment as it stands, also among `trials`.
    keys : the keys that were searched, `training.epochs` too when Hyperband chose them.
    n_validation : tracks that a trial was measured on.
    n_known : trials that an earlier run had done.
    """

    trials: list[Trial]
    baseline: Trial
    keys: list[str]
    n_validation: int
    n_known: int

    @property
    def best(self) -> Trial:
        """The best of all."""
        return self.trials[0]

    @property
    def margin(self) -> float:
        """Standard error of the best accuracy; smaller differences say little.

        With two tracks more of either kind (Agresti and Coull, 1998), since four right of four are
        no proof.
        """
        n = self.n_validation + 4
        share = (self.best.accuracy * self.n_validation + 2) / n
        return math.sqrt(share * (1 - share) / n)


def identity_of(whole: dict[str, Any]) -> str:
    """The identity of a trial: a digest of all that it trains with."""
    return digest_of(whole)[:16]


class Records:
    """The trials that are done, in a file.

    Raises
    ------
    TrainingError : when `folder` holds something else, or a search with another recipe.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any]):
        self._path, self._recipe = folder / TRIALS_NAME, as_json(recipe)
        self._trials: dict[str, Trial] = {}
        if not self._path.is_file():
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise TrainingError(f"{folder}: holds something else; choose another --out.")
            return
        with undamaged(self._path, "; remove it"):
            found = read_json(self._path)
            if found["recipe"] != self._recipe:
                raise TrainingError(
                    f"{folder}: made from another experiment, data, seed or number of repeats; "
                    "choose another --out or remove it."
                )
            for trial in found["trials"]:
                identity = trial.pop("id")
                self._trials[identity] = Trial(**trial)

    def __len__(self) -> int:
        return len(self._trials)

    def get(self, identity: str) -> Trial | None:
        """The trial of that identity, if there is one."""
        return self._trials.get(identity)

    def add(self, identity: str, trial: Trial) -> None:
        """Keep a trial, in the file too."""
        self._trials[identity] = trial
        self.write()

    def write(self, **more: Any) -> None:
        """Write the file, with what else is to be known of the search."""
        trials = [
            {"id": identity, **dataclasses.asdict(trial)}
            for identity, trial in self._trials.items()
        ]
        content = {"recipe": self._recipe, **more, "trials": trials}
        write_json(self._path, content)

    def ranked(self, objective: str) -> list[Trial]:
        """The best first."""
        sign = -1 if OBJECTIVES[objective] == "max" else 1
        # Accuracies are often equal; then the loss decides, and at last the order of training.
        return sorted(
            self._trials.values(), key=lambda trial: (sign * trial.score(objective), trial.loss)
        )


def trial_line(trial: Trial, number: int) -> str:
    """The line that tells of a finished trial."""
    values = ", ".join(f"{short_name(key)} {text(value)}" for key, value in trial.values.items())
    told = trial.fault or f"accuracy {trial.accuracy:.1%}, loss {trial.loss:.3f}"
    return f"{number}: {told} ({values})"


def best_note(outcome: Outcome, command: str, objective: str) -> list[str]:
    """Lines for the head of the best experiment: how it was chosen, and what that proves."""
    best, before = outcome.best, outcome.baseline
    which = "lowest loss" if objective == "loss" else "highest accuracy"
    return [
        f"Chosen by: {command}",
        f"Of {len(outcome.trials)} trials, measured on {outcome.n_validation} validation tracks, "
        f"this has the {which}:",
        f"accuracy {best.accuracy:.1%}, loss {best.loss:.3f}; the experiment as it was: "
        f"{before.accuracy:.1%}, {before.loss:.3f}.",
        "It was chosen on these tracks, so expect less on others; the test tracks were not opened.",
    ]


def table_of(outcome: Outcome, most: int) -> str:
    """The best `most` trials, and the experiment as it stands, for the terminal."""
    names = [short_name(key) for key in outcome.keys]
    # Where two keys end alike, the whole of both.
    heads = [
        key if names.count(name) > 1 else name
        for key, name in zip(outcome.keys, names, strict=True)
    ]
    shown = outcome.trials[:most]
    if outcome.baseline not in shown:
        shown = [*shown, outcome.baseline]
    rows = [
        [
            "as is" if trial is outcome.baseline else str(outcome.trials.index(trial) + 1),
            *(["failed", "-"] if trial.fault else [f"{trial.accuracy:.1%}", f"{trial.loss:.3f}"]),
            *(
                text(trial.values.get(key, outcome.baseline.values.get(key)))
                for key in outcome.keys
            ),
        ]
        for trial in shown
    ]
    return table(["rank", "accuracy", "loss", *heads], rows)


def text(value: Any) -> str:
    """A value as short as can be."""
    if isinstance(value, list):
        return ",".join(text(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
