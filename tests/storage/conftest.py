"""A real S3 server on the loopback address, with a counter of requests before it."""

import logging
import threading
from urllib.parse import unquote
from urllib.request import urlopen

import pytest


class S3Server:
    """`requests`: (method, path with query, Range) of all since `forget`. `refuse`: a function of the method
    and the path that gives (HTTP status, code) where the server is to refuse, else None."""

    def __init__(self, moto):
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)

        self._app = moto.DomainDispatcherApplication(moto.create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.requests, self.refuse = [], None
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], unquote(environ["PATH_INFO"])
        query = environ.get("QUERY_STRING", "")
        self.requests.append((method, f"{path}?{query}" if query else path, environ.get("HTTP_RANGE")))
        refused = self.refuse(method, path) if self.refuse else None
        if refused is None:
            return self._app(environ, start_response)
        status, code = refused
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        start_response(f"{status} No", [("Content-Type", "application/xml")])
        return [b"" if method == "HEAD" else body]

    def put_odd(self, bucket, key, data):
        """Past the server's front door, whose URLs do not take every key that S3 does."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, data)

    def forget(self):
        self.requests, self.refuse = [], None

    def fetched(self):
        """The paths of whole objects and parts that were sent."""
        return [path for method, path, _ in self.requests if method == "GET" and "list-type" not in path]

    def close(self):
        self._server.shutdown()


@pytest.fixture(scope="session")
def s3_server():
    pytest.importorskip("s3fs", reason="needs s3fs: pip install 'phototag[remote]'")
    pytest.importorskip("flask", reason="needs flask: pip install 'phototag[test]'")
    server = S3Server(pytest.importorskip("moto.server", reason="needs moto: pip install 'phototag[test]'"))
    yield server
    server.close()


@pytest.fixture
def s3(s3_server, monkeypatch, tmp_path):
    """A boto client of the server, which phototag uses too; all buckets are gone afterwards."""
    import boto3

    for name, value in {
        "AWS_ENDPOINT_URL": s3_server.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "do-not-show",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PHOTOTAG_OFFLINE")
    client = boto3.client("s3")
    s3_server.forget()
    yield client
    s3_server.forget()
    urlopen(f"{s3_server.url}/moto-api/reset", data=b"")


@pytest.fixture
def bucket(s3):
    s3.create_bucket(Bucket="museum")
    return "museum"
