"""Answers for many files: which are asked, one after the other, and the file that keeps answers.

That file has a line of JSON for each answer and grows by whole lines, so a stopped run goes on
where it was.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tqdm import tqdm

from features.segments import Listen
from webapp.inference import Card, Predictor

from ..errors import TrainingError
from ..files import hold, reading, replacing, sha256
from ..sound.listing import LeftOut, left_out_text, sound_files
from ..terminal import printable
from .own_genres import MODEL_FILE, OwnJudge
from .prediction import SongAnswer, predict_file

Tell = Callable[[str], object]

# How much of a checksum tells one model, or one file of own genres, from another.
DIGITS = 16
NOT_SURE = "not sure"
NONE_OF_THESE = "none of these"


class Stamp(NamedTuple):
    """What tells that a file is the one that was heard: bytes, time of its last change in ns."""

    size: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """The stamp of a file; None for one that is not there."""
        try:
            status = path.stat()
        except OSError:
            return None
        return cls(status.st_size, status.st_mtime_ns)

    def to_json(self) -> dict[str, int]:
        """The stamp as plain data."""
        return {"size": self.size, "modified": self.modified}


@dataclasses.dataclass(frozen=True)
class Heard:
    """A file with its answer.

    Attributes
    ----------
    content : the line of the file of answers, without the segments.
    """

    path: Path
    stamp: Stamp
    content: Mapping[str, Any]

    @property
    def own(self) -> Mapping[str, Any] | None:
        """The answer in own genres; None where they were not asked."""
        own: Mapping[str, Any] | None = self.content.get("own")
        return own

    @property
    def unfamiliar(self) -> bool | None:
        """Whether the sound is unlike the training music; None of versions that cannot tell."""
        found = self.content["aggregate"]["unfamiliar"]
        return None if found is None else bool(found["flag"])

    @property
    def genre(self) -> str:
        """The most probable genre: of the own ones where they were asked."""
        return str(self.own["genre"] if self.own else self.content["aggregate"]["genre"])

    @property
    def probability(self) -> float:
        """The share of `genre`."""
        found = self.own or {"genres": self.content["genres"], **self.content["aggregate"]}
        return float(found["probabilities"][found["genres"].index(self.genre)])

    @property
    def doubt(self) -> str:
        """Why `genre` is not to be relied on: `NOT_SURE`, or `NONE_OF_THESE`; empty if it is."""
        if self.own:
            return NONE_OF_THESE if self.own["unsure"] else ""
        return NOT_SURE if self.unfamiliar else ""


def judge_name(card: Card, own_genres: Path | None = None, listen: Listen = "whole") -> str:
    """What answers are kept under: a version, checksums of its model and of own genres, "excerpts".

    Raises
    ------
    OSError : for a file of own genres that cannot be read.
    """
    files = [card.files[MODEL_FILE], *([sha256(own_genres)] if own_genres else [])]
    heard = [listen] if listen != "whole" else []
    return " ".join([card.version, *(digits[:DIGITS] for digits in files), *heard])


# --- which files --------------------------------------------------------------------------------


def list_files(paths: Iterable[Path], tell: Tell) -> list[Path]:
    """Files as they are named, and the sound files in folders, each once.

    Parameters
    ----------
    tell : gets a line for what was left out, and for each folder that cannot be read or holds no
        sound.
    """
    found: dict[Path, None] = {}
    left_out = LeftOut()

    def refused(folder: Path, error: OSError) -> None:
        tell(f"{folder}: cannot be read ({error.strerror or error}); its files are left out.")

    for path in paths:
        if not path.is_dir():
            found[path] = None
            continue
        files = list(sound_files(path, left_out=left_out, refused=refused))
        if not files:
            tell(f"{path}: the folder holds no sound file.")
        found.update(dict.fromkeys(files))
    for line in left_out_text(left_out):
        tell(line)
    return list(found)


# --- the file of answers ------------------------------------------------------------------------


class Answers:
    """A file of answers, a line of JSON each, in the order in which they came.

    One run at a time writes to it.

    Parameters
    ----------
    path : may be there, with answers of the same `judge`; a line that a crash cut short is dropped.

    Attributes
    ----------
    heard : the answers of the file, by their paths as text; of several for one path the last.

    Raises
    ------
    TrainingError : for a file that cannot be read or written, or holds something else, and for one
        that another run is writing to.
    """

    def __init__(self, path: Path, judge: str) -> None:
        self.path = path
        self.judge = judge
        self.heard: dict[str, Heard] = {}
        self._superseded = False
        with reading(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _held(path)
        try:
            self._load()
        except BaseException:
            self._file.close()
            raise

    def _load(self) -> None:
        whole = 0
        for number, line in enumerate(self._lines(), 1):
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            heard = self._parse(line, number)
            self._remember(heard)
        self._file.truncate(whole)

    def _lines(self) -> Iterator[bytes]:
        with reading(self.path), self.path.open("rb") as file:
            yield from file

    def _parse(self, line: bytes, number: int) -> Heard:
        try:
            content = json.loads(line)
            judge = content["judge"]
            heard = _heard(content)
            # A line of another program would lack these.
            _ = heard.genre, heard.probability, heard.doubt
        except (ValueError, KeyError, TypeError, IndexError):
            raise TrainingError(
                f"{self.path}: line {number} is no answer; choose another --out or remove the file."
            ) from None
        if judge != self.judge:
            raise TrainingError(
                f"{self.path}: holds answers of {judge!r}, and {self.judge!r} is asked now; choose "
                "another --out or remove the file."
            )
        return heard

    def _remember(self, heard: Heard) -> None:
        key = str(heard.path)
        self._superseded |= key in self.heard
        self.heard[key] = heard

    def known(self, path: Path) -> Heard | None:
        """The answer for a file that is as it was when it was heard."""
        heard = self.heard.get(str(path))
        return heard if heard and heard.stamp == Stamp.of(path) else None

    def add(self, content: Mapping[str, Any]) -> None:
        """Write an answer: in one piece, so that a stop leaves whole lines."""
        line = _line(content)
        while line:
            line = line[self._file.write(line) :]
        self._remember(_heard(content))

    def restamp(self, stamps: Mapping[str, Stamp]) -> None:
        """Keep the answers of files that were changed without their sound, by paths as text."""
        known = {path: stamp for path, stamp in stamps.items() if path in self.heard}
        for path, stamp in known.items():
            self.heard[path] = dataclasses.replace(self.heard[path], stamp=stamp)
        self._superseded |= bool(known)

    def close(self) -> None:
        """Close the file; leave one line for each path in it.

        Raises
        ------
        TrainingError : when it cannot be written.
        """
        if os.name == "nt":  # which replaces no file that is open
            self._file.close()
        try:
            if self._superseded:
                self._write_last()
        finally:
            self._file.close()

    def _write_last(self) -> None:
        last = {_parsed_path(line): number for number, line in enumerate(self._lines())}
        with replacing(self.path) as unfinished, unfinished.open("wb") as file:
            for number, line in enumerate(self._lines()):
                content = json.loads(line)
                if last[content["file"]] == number:
                    stamp = self.heard[content["file"]].stamp
                    file.write(_line({**content, **stamp.to_json()}))


def _held(path: Path) -> BinaryIO:
    """The file, open and held: no other run writes to it.

    Raises
    ------
    TrainingError : when another run holds it.
    OSError : when it cannot be opened.
    """
    while True:
        file = path.open("a+b", buffering=0)
        try:
            hold(file, path)
            # The run that held it may have put another file in its place at its end.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _line(content: Mapping[str, Any]) -> bytes:
    # In JSON, what UTF-8 lacks is written out (\udc80), and read again as it was.
    return printable(json.dumps(content, ensure_ascii=False)).encode() + b"\n"


def _parsed_path(line: bytes) -> str:
    return str(json.loads(line)["file"])


def _heard(content: Mapping[str, Any]) -> Heard:
    kept = {key: value for key, value in content.items() if key != "segments"}
    stamp = Stamp(int(content["size"]), int(content["modified"]))
    return Heard(Path(content["file"]), stamp, kept)


# --- asking -------------------------------------------------------------------------------------


def hear(
    path: Path, predictor: Predictor, judge: OwnJudge | None, listen: Listen = "whole"
) -> tuple[SongAnswer, Stamp]:
    """The answer for a file, and the stamp of what was heard.

    Raises
    ------
    TrainingError : naming the file and why there is none, also when it changed meanwhile.
    """
    before = Stamp.of(path)
    try:
        answer = predict_file(path, predictor, judge, listen)
    except (OSError, MemoryError) as error:
        why = getattr(error, "strerror", None) or str(error) or "too little memory"
        raise TrainingError(f"{path}: cannot be read ({why}).") from error
    if before is None or Stamp.of(path) != before:
        raise TrainingError(
            f"{path}: was changed while it was read; ask again when nothing writes to it."
        )
    return answer, before


def content_of(answer: SongAnswer, stamp: Stamp, card: Card, judge: str) -> dict[str, Any]:
    """The line of an answer in the file of answers."""
    return {
        **answer.to_json(card),
        "seconds": round(answer.seconds, 2),
        **stamp.to_json(),
        "judge": judge,
    }


def hear_all(
    files: Iterable[Path],
    predictor: Predictor,
    judge: OwnJudge | None,
    name: str,
    answers: Answers | None,
    tell: Tell,
    show: Callable[[SongAnswer], object],
    listen: Listen = "whole",
) -> list[Heard]:
    """Ask about files, one after the other; a bar tells how far on a terminal.

    Parameters
    ----------
    name : of the judge, as `judge_name` has it.
    answers : keeps the answers, and spares those that it has; None to keep none.
    tell : gets a line for each file without an answer.
    show : gets each answer as it comes, those of `answers` left out.
    listen : to whole songs, or to three excerpts.
    """
    files = list(files)
    found = []
    for path in tqdm(files, unit="file", disable=None if len(files) > 1 else True, leave=False):
        if answers and (known := answers.known(path)):
            found.append(known)
            continue
        try:
            answer, stamp = hear(path, predictor, judge, listen)
        except TrainingError as error:
            tell(str(error))
            continue
        content = content_of(answer, stamp, predictor.card, name)
        if answers:
            answers.add(content)
        found.append(_heard(content))
        show(answer)
    return found
