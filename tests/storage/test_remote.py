"""The door to remote storage, on a real S3 server."""

import os
import subprocess
import sys

import pytest

from phototag.errors import StorageError, UnreadablePhoto, UsageError
from phototag.reading.files import read_file, read_head
from phototag.reading.walk import NOT_A_NAME, Walk, check_paths
from phototag.storage import remote
from phototag.storage.anywhere import read_start
from tests.conftest import SAMPLES

PHOTO = (SAMPLES / "2016/rocket.jpg").read_bytes()
LIMIT = 256_000_000


def test_a_walk_gives_what_lies_below_with_sizes_and_times(s3_server, s3, bucket):
    for key in ("photos/2016/b.jpg", "photos/a.jpg", "photos-2/no.jpg", "photos/notes.txt"):
        s3.put_object(Bucket=bucket, Key=key, Body=PHOTO)
    s3_server.put_odd(bucket, "photos/ü\n1.jpg", PHOTO)
    s3.put_object(Bucket=bucket, Key="photos/empty/", Body=b"")
    walk = Walk(["s3://museum/photos/"])
    found = list(walk)
    assert walk.roots == ("s3://museum/photos",) and walk.errors == []
    assert [file.path for file in found] == ["a.jpg", "ü\n1.jpg", "2016/b.jpg"]
    assert {file.size_bytes for file in found} == {len(PHOTO)}
    written = s3.head_object(Bucket=bucket, Key="photos/a.jpg")["LastModified"].timestamp()
    assert found[0].mtime_ns == int(written * 1e9)
    assert found[0].full_path() == "s3://museum/photos/a.jpg"
    assert dict(walk.other_endings) == {"txt": 1} and not s3_server.fetched()


def test_hidden_names_and_folders_of_other_programs_are_left_out(s3, bucket):
    for key in (".hidden.jpg", "@eaDir/a.jpg", ".cache/a.jpg", "album/.phototag", "album/1.jpg", "old/1.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=PHOTO)
    s3.put_object(Bucket=bucket, Key="old/album.json", Body=b'{"made by": "phototag"}')
    walk = Walk(["s3://museum"])
    assert list(walk) == [] and walk.skipped["folder made by phototag"] == 2


def test_keys_that_are_no_names_are_counted_and_never_read(s3_server, s3, bucket):
    for key in ("p/a//b.jpg", "p/../x.jpg", "p/./x.jpg", "/lead.jpg", "p/v.jpg?versionId=3.jpg"):
        s3_server.put_odd(bucket, key, PHOTO)
    s3.put_object(Bucket=bucket, Key="p/good.jpg", Body=PHOTO)
    walk = Walk(["s3://museum"])
    assert [file.path for file in walk] == ["p/good.jpg"]
    assert walk.skipped[NOT_A_NAME] == 5


def test_a_long_folder_comes_in_pages(s3_server, s3, bucket):
    for number in range(1100):
        s3_server.put_odd(bucket, f"many/{number:04}.jpg", b"x")
    assert len(list(Walk(["s3://museum"]))) == 1100
    assert sum("continuation-token" in path for _, path, _ in s3_server.requests) == 1


def test_a_photo_is_read_with_one_download(s3_server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=PHOTO)
    s3_server.forget()
    data, _ = read_file("s3://museum/a.jpg", LIMIT)
    assert data == PHOTO and len(s3_server.fetched()) == 1


def test_of_a_jpeg_only_the_head_is_fetched_for_metadata(s3_server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=PHOTO + b"\0" * 1_000_000)
    s3_server.forget()
    head, _ = read_head("s3://museum/a.jpg", LIMIT)
    assert PHOTO.startswith(head)
    assert [part for method, _, part in s3_server.requests if method == "GET"] == ["bytes=0-65535"]
    assert read_start("s3://museum/a.jpg", 10) == PHOTO[:10]


def test_a_large_object_that_is_no_photo_is_not_downloaded(s3_server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="film.jpg", Body=b"\0\0\0\x18ftypmp42" + b"x" * (17 << 20))
    s3_server.forget()
    with pytest.raises(UnreadablePhoto, match="not a picture"):
        read_file("s3://museum/film.jpg", LIMIT)
    assert [part for method, _, part in s3_server.requests if method == "GET"] == ["bytes=0-1087"]


def test_an_object_written_anew_while_it_is_read_is_refused(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=PHOTO)
    with remote.open_object("s3://museum/a.jpg") as file:
        file.read(100)
        s3.put_object(Bucket=bucket, Key="a.jpg", Body=PHOTO[::-1])
        with pytest.raises(OSError, match="changed while it was read"):
            file.read()


def test_the_sign_of_change_is_the_etag_also_of_an_object_in_parts(s3, bucket):
    def put_in_parts(data):
        upload = s3.create_multipart_upload(Bucket=bucket, Key="parts.jpg")["UploadId"]
        step, parts = 5 << 20, []
        for number, start in enumerate(range(0, len(data), step), 1):
            part = {"Bucket": bucket, "Key": "parts.jpg", "PartNumber": number, "UploadId": upload}
            sent = s3.upload_part(**part, Body=data[start : start + step])
            parts.append({"ETag": sent["ETag"], "PartNumber": number})
        s3.complete_multipart_upload(
            Bucket=bucket, Key="parts.jpg", UploadId=upload, MultipartUpload={"Parts": parts}
        )
        assert "-2" in s3.head_object(Bucket=bucket, Key="parts.jpg")["ETag"]

    def sign():
        return remote.list_folder("s3://museum").entries["parts.jpg"].stat().st_ctime_ns

    data = PHOTO + b"\0" * (6 << 20)
    put_in_parts(data)
    before = sign()
    put_in_parts(data)
    assert sign() == before > 0
    put_in_parts(data[:-1] + b"1")
    assert sign() != before


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "InvalidAccessKeyId", "does not take the credentials (InvalidAccessKeyId)"),
        (400, "ExpiredToken", "does not take the credentials (ExpiredToken)"),
        (404, "NoSuchBucket", "There is no bucket s3://museum"),
    ],
)
def test_what_is_wrong_with_the_whole_storage_is_one_sentence(s3_server, s3, bucket, status, code, said):
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=PHOTO)
    s3_server.refuse = lambda method, path: (status, code)
    for ask in (check_paths, lambda paths: list(Walk(paths)), lambda paths: read_file(paths[0], LIMIT)):
        with pytest.raises(StorageError) as raised:
            ask(["s3://museum/a.jpg"])
        assert said in str(raised.value) and "testing" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "AccessDenied", "access denied"),
        (404, "NoSuchKey", "the file is gone"),
        (403, "InvalidObjectState", "archive"),
    ],
)
def test_what_is_wrong_with_one_object_is_of_that_photo(s3_server, s3, bucket, status, code, said):
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=PHOTO)
    s3_server.refuse = lambda method, path: (status, code)
    with pytest.raises(UnreadablePhoto, match=said):
        read_file("s3://museum/a.jpg", LIMIT)


def test_a_folder_that_may_not_be_listed_costs_that_folder(s3_server, s3, bucket):
    for key in ("open/a.jpg", "shut/b.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=PHOTO)
    walk = Walk(["s3://museum"])
    del s3_server.requests[:]
    s3_server.refuse = lambda method, path: (
        (403, "AccessDenied") if "shut" in s3_server.requests[-1][1] else None
    )
    assert [file.path for file in walk] == ["open/a.jpg"]
    assert walk.errors == [("s3://museum/shut", "access denied")]


def test_nothing_is_asked_where_no_connection_is_allowed(s3_server, s3, bucket, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_OFFLINE", "1")
    s3_server.forget()
    for ask in (remote.look_at, remote.list_folder, remote.open_object):
        with pytest.raises(StorageError, match="PHOTOTAG_OFFLINE is set"):
            ask("s3://museum/a.jpg")
    assert s3_server.requests == []


def test_a_server_that_is_not_there_is_one_sentence(s3, tmp_path):
    code = (
        "from phototag.storage.remote import look_at\nfrom phototag.errors import StorageError\n"
        "try: look_at('s3://museum/x')\nexcept StorageError as error: print(error)"
    )
    elsewhere = {"AWS_ENDPOINT_URL": "http://user:sesame@127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | elsewhere
    )
    assert done.stdout.startswith("s3://museum cannot be reached (") and done.stdout.count("\n") == 1
    assert "sesame" not in done.stdout and done.stderr == ""


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.delenv("PHOTOTAG_OFFLINE")
    with pytest.raises(UsageError, match=r"pip install 'adlfs'"):
        remote.check("az://container/x")
