"""The host guard: which addresses are refused, and that the socket goes only where it was checked."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.context import Call, Context, NetworkRules
from connectors.errors import ConfigError, HostRefused, Unavailable
from connectors.guard import is_public, refusal
from connectors.http import Http

READ = Call("list", "GET", safe=True)
HERE = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "::127.0.0.1",
    ],
)
def test_an_address_off_the_public_internet_is_refused_with_the_setting_that_allows_it(address: str) -> None:
    assert "CRM_ALLOWED_NETWORKS" in (refusal(address, "https", "crm.example", NetworkRules()) or "")


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_a_public_address_is_allowed_over_https(address: str) -> None:
    assert refusal(address, "https", "crm.example", NetworkRules()) is None


def test_a_network_named_in_the_settings_is_allowed_also_in_its_ipv6_spelling() -> None:
    rules = NetworkRules(allowed_networks=(ip_network("10.0.0.0/8"),))
    assert refusal("10.9.9.9", "http", "crm", rules) is None
    assert refusal("::ffff:10.9.9.9", "https", "crm", rules) is None
    assert refusal("192.168.1.1", "https", "crm", rules) is not None


def test_plain_http_to_a_public_address_needs_permission() -> None:
    assert "https" in (refusal("8.8.8.8", "http", "crm.example", NetworkRules()) or "")
    assert refusal("8.8.8.8", "http", "crm.example", NetworkRules(allow_http=True)) is None


def test_permission_for_plain_http_does_not_open_private_networks() -> None:
    assert refusal("10.0.0.1", "http", "crm", NetworkRules(allow_http=True)) is not None


def test_a_zone_in_an_address_does_not_confuse_the_guard() -> None:
    assert not is_public(ip_address("fe80::1%eth0"))


class Handler(BaseHTTPRequestHandler):
    asked: list[str] = []

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.fixture
def plain() -> Iterator[int]:
    Handler.asked.clear()
    yield from serve(HTTPServer(("127.0.0.1", 0), Handler))


def serve(server: HTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_this_machine_is_refused_however_its_address_is_spelled(plain: int, host: str) -> None:
    with pytest.raises(HostRefused, match="CRM_ALLOWED_NETWORKS"):
        Http(Context(network=NetworkRules(allow_http=True)), f"http://{host}:{plain}").send(READ)
    assert not Handler.asked


def test_a_name_with_an_allowed_address_among_others_is_reached_at_that_one(plain: int) -> None:
    rules = NetworkRules(allowed_networks=HERE)
    assert Http(Context(network=rules), f"http://localhost:{plain}").send(READ).status == 200


def test_a_proxy_of_the_environment_is_used_and_the_target_is_still_checked(
    plain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://user:pw@127.0.0.1:{plain}")
    rules = NetworkRules(allow_http=True)
    assert Http(Context(network=rules), "http://crm.invalid").send(READ, "list").status == 200
    assert Handler.asked == ["http://crm.invalid/list"]
    with pytest.raises(HostRefused):
        Http(Context(network=rules), "http://10.0.0.1").send(READ)


def certificate(name: str) -> tuple[bytes, bytes]:
    """Return (certificate, key) as PEM: its own authority, good for `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain_key = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return built.public_bytes(pem), plain_key


@pytest.fixture
def secure(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[int]:
    cert, key = certificate(getattr(request, "param", "localhost"))
    (tmp_path / "cert.pem").write_bytes(cert)
    (tmp_path / "both.pem").write_bytes(cert + key)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *args: None  # type: ignore[method-assign]
    yield from serve(server)


def test_a_certificate_nobody_vouches_for_is_refused_and_the_bundle_is_named(secure: int) -> None:
    with pytest.raises(ConfigError, match="not trusted.*CA bundle"):
        Http(Context(network=NetworkRules(allowed_networks=HERE)), f"https://localhost:{secure}").send(READ)


def test_a_ca_bundle_of_the_connection_is_trusted(secure: int, tmp_path: Path) -> None:
    rules = NetworkRules(allowed_networks=HERE, ca_bundle=str(tmp_path / "cert.pem"))
    http = Http(Context(network=rules), f"https://localhost:{secure}")
    assert http.send(READ).status == 200
    http.close()


class Tunnel(BaseHTTPRequestHandler):
    """A proxy that tunnels whatever is asked to one port of this machine."""

    asked: list[str] = []
    port = 0

    def log_message(self, *args: object) -> None:
        pass

    def do_CONNECT(self) -> None:
        self.asked.append(self.path)
        with socket.create_connection(("127.0.0.1", self.port)) as there:
            self.send_response(200)
            self.end_headers()
            up = threading.Thread(target=copy, args=(self.connection, there))
            up.start()
            copy(there, self.connection)
            up.join()
        self.close_connection = True


def copy(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until one side closes, then say so to the other."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_a_proxy_tunnels_tls_to_the_host_whose_certificate_is_checked(
    secure: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Tunnel.port = secure
    Tunnel.asked.clear()
    for proxy in serve(ThreadingHTTPServer(("127.0.0.1", 0), Tunnel)):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy}")
        monkeypatch.delenv("no_proxy", raising=False)
        rules = NetworkRules(allowed_networks=HERE, ca_bundle=str(tmp_path / "cert.pem"))
        http = Http(Context(network=rules), "https://localhost:7777")
        assert http.send(READ, "list").status == 200
        http.close()
    assert Tunnel.asked == ["localhost:7777"]


def test_another_bundle_in_the_same_place_is_not_taken_for_the_last(secure: int, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    rules = NetworkRules(allowed_networks=HERE, ca_bundle=str(bundle))
    for pem, trusted in (((tmp_path / "cert.pem").read_bytes(), True), (certificate("localhost")[0], False)):
        bundle.unlink(missing_ok=True)
        bundle.write_bytes(pem)
        http = Http(Context(network=rules), f"https://localhost:{secure}")
        if trusted:
            assert http.send(READ).status == 200
        else:
            with pytest.raises(ConfigError, match="not trusted"):
                http.send(READ)
        http.close()


@pytest.mark.parametrize("secure", ["other.example"], indirect=True)
def test_a_trusted_certificate_of_another_name_is_refused(secure: int, tmp_path: Path) -> None:
    rules = NetworkRules(allowed_networks=HERE, ca_bundle=str(tmp_path / "cert.pem"))
    with pytest.raises(ConfigError, match="not trusted"):
        Http(Context(network=rules), f"https://localhost:{secure}").send(READ)


def test_a_ca_bundle_that_is_not_there_is_a_mistake_of_the_settings() -> None:
    rules = NetworkRules(allowed_networks=HERE, ca_bundle="/nowhere/ca.pem")
    with pytest.raises(ConfigError, match="CA bundle"):
        Http(Context(network=rules), "https://localhost:1").send(READ)


def test_https_to_a_server_without_tls_was_certainly_not_done(plain: int) -> None:
    with pytest.raises(Unavailable, match="is it http") as caught:
        Http(Context(network=NetworkRules(allowed_networks=HERE)), f"https://localhost:{plain}").send(
            Call("create", "POST", safe=False)
        )
    assert not caught.value.maybe_done
