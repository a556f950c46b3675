"""Pages whose offer appears only after a script ran: crawled, shown and photographed by a real Chromium."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from crawler.browser import page as browser_page
from crawler.browser.capture import Rendered, capture_page
from crawler.browser.passes import ProxyLimits
from crawler.browser.screenshots import MAX_HEIGHT_PX
from domain.errors import AddressRefused, FetchRefused, FetchTooLarge
from domain.settings import Settings

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="Debian's chromium is not installed")

REPOSITORY = Path(__file__).resolve().parents[2]
STAGE = "<!doctype html><title>Shop</title><style>body{margin:0}</style><div id='root'></div>"
OFFER = """fetch('/api/offer').then(answer => answer.json()).then(offer => {
  document.getElementById('root').innerHTML = `<h1 itemprop="name">${offer.name}</h1>
    <b itemprop="price">${offer.price}</b><img src="/red.png" width=100 height=100>`;
});"""
BANDS = "".join(f'<div style="height:1000px;background:rgb({10 * n},{250 - 10 * n},0)"></div>' for n in range(24))


def red_png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (1, 1), (255, 0, 0)).save(out, "PNG")
    return out.getvalue()


PAGES: dict[str, tuple[str, bytes]] = {
    "/offer": ("text/html", f"{STAGE}<script src='/offer.js'></script>".encode()),
    "/offer.js": ("text/javascript", OFFER.encode()),
    "/api/offer": ("application/json", b'{"name": "Aurelle bag", "price": "12.50"}'),
    "/red.png": ("image/png", red_png()),
    "/tall": ("text/html", f"<!doctype html><style>body{{margin:0}}</style>{BANDS}".encode()),
    "/cookies": (
        "text/html",
        b"<!doctype html><p id=p></p><script>p.textContent = 'had:' + document.cookie + (localStorage.a || '');"
        b"document.cookie = 'seen=1'; localStorage.a = 'kept'</script>",
    ),
    "/rude": (
        "text/html",
        b"<!doctype html><body onbeforeunload='return false'><p>rude</p><script>alert('a'); confirm('b');"
        b"window.open('/popup'); document.write('<p>still here</p>'); location = '/elsewhere';"
        b"Object.defineProperty(Element.prototype, 'outerHTML', {get() { return 'spoofed' }});"
        b"navigator.serviceWorker && navigator.serviceWorker.register('/worker.js').catch(() => {});"
        b"const a = document.createElement('a'); a.href = '/download'; a.download = 'x'; a.click();"
        b"setInterval(() => document.body.append('tick'), 1)</script>",
    ),
    "/stuck": ("text/html", b"<!doctype html><p>stuck</p><script>setTimeout(() => { while (true); }, 50)</script>"),
    "/memory": (
        "text/html",
        b"<!doctype html><script>const all = []; while (true) all.push(new Array(1e6).fill(all.length + .5))</script>",
    ),
    "/huge": (
        "text/html",
        b"<!doctype html><p id=p></p><script>p.textContent = 'x'.repeat(3000000)</script>",
    ),
    "/waits": ("text/html", b"<!doctype html><p>shown</p><img src='/never'>"),
    "/heavy": ("text/html", b"<!doctype html><p id=p></p><script src='/heavy.js'></script>"),
    "/heavy.js": ("text/javascript", b"p.textContent = 'ran'; //" + b"x" * 3_000_000),
}


PAGES["/cookies-again"] = PAGES["/cookies"]


class Shop:
    """Counts what is asked for."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._scheme = "https" if tls else "http"
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self._closing = Event()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.asked.append(self.path)
                shop.agents.add(self.headers["User-Agent"])
                if self.path == "/never":
                    shop._closing.wait()
                elif self.path == "/to-inside":
                    self._say(302, "text/plain", b"", Location="http://10.0.0.1/")
                elif self.path == "/to-errand":
                    self._say(302, "text/plain", b"", Location="http://pass.invalid/icon")
                elif self.path == "/moved":
                    self._say(302, "text/plain", b"", Location="/offer")
                elif self.path in PAGES:
                    self._say(200, *PAGES[self.path])
                else:
                    self._say(404, "text/html", b"<!doctype html><p>no such page")

            def _say(self, status: int, kind: str, body: bytes, **headers: str) -> None:
                self.send_response(status)
                for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a browser that does not trust us hangs up

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls:
            # the handshake is left to the threads that answer
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}{path}"

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    running = Shop()
    yield running
    running.close()


def crawl(urls: list[str], *, screenshots: bool = False, kill: str = "", **settings: Any) -> list[dict[str, Any]]:
    """Each URL asked for plainly and then looked at, by Scrapy in a process of its own."""
    chosen = {"allow_loopback": True, "contact": "desk@example.com"} | settings
    done = subprocess.run(
        [sys.executable, "-W", "error", str(Path(__file__).with_name("browser_spider.py"))],
        input=json.dumps({"urls": urls, "screenshots": screenshots, "kill": kill, "settings": chosen}),
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def capture(url: str, **limits: Any) -> Rendered:
    return capture_page(url, Settings(allow_loopback=True, max_page_bytes=1_000_000), limits=ProxyLimits(**limits))


def opened(png: bytes) -> tuple[Image.Image, int, dict[str, str]]:
    """The picture, where the page's own pixels begin, and what its strip says."""
    image = Image.open(BytesIO(png))
    image.load()
    told: dict[str, str] = image.text  # type: ignore[attr-defined]
    return image, int(told["Strip height"].split()[0]), told


def test_an_offer_that_a_script_makes_is_crawled(shop: Shop) -> None:
    (said,) = crawl([shop.url("/offer")], screenshots=True)
    assert "Aurelle" not in said["plain"]
    assert '<h1 itemprop="name">Aurelle bag</h1>' in said["shown"]
    assert '<b itemprop="price">12.50</b>' in said["shown"]
    assert said["status"] == 200
    assert said["settled"] is True
    assert said["html_sha256"] == hashlib.sha256(said["shown"].encode()).hexdigest()
    # the page itself is asked for once: the browser is given what came
    assert sorted(shop.asked) == ["/api/offer", "/offer", "/offer.js", "/red.png", "/robots.txt"]
    assert shop.agents == {"Assayer/0.1 (+desk@example.com)"}
    image, top, told = opened(base64.b64decode(said["full"]))
    assert told["HTML SHA-256"] == said["html_sha256"]
    assert told["URL"] == shop.url("/offer")
    assert told["Captured"].endswith("UTC by Assayer/0.1 (+desk@example.com)")
    page = image.crop((0, top, *image.size)).convert("RGB")
    assert (10_000, (255, 0, 0)) in (page.getcolors(1 << 20) or ()), "the picture is there, in its size"


def test_pages_know_nothing_of_each_other_and_one_that_fails_harms_no_other(shop: Shop) -> None:
    urls = [shop.url(path) for path in ("/cookies", "/huge", "/rude", "/waits", "/cookies-again")]
    said = {line["url"]: line for line in crawl(urls, max_page_bytes=1_000_000)}
    for path in ("/cookies", "/cookies-again"):
        assert "had:<" in said[shop.url(path)]["shown"]
    assert said[shop.url("/huge")]["error"][0] == "FetchTooLarge"
    rude = said[shop.url("/rude")]["shown"]
    assert "<p>rude</p>" in rude
    assert "<p>still here</p>" in rude
    assert "spoofed" not in rude.replace("'spoofed'", "")
    assert "shown" in said[shop.url("/waits")]["shown"]
    assert said[shop.url("/rude")]["led_to"] == [shop.url("/popup"), shop.url("/elsewhere")]
    assert not {"/popup", "/elsewhere", "/worker.js", "/never"} & set(shop.asked)


def test_a_browser_that_dies_is_started_again(shop: Shop) -> None:
    urls = [shop.url(path) for path in ("/cookies", "/memory", "/offer", "/cookies-again")]
    said = {line["url"]: line for line in crawl(urls, kill="/offer")}
    assert said[shop.url("/memory")]["error"][0] == "FetchRefused", "its process ran out of memory"
    # the one under way when it died is shown in the next, or fails; the crawl goes on
    assert "had:<" in said[shop.url("/cookies-again")]["shown"]
    assert "Aurelle" in said[shop.url("/offer")]["shown"]


def test_without_a_chromium_the_look_fails_and_the_page_stays(shop: Shop) -> None:
    (said,) = crawl([shop.url("/offer")], browser_path="/no/such/chromium")
    assert said["error"][0] == "SettingRefused"
    assert "ASSAYER_BROWSER_PATH" in said["error"][1]
    assert "root" in said["plain"]


def test_a_page_is_captured_with_its_screenshots(shop: Shop) -> None:
    page = capture(shop.url("/moved"))
    assert b"Aurelle bag" in page.html
    assert (page.url, page.final_url, page.status) == (shop.url("/moved"), shop.url("/offer"), 200)
    assert page.headers["content-type"] == "text/html"
    viewport, top, told = opened(page.screenshots.viewport)
    assert viewport.size == (1280, 960 + top)
    assert told["URL"] == shop.url("/offer")
    assert told["HTML SHA-256"] == hashlib.sha256(page.html).hexdigest()
    assert not page.screenshots.cut


def test_a_page_that_is_gone_says_so_itself(shop: Shop) -> None:
    assert capture(shop.url("/gone")).status == 404


def test_a_tall_page_is_shown_whole_up_to_a_height_and_the_cut_is_told(shop: Shop) -> None:
    page = capture(shop.url("/tall"))
    image, top, told = opened(page.screenshots.full)
    assert page.screenshots.page_height_px == 24_000
    assert page.screenshots.cut
    assert image.size == (1280, MAX_HEIGHT_PX + top)
    assert "CUT" in told["Shows"]
    assert [image.getpixel((640, top + 1000 * n + 500)) for n in range(20)] == [
        (10 * n, 250 - 10 * n, 0) for n in range(20)
    ]


def test_what_leads_inside_or_nowhere_is_no_answer_of_the_site(shop: Shop) -> None:
    with pytest.raises(AddressRefused, match=r"redirects to 10\.0\.0\.1:80: 10\.0\.0\.1 is not a public address"):
        capture(shop.url("/to-inside"))
    with pytest.raises(FetchRefused, match=r"redirects to pass\.invalid:80: an errand"):
        capture(shop.url("/to-errand"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        closed = listening.getsockname()[1]
    with pytest.raises(FetchRefused, match="no connection to"):
        capture(f"http://127.0.0.1:{closed}/")
    with pytest.raises(AddressRefused):
        capture_page(shop.url("/offer"), Settings())


def test_scripts_that_never_end_are_left(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_page, "QUIET_MS", 500)
    monkeypatch.setattr(browser_page, "STOP_S", 1.0)
    with pytest.raises(FetchRefused, match="its scripts never end"):
        capture(shop.url("/stuck"))


def test_one_page_has_only_so_much_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.browser.capture.TOTAL_S", 1.0)
    with pytest.raises(FetchRefused, match="not shown within 1 s"):
        capture(shop.url("/waits"))


def test_a_certificate_that_cannot_be_trusted_is_no_answer(tmp_path: Path) -> None:
    """And TLS passes through the proxy unopened: it is Chromium that saw the certificate."""
    names: list[str] = []
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(self_signed(tmp_path))
    serving.sni_callback = lambda connection, name, context: names.append(name)
    secured = Shop(serving)
    try:
        with pytest.raises(FetchRefused, match="ERR_CERT_AUTHORITY_INVALID"):
            capture_page(
                secured.url("/offer").replace("127.0.0.1", "shop.example"),
                Settings(allow_loopback=True),
                resolver=lambda host, port, timeout_s: [ip_address("127.0.0.1")],
            )
    finally:
        secured.close()
    assert set(names) == {"shop.example"}
    assert secured.asked == []


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = folder / "shop.pem"
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    return file


def test_a_page_that_never_becomes_quiet_is_shown_as_far_as_it_came(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_page, "QUIET_MS", 500)
    page = capture(shop.url("/waits"))
    assert not page.settled
    assert b"shown" in page.html


def test_a_page_gets_no_more_bytes_than_it_may(shop: Shop) -> None:
    assert b'<p id="p">ran</p>' in capture(shop.url("/heavy")).html
    assert b'<p id="p"></p>' in capture(shop.url("/heavy"), total_bytes=1_000_000).html


def test_more_html_than_allowed_is_refused(shop: Shop) -> None:
    with pytest.raises(FetchTooLarge):
        capture(shop.url("/huge"))
