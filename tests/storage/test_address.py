"""How photos on remote storage are named."""

import os
from pathlib import Path

import pytest

from phototag.errors import UsageError
from phototag.storage.address import absolute, common_address, is_name, is_remote


@pytest.mark.parametrize(
    ("typed", "stands_for"),
    [
        ("s3://bucket", "s3://bucket"),
        ("S3://bucket/", "s3://bucket"),
        ("s3://bucket/a b/ü//", "s3://bucket/a b/ü"),
        ("sftp://ann@host/photos", "sftp://ann@host/photos"),
        ("file:///srv/photos/", "/srv/photos"),
        ("file://localhost/srv", "/srv"),
        ("/srv//photos/../x", "/srv/x"),
        (Path("/srv/photos"), "/srv/photos"),
        ("photos", os.path.join(os.getcwd(), "photos")),
        ("s3:bucket", os.path.join(os.getcwd(), "s3:bucket")),
    ],
)
def test_an_address_has_one_form(typed, stands_for):
    assert absolute(typed) == stands_for
    assert is_remote(absolute(typed)) == stands_for.startswith(("s3://", "sftp://"))


@pytest.mark.parametrize(
    "typed",
    [
        "s3://",
        "s3:///photos",
        "s3://bucket/a//b",
        "s3://bucket/../x",
        "s3://bucket/.",
        "http://example.org/x",
        "memory://x",
        "file://nas/photos",
        "s3://a::s3://b",
        Path("s3://bucket/x"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(typed):
    with pytest.raises(UsageError):
        absolute(typed)


@pytest.mark.parametrize(
    "typed", ["s3://AKIAKEY:sesame@bucket/x", "sftp://ann:sesame@host/x", "s3://sesame@b"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(typed):
    with pytest.raises(UsageError) as raised:
        absolute(typed)
    assert "sesame" not in str(raised.value) and "AKIAKEY" not in str(raised.value)


def test_keys_that_can_be_names():
    assert all(map(is_name, ["a.jpg", "a b", "ü.jpg", "a\nb.jpg", "?", "\udce9.jpg", "..."]))
    assert not any(map(is_name, ["", ".", "..", "a/b", "/", "a\0b", "\ud800.jpg"]))


def test_what_two_addresses_share():
    assert common_address("s3://b/x/2015", "s3://b/x/2016") == "s3://b/x"
    assert common_address("s3://b/x", "s3://b/xy") == "s3://b"
    assert common_address("s3://a", "s3://b") is None
    assert common_address("/home/ann", "/home/ann") is None
