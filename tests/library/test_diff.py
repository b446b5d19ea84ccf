"""What a walk found beside what is known, without a file or a catalog."""

from phototag.library.diff import Diff, Gone, Touched, find_gone
from phototag.records import PhotoFile


def known(**photos):
    """Photos in /p by name, each of size 5 and time 7; `m...` are missing."""
    return {
        f"/p/{name}.jpg": (photo_id, 5, 7, 9, "2024-01-01 00:00:00" if name.startswith("m") else None)
        for name, photo_id in photos.items()
    }


def file(name, size_bytes=5, mtime_ns=7, root="/p", ctime_ns=9):
    return PhotoFile(root, f"{name}.jpg", size_bytes, mtime_ns, ctime_ns)


def test_each_file_is_known_touched_returned_or_new():
    diff = Diff(known(a=1, b=2, c=3, missing=4, d=5))
    diff.add([file("a"), file("b", size_bytes=6), file("c", mtime_ns=8), file("missing"), file("new")])
    assert diff.found == 5 and diff.new == [file("new")] and diff.returned == {4}
    assert diff.touched == [Touched(2, file("b", size_bytes=6)), Touched(3, file("c", mtime_ns=8))]
    assert list(diff.unseen) == ["/p/d.jpg"] and diff.roots == {"/p"}


def test_another_ctime_is_a_reason_to_look_unless_it_says_nothing():
    photos = known(a=1, b=2) | {"/p/old.jpg": (3, 5, 7, None, None), "/p/fat.jpg": (4, 5, 7, None, None)}
    diff = Diff(photos)
    diff.add(
        [file("a", ctime_ns=10), file("b", ctime_ns=0), file("old", ctime_ns=11), file("fat", ctime_ns=0)]
    )
    assert diff.touched == [Touched(1, file("a", ctime_ns=10))] and diff.untimed == {3: 11}
    diff = Diff(known(a=1, missing=2))
    diff.add([file("a"), file("missing")], verify=True)
    assert [one.photo_id for one in diff.touched] == [1, 2]


def test_unchanged_folders_keep_their_photos_and_say_where_the_numbers_differ():
    diff = Diff(known(a=1, b=2, missing=3) | {"/p/sub/c.jpg": (4, 5, 7, 9, None)})
    assert diff.add_unchanged({"/p": 2, "/p/sub": 2}) == {"/p/sub"}
    assert diff.found == 3 and list(diff.unseen) == ["/p/missing.jpg"] and diff.roots == {"/p", "/p/sub"}


def test_what_is_not_met_is_missing_unless_nothing_can_be_said_of_its_folder():
    unseen = known(a=1, missing=2) | {
        f"/{folder}/x.jpg": (photo_id, 5, 7, 9, None)
        for folder, photo_id in (("shut", 3), ("empty", 4), ("p/usb", 5))
    }
    gone = find_gone(unseen, unreadable=["/shut"], empty=["/empty"], silent=["/p/usb"])
    assert gone == Gone({1: True, 2: False, 5: False}, {"/empty": 1, "/p/usb": 1})
