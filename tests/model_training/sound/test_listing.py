"""Sound files of folders: by name, through links but never in a circle, the rest counted."""

from pathlib import Path

from model_training.sound.listing import MOST_VISITS, LeftOut, left_out_text, sound_files

SYNC = b"\x47" + bytes(187)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(folder: Path, found: LeftOut | None = None, *, deep: bool = True) -> list[str]:
    listed = sound_files(folder, deep=deep, left_out=found)
    return [path.relative_to(folder).as_posix() for path in listed]


def test_sound_files_are_found_in_order_and_hidden_ones_left_alone(tmp_path):
    touch(tmp_path, "b/2.MP3", "b/1.flac", "a.ogg", "a.txt", ".hidden.wav", ".d/x.wav",
          "__MACOSX/b.wav", "b/._1.flac", "b/é.opus")  # fmt: skip
    assert names(tmp_path) == ["a.ogg", "b/1.flac", "b/2.MP3", "b/é.opus"]
    assert names(tmp_path, deep=False) == ["a.ogg"]


def test_all_kinds_of_sound_that_ffmpeg_reads_are_taken_by_name(tmp_path):
    kinds = {".ape", ".wv", ".mpc", ".aifc", ".mp2", ".w64", ".caf", ".dsf", ".dff", ".tta", ".spx"}
    kinds |= {".3gp", ".amr", ".m2ts", ".mka", ".tak", ".au", ".rf64", ".oma", ".mov", ".WMA"}
    touch(tmp_path, *(f"song{kind}" for kind in kinds))
    assert names(tmp_path) == sorted(f"song{kind}" for kind in kinds)


def test_what_is_left_out_is_counted_by_its_ending(tmp_path):
    touch(tmp_path, "a/cover.jpg", "a/COVER.JPG", "a/list.m3u", "a/notes.mid", "a/._song.mp3",
          "a/song.mp3", "README", "__MACOSX/a/song.mp3")  # fmt: skip
    found = LeftOut()
    assert names(tmp_path, found) == ["a/song.mp3"]
    assert found == {".jpg": 2, "hidden": 2, ".m3u": 1, ".mid": 1, "without an ending": 1}
    assert left_out_text(found) == [
        "Left out, as no sound by name: 2 hidden, 2 .jpg, 1 without an ending, 1 .m3u, 1 .mid."
    ]
    assert left_out_text(LeftOut()) == []
    many = LeftOut({f".{number:02}": 20 - number for number in range(11)})
    assert left_out_text(many)[0].endswith(", 13 .07, 33 others.")


def test_ts_is_sound_only_with_the_sync_bytes_of_mpeg(tmp_path):
    (tmp_path / "radio.ts").write_bytes(3 * SYNC)
    (tmp_path / "stamped.ts").write_bytes(3 * (bytes(4) + SYNC))
    (tmp_path / "app.ts").write_text("Good = 'a program';\n" * 50)
    (tmp_path / "short.ts").write_bytes(b"\x47")
    found = LeftOut()
    assert names(tmp_path, found) == ["radio.ts", "stamped.ts"]
    assert found == {".ts": 2}


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path, "artists/Sam/1.mp3", "artists/Sam/live/2.mp3")
    for genre in ("gnawa", "chaabi"):
        (tmp_path / "music" / genre).mkdir(parents=True)
        (tmp_path / "music" / genre / "Sam").symlink_to(tmp_path / "artists" / "Sam")
    (tmp_path / "artists" / "Sam" / "up").symlink_to(tmp_path / "artists")
    (tmp_path / "artists" / "Sam" / "all").symlink_to(tmp_path / "music")
    (tmp_path / "artists" / "Sam" / "self").symlink_to("self")
    found = LeftOut()
    music = tmp_path / "music"
    inside = [
        path.relative_to(music).as_posix()
        for path in sound_files(music / "gnawa", left_out=found, above=music)
    ]
    assert inside == ["gnawa/Sam/1.mp3", "gnawa/Sam/live/2.mp3"]
    assert found["links in a circle"] == 2  # `all`, and Sam in `up`
    assert [name for name in names(music) if name.count("/") == 2] == [
        "chaabi/Sam/1.mp3", "gnawa/Sam/1.mp3",
    ]  # fmt: skip


def test_folders_that_all_link_to_each_other_come_to_an_end(tmp_path):
    artists = [tmp_path / f"artist {number}" for number in range(12)]
    touch(tmp_path, *(f"{artist.name}/song.mp3" for artist in artists))
    for artist in artists:
        for other in artists:
            if other != artist:
                (artist / f"with {other.name}").symlink_to(other)
    found = LeftOut()
    paths = list(sound_files(tmp_path, left_out=found))
    assert {path.resolve() for path in paths} == {artist / "song.mp3" for artist in artists}
    assert len(paths) <= 12 * MOST_VISITS
    assert found["links in a circle"] > 0
