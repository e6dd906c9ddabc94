"""Kubeconfigs as kind and k3d write them: the right context is used, and the API server lets its user in.

Needs no cluster: the API server is a TLS server on port 0 that asks for a client's certificate.
"""

import base64
import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.e2e.cluster import ApiAccess, ClusterApi, Json

pytestmark = [
    pytest.mark.skipif(not shutil.which(program), reason=f"needs {program} on PATH")
    for program in ("kubectl", "openssl")
]


class Whoami(BaseHTTPRequestHandler):
    """Answers with the name in the client's certificate and with the token."""

    connection: ssl.SSLSocket

    def do_GET(self) -> None:
        certificate: Json = dict(self.connection.getpeercert() or {})
        name = dict(field for each in certificate.get("subject", ()) for field in each).get("commonName")
        body = json.dumps({"name": name, "token": self.headers.get("Authorization")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate and key of the server, which is its own authority, and those of a client that it signed."""
    folder = tmp_path_factory.mktemp("pki")
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    for line in (
        f"{made} -subj /CN=api -addext subjectAltName=IP:127.0.0.1 -keyout api.key -out api.crt",
        f"{made} -subj /CN=admin -CA api.crt -CAkey api.key -keyout client.key -out client.crt",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    """Where the API server is."""
    server = HTTPServer(("127.0.0.1", 0), Whoami)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "api.crt", folder / "api.key")
    tls.load_verify_locations(folder / "api.crt")
    tls.verify_mode = ssl.CERT_OPTIONAL
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def kubeconfig(server: str, current: str, authority: Json, user: Json) -> Json:
    """Two clusters; that of the current context comes second, as after `kind create cluster` beside another."""
    other: Json = {"cluster": {"server": "https://192.0.2.1"}}
    clusters = {"other": other, current: {"cluster": {"server": server} | authority}}
    users = {"other": {"user": {"token": "others"}}, current: {"user": user}}
    contexts = {name: {"context": {"cluster": name, "user": name}} for name in clusters}
    lists = {"clusters": clusters, "users": users, "contexts": contexts}
    return {"apiVersion": "v1", "kind": "Config", "current-context": current} | {
        key: [{"name": name} | each for name, each in entries.items()] for key, entries in lists.items()
    }


def data(folder: Path, **files: str) -> Json:
    """Files' contents as kubeconfigs hold them: `client_key="client.key"` becomes `client-key-data`."""
    return {
        f"{key.replace('_', '-')}-data": base64.b64encode((folder / name).read_bytes()).decode()
        for key, name in files.items()
    }


def test_certificates_within(folder: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = data(folder, certificate_authority="api.crt")
    user = data(folder, client_certificate="client.crt", client_key="client.key")
    seen = asked(kubeconfig(url, "kind-kubesleeper", authority, user), tmp_path / "config", monkeypatch)
    assert seen == {"name": "admin", "token": None}


def test_certificates_beside_it(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = {"certificate-authority": "api.crt"}
    user = {"client-certificate": "client.crt", "client-key": "client.key"}
    seen = asked(kubeconfig(url, "k3d-kubesleeper", authority, user), folder / "config", monkeypatch)
    assert seen == {"name": "admin", "token": None}


def test_a_token(folder: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = data(folder, certificate_authority="api.crt")
    seen = asked(kubeconfig(url, "ground", authority, {"token": "secret"}), tmp_path / "config", monkeypatch)
    assert seen == {"name": None, "token": "Bearer secret"}


def asked(config: Json, file: Path, monkeypatch: pytest.MonkeyPatch) -> Json:
    """What the API server says to whoever uses this kubeconfig; a second file that is not there is no matter."""
    file.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", f"{file}:{file}-missing")
    api = ClusterApi(ApiAccess.from_kubeconfig())
    try:
        return api.call("GET", "version")
    finally:
        api.close()
