"""The S3 server of tests/storage, for clusters too."""

from tests.storage.conftest import bucket, s3, server  # noqa: F401
