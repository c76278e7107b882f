"""Genres in tags of every kind: written and put back, with all else as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import mutagen.apev2
import mutagen.flac
import mutagen.id3
import numpy as np
import pytest

from model_training.sound.audio import decode
from model_training.tags import change
from model_training.tags.change import FORMS, read_tag, restore_genre, write_genre
from model_training.tags.form import TagError

from ..tagged_music import WAYS, heard, make, number_genre, tags_of

GENRES = ("Blues", "Chanson d'été")
EVERY = pytest.mark.parametrize("way", WAYS)
MP3S = [way for way in WAYS if way.startswith("mp3")]


def samples(path: Path) -> str:
    sound = decode(path)
    return hashlib.sha256(np.ascontiguousarray(sound.samples).data).hexdigest()


# A wav has its old genre where it is not written; see below.
@pytest.mark.parametrize(
    ("way", "old"),
    [(way, old) for way in WAYS for old in (None, *GENRES) if way != "wav" or not old],
)
def test_written_and_put_back(way: str, old: str | None, tmp_path: Path) -> None:
    path = make(tmp_path, way, old)
    tags, sound, decoded = tags_of(path), heard(path), samples(path)
    before = read_tag(path)
    others = FORMS[before.kind].others(path)
    assert before.genre.names == ((old,) if old and (way != "mp3, ID3v1" or old == "Blues") else ())
    # Longer than the padding behind some tags.
    long = "Ragga · 你好 " * 400
    for genre in ("Rock", long.strip(), "R"):
        write_genre(read_tag(path), [genre])
        assert read_tag(path).genre.names == (genre,)
        found = tags_of(path)
        if way == "mp3, ID3v1":  # which holds Latin letters only; ffmpeg writes others all the same
            found["title"] = tags["title"]
        assert found == {**tags, "genre": genre}
        assert heard(path) == sound
        assert samples(path) == decoded
        assert FORMS[before.kind].others(path) == others
    restore_genre(read_tag(path), before.genre)
    assert read_tag(path) == before
    assert tags_of(path) == tags
    assert heard(path) == sound
    assert FORMS[before.kind].others(path) == others
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@EVERY
def test_a_file_without_tags_gets_one_and_loses_it_again(way: str, tmp_path: Path) -> None:
    path = make(tmp_path, way, tagged=False)
    if way in MP3S:
        mutagen.id3.delete(path)
    if way == "flac":
        mutagen.flac.delete(path)
    before, sound = read_tag(path), heard(path)
    size = path.stat().st_size
    write_genre(before, ["Rock"])
    assert tags_of(path) == {"genre": "Rock"}
    assert heard(path) == sound
    restore_genre(read_tag(path), before.genre)
    assert read_tag(path) == before
    assert heard(path) == sound
    if way in [*MP3S, "wav", "aiff"]:
        assert path.stat().st_size == size
    if way in MP3S:
        assert not path.read_bytes().startswith(b"ID3")


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("m4a", "mp3, ID3v1")])
def test_several_genres_come_back_in_their_order(way: str, tmp_path: Path) -> None:
    path = make(tmp_path, way)
    names = ["Rock", "Pop", "Été"]
    write_genre(read_tag(path), names)
    before = read_tag(path)
    assert before.genre.names == tuple(names)
    write_genre(before, ["Jazz"])
    restore_genre(read_tag(path), before.genre)
    assert read_tag(path) == before


def test_comments_keep_their_order_and_the_case_of_their_names(tmp_path: Path) -> None:
    path = make(tmp_path, "flac", "Blues")
    sound = mutagen.flac.FLAC(path)
    comments = [("Genre", "One"), ("TITLE", "a"), ("genre", "Two"), ("x", "=y"), ("GENRE", "Three")]
    sound.tags[:] = comments
    sound.save()
    before = read_tag(path)
    write_genre(before, ["Rock"])
    assert list(mutagen.flac.FLAC(path).tags) == [("Genre", "Rock"), ("TITLE", "a"), ("x", "=y")]
    restore_genre(read_tag(path), before.genre)
    assert list(mutagen.flac.FLAC(path).tags) == comments


@pytest.mark.parametrize(("way", "version"), [("mp3, ID3v2.3", 3), ("mp3, ID3v2.4", 4)])
def test_id3_keeps_its_version_and_numbers_of_genres(
    way: str, version: int, tmp_path: Path
) -> None:
    path = make(tmp_path, way)
    tag = mutagen.id3.ID3(path, translate=False)
    tag.add(mutagen.id3.TCON(encoding=0, text=["(17)Rock"]))
    tag.add(mutagen.id3.APIC(mime="image/png", data=os.urandom(9000)))
    tag.add(mutagen.id3.TXXX(encoding=1, desc="mood", text="a"))
    tag.save(path, v2_version=version, v23_sep=None)
    before = read_tag(path)
    assert before.genre.names == ("Rock",)
    write_genre(before, ["Pop"])
    assert path.read_bytes()[3] == version
    assert len(mutagen.id3.ID3(path)["APIC:"].data) == 9000
    restore_genre(read_tag(path), before.genre)
    assert mutagen.id3.ID3(path, translate=False)["TCON"].text == ["(17)Rock"]
    assert path.read_bytes()[3] == version


def test_id3v1_stays_byte_for_byte(tmp_path: Path) -> None:
    for way in ("mp3, ID3v2.3 and ID3v1", "mp3, ID3v1"):
        path = make(tmp_path, way, "Blues")
        last = path.read_bytes()[-128:]
        assert last.startswith(b"TAG")
        write_genre(read_tag(path), ["Rock"])
        assert path.read_bytes()[-128:] == last
        # Readers of ID3v2 alone still find what it told.
        assert mutagen.id3.ID3(path, load_v1=False)["TIT2"].text[0].startswith("Ol'")


def test_genres_beside_an_id3v2_tag_are_seen(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3, ID3v2.3")
    tag = mutagen.apev2.APEv2()
    tag["Genre"] = "Gnawa"
    tag.save(path)
    assert read_tag(path).genre.names == ("Gnawa",)
    assert "has its genre in an APEv2 tag, which is not written here" in refused(path)
    path.unlink()
    wav = make(tmp_path, "wav", "Malhun")
    assert b"IGNR" in wav.read_bytes()
    assert read_tag(wav).genre.names == ("Malhun",)
    assert "has its genre in a list of texts (RIFF INFO), which is not" in refused(wav)


@pytest.mark.parametrize(
    ("number", "text", "names"),
    [
        (18, None, ("Rock",)),
        (18, "Rock", ("Rock",)),
        (18, "Chaabi", ("Chaabi", "Rock")),
        (500, None, ("Unknown",)),
        (0, None, ()),
    ],
)
def test_the_number_of_a_genre_in_an_m4a(
    number: int, text: str | None, names: tuple[str, ...], tmp_path: Path
) -> None:
    path = make(tmp_path, "m4a", text)
    number_genre(path, number, text=bool(text))
    before, tags, sound = read_tag(path), tags_of(path), heard(path)
    others = FORMS["mp4"].others(path)
    assert sorted(before.genre.names) == sorted(names)
    write_genre(before, ["Gnawa"])
    assert read_tag(path).genre.names == ("Gnawa",)
    assert tags_of(path) == {**tags, "genre": "Gnawa"}
    assert b"gnre" not in path.read_bytes()
    restore_genre(read_tag(path), before.genre)
    assert read_tag(path) == before
    assert tags_of(path) == tags
    assert heard(path) == sound
    assert FORMS["mp4"].others(path) == others
    assert path.read_bytes().count(b"gnre") == 1


def test_the_kind_is_told_by_the_content(tmp_path: Path) -> None:
    path = make(tmp_path, "flac")
    wrong = path.rename(tmp_path / "song.mp3")
    assert read_tag(wrong).kind == "flac"
    (tmp_path / "text.mp3").write_text("no sound")
    (tmp_path / "empty.mp3").touch()
    for name, reason in (
        ("text.mp3", "tags of its kind are not written here; those of mp3, flac, ogg"),
        ("empty.mp3", "cannot be read (it is empty)"),
        ("nowhere.mp3", "cannot be read (No such file or directory)"),
    ):
        with pytest.raises(TagError) as found:
            read_tag(tmp_path / name)
        assert str(found.value).startswith(f"{tmp_path / name}: {reason}")


# --- damaged tags -------------------------------------------------------------------------------


def refused(path: Path) -> str:
    """What is said of a file whose tag cannot be changed; it stays as it is."""
    before = path.read_bytes()
    with pytest.raises(TagError) as found:
        write_genre(read_tag(path), ["Rock"])
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1
    assert str(found.value).startswith(f"{path}: ")
    return str(found.value)


def test_a_damaged_id3_tag(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3, ID3v2.3")
    whole = path.read_bytes()
    # A frame that tells more bytes than the tag has.
    path.write_bytes(whole[:14] + b"\x00\x7f\xff\xff" + whole[18:])
    assert "its tag is damaged" in refused(path)
    # A frame that cannot be read, which mutagen would silently drop.
    at = whole.index(b"TXXX")
    path.write_bytes(whole[: at + 10] + b"\x09" + whole[at + 11 :])
    assert "other tags of it would not stay as they are" in refused(path)
    path.write_bytes(whole[:3] + b"\x02" + whole[4:])
    assert "ID3v2.2" in refused(path)


def test_a_damaged_frame_beside_the_genre_alone(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3, ID3v2.3", tagged=False)
    tag = mutagen.id3.ID3()
    tag.add(mutagen.id3.TCON(encoding=0, text=["Blues"]))
    tag.add(mutagen.id3.TXXX(encoding=0, desc="mood", text="calm"))
    tag.save(path, v2_version=3)
    whole = path.read_bytes()
    at = whole.index(b"TXXX")
    path.write_bytes(whole[: at + 10] + b"\x09" + whole[at + 11 :])
    assert "other tags of it would not stay as they are" in refused(path)


def test_chunks_that_would_hide_the_genre(tmp_path: Path) -> None:
    """A wrong length of the file: mutagen appends a tag where no reader looks."""
    path = make(tmp_path, "aiff", tagged=False)
    content = path.read_bytes()
    short = (int.from_bytes(content[4:8], "big") - 400).to_bytes(4, "big")
    path.write_bytes(content[:4] + short + content[8:])
    assert "would tell nothing instead of Rock; it is left as it is." in refused(path)


def test_damaged_comments(tmp_path: Path) -> None:
    path = make(tmp_path, "flac")
    whole = path.read_bytes()
    at = whole.index(b"Sam & Ann")
    path.write_bytes(whole[:at] + b"\xe9\xe8\xea" + whole[at + 3 :])
    assert "its tag is damaged (its comments are no UTF-8)" in refused(path)
    path.write_bytes(whole[: at - 11] + b"\xff\xff\xff\x7f" + whole[at - 7 :])
    assert "its tag is damaged" in refused(path)
    path.unlink()
    ogg = make(tmp_path, "ogg")
    content = bytearray(ogg.read_bytes())
    content[content.index(b"Sam & Ann") - 11] = 0x7F
    ogg.write_bytes(content)
    assert "its tag is damaged" in refused(ogg)


def test_a_damaged_mp4(tmp_path: Path) -> None:
    path = make(tmp_path, "m4a")
    content = bytearray(path.read_bytes())
    at = content.index(b"ilst")
    content[at - 4 : at] = b"\x7f\xff\xff\xff"
    path.write_bytes(content)
    assert "its tag" in refused(path)


def test_damaged_chunks(tmp_path: Path) -> None:
    path = make(tmp_path, "wav")
    content = path.read_bytes()
    # What a recorder that lost power leaves: the last chunk tells no size, and has all samples.
    path.write_bytes(content[:4] + b"\xff" * 4 + content[8:])
    try:
        write_genre(read_tag(path), ["Rock"])
    except TagError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
        assert path.read_bytes()[8:] == content[8:]
    else:
        assert heard(path)


# --- what could go wrong meanwhile --------------------------------------------------------------


def test_other_tags_and_sound_are_compared_before_the_file_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path, "flac")
    form = FORMS["flac"]
    write = form.write

    def loses_a_tag(copy: Path, names: list[str]) -> None:
        write(copy, names)
        sound = mutagen.flac.FLAC(copy)
        del sound.tags["title"]
        sound.save()

    def loses_sound(copy: Path, names: list[str]) -> None:
        write(copy, names)
        with copy.open("r+b") as file:
            file.truncate(copy.stat().st_size - 5000)

    for broken, reason in (
        (loses_a_tag, "other tags of it would not stay as they are; it is left as it is."),
        (loses_sound, "its sound would not stay as it is; it is left as it is."),
    ):
        monkeypatch.setattr(form, "write", broken)
        assert refused(path) == f"{path}: {reason}"


def test_a_file_that_changes_meanwhile_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path, "flac")
    tagged = read_tag(path)
    dress: Callable[..., None] = change._dress

    def late(*words: object) -> None:
        dress(*words)
        with path.open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(change, "_dress", late)
    with pytest.raises(TagError, match="was changed while its tag was written"):
        write_genre(tagged, ["Rock"])
    assert path.read_bytes().endswith(b"more")
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.undo()
    write_genre(read_tag(path), ["Rock"])
    with pytest.raises(TagError, match="its genre was changed meanwhile"):
        write_genre(tagged, ["Pop"])
    assert read_tag(path).genre.names == ("Rock",)


def test_an_interrupt_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path, "mp3, ID3v2.3")
    before = path.read_bytes()
    form = FORMS["mp3"]
    write = form.write

    def stopped(copy: Path, names: list[str]) -> None:
        write(copy, names)
        raise KeyboardInterrupt

    monkeypatch.setattr(form, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_genre(read_tag(path), ["Rock"])
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_read_only_files_and_hard_links_are_left(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3, ID3v2.3")
    path.chmod(0o444)
    assert refused(path) == f"{path}: may not be written to; allow it first."
    path.chmod(0o644)
    other = tmp_path.parent / f"{tmp_path.name} other name.mp3"
    other.hardlink_to(path)
    try:
        assert "has 2 names (hard links)" in refused(path)
    finally:
        other.unlink()


def test_the_copy_is_on_the_disk_before_it_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path, "mp3, ID3v2.3")
    asked = []

    def like_windows(handle: int) -> None:
        asked.append(os.write(handle, b""))  # an error where the handle only reads

    monkeypatch.setattr(os, "fsync", like_windows)
    write_genre(read_tag(path), ["Rock"])
    assert asked == [0]


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path, "mp3, ID3v2.3")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(Exception, match=r"cannot be written .*No space left on device") as found:
        write_genre(read_tag(path), ["Rock"])
    assert str(found.value).startswith(f"{path}: ")
    assert path.read_bytes() == before


def test_permissions_stay_and_the_time_is_that_of_the_change(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3, ID3v2.3")
    path.chmod(0o640)
    if hasattr(os, "setxattr"):
        try:
            os.setxattr(path, "user.rating", b"5")
        except OSError:
            pytest.fail("no extended attributes in the folder of the tests")
    os.utime(path, (1e9, 1e9))
    write_genre(read_tag(path), ["Rock"], keep_time=True)
    assert path.stat().st_mtime == 1e9
    write_genre(read_tag(path), ["Pop"])
    assert path.stat().st_mtime > 1.7e9
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    if hasattr(os, "getxattr"):
        assert os.getxattr(path, "user.rating") == b"5"


def test_a_link_stays_a_link_to_the_changed_file(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3, ID3v2.3")
    link = tmp_path / "link.mp3"
    link.symlink_to(path.name)
    write_genre(read_tag(link), ["Rock"])
    assert link.is_symlink()
    assert read_tag(path).genre.names == ("Rock",)
