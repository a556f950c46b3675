"""The certificate that a TLS server shows is the one whose fingerprint a capture keeps."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from twisted.internet.ssl import Certificate

from crawler.capture.certificate import certificate_der

CRAWL = """
import asyncio, json, sys
import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from crawler.capture.certificate import certificate_der
from hashlib import sha256


class Looks(scrapy.Spider):
    name = "looks"
    start_urls = sys.argv[1:]
    custom_settings = {"LOG_ENABLED": False, "TELNETCONSOLE_ENABLED": False, "HTTPERROR_ALLOW_ALL": True,
                       "ROBOTSTXT_OBEY": False}

    def parse(self, response):
        der = certificate_der(response.certificate)
        found = {"der": der and sha256(der).hexdigest(), "ip": str(response.ip_address), "size": len(response.body)}
        print(json.dumps({response.url: found}), flush=True)


process = AsyncCrawlerProcess()
process.crawl(Looks)
process.start()
"""


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"" if self.path == "/empty" else b"a page"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _serve(context: ssl.SSLContext | None) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def self_made(folder: Path) -> tuple[Path, bytes]:
    """(PEM file of key and certificate, the certificate's DER)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    path = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    return path, certificate.public_bytes(Encoding.DER)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[str, str, bytes]]:
    """(HTTPS address, HTTP address, the certificate's DER)."""
    path, der = self_made(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    secure, plain = _serve(context), _serve(None)
    yield f"https://127.0.0.1:{secure.server_port}", f"http://127.0.0.1:{plain.server_port}", der
    for server in (secure, plain):
        server.shutdown()
        server.server_close()


def test_scrapy_gives_the_certificate_that_the_server_showed(servers: tuple[str, str, bytes]) -> None:
    secure, plain, der = servers
    urls = [f"{secure}/page", f"{secure}/empty", f"{plain}/page"]
    done = subprocess.run([sys.executable, "-c", CRAWL, *urls], capture_output=True, text=True, timeout=120, check=True)
    found: dict[str, dict[str, object]] = {}
    for line in done.stdout.splitlines():
        found |= json.loads(line)
    fingerprint = sha256(der).hexdigest()
    assert found == {
        urls[0]: {"der": fingerprint, "ip": "127.0.0.1", "size": 6},
        urls[1]: {"der": fingerprint, "ip": "127.0.0.1", "size": 0},
        urls[2]: {"der": None, "ip": "127.0.0.1", "size": 6},
    }


def test_every_form_that_a_handler_gives_is_understood(tmp_path: Path) -> None:
    path, der = self_made(tmp_path)
    assert certificate_der(Certificate.loadPEM(path.read_bytes())) == der
    assert certificate_der(der) == der
    assert certificate_der(Certificate(None)) is None
    for nothing in (None, b"", "text"):
        assert certificate_der(nothing) is None
