"""The origin allowlist in real browsers: whatever a page tries, nothing reaches a port that is not allowed."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import selectors
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runner.browser import guard as guarding
from runner.browser.discovery import Browser, BrowserMissing, find_browser

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


class Trap:
    """Listens on TCP and UDP of one port, on IPv4 and IPv6 loopback, and notes whatever arrives."""

    def __init__(self) -> None:
        self.caught: list[str] = []
        self._waker, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker, selectors.EVENT_READ, "stop")
        tcp = socket.socket()
        tcp.bind(("127.0.0.1", 0))
        self.port: int = tcp.getsockname()[1]
        tcp6 = socket.socket(socket.AF_INET6)
        tcp6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        tcp6.bind(("::1", self.port))
        udp = socket.socket(type=socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", self.port))
        for each in (tcp, tcp6):
            each.listen()
            self._selector.register(each, selectors.EVENT_READ, "tcp")
        self._selector.register(udp, selectors.EVENT_READ, "udp")
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _listen(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data == "stop":
                    return
                if key.data == "udp":
                    self.caught.append(f"udp {key.fileobj.recv(2048)[:8]!r}")
                    continue
                connection, _ = key.fileobj.accept()
                connection.settimeout(2)
                try:
                    first = connection.recv(2048)
                except OSError:
                    first = b""
                self.caught.append("tcp " + (first.split(b" HTTP")[0][:80].decode("latin-1") or "(connected only)"))
                connection.close()

    def close(self) -> None:
        self._wake.send(b"x")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._wake.close()
        self._selector.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


def browsers_of_this_machine() -> list[Browser]:
    found = [find_browser(configured=None, headless=True)]
    with contextlib.suppress(BrowserMissing):  # only a headless shell: the allowlist is proved for what is here
        found.append(find_browser(configured=None, headless=False))
    return list({str(each.path): each for each in found}.values())


EVERY_BROWSER = pytest.mark.parametrize("browser", browsers_of_this_machine(), ids=lambda each: each.path.name)

EVERYTHING = """<!doctype html><title>trying</title>
<link rel="preconnect" href="{bad}"><link rel="dns-prefetch" href="{bad}"><link rel="prefetch" href="{bad}/prefetch">
<link rel="preload" as="image" href="{bad}/preload"><link rel="modulepreload" href="{bad}/module.js">
<link rel="stylesheet" href="{bad}/style.css"><link rel="icon" href="{bad}/icon.png">
<style>@font-face {{ font-family: F; src: url({bad}/font) }}
body {{ font-family: F; background: url({bad}/background) }}</style>
<script type="speculationrules">{{"prerender": [{{"urls": ["{bad}/prerender"], "eagerness": "immediate"}}]}}</script>
<img src="{bad}/img"><iframe src="{bad}/iframe"></iframe><object data="{bad}/object"></object>
<video src="{bad}/video"></video><script src="{bad}/script.js"></script>
<a id="ping" href="#here" ping="{bad}/ping">ping</a>
<body>text<script>
const settled = promise => Promise.race([promise.catch(String), new Promise(done => setTimeout(done, 2500))])
const event = (target, ...names) => new Promise(done => names.forEach(name => target.addEventListener(name, done)))
const loaded = event(window, 'load')
document.getElementById('ping').click()
navigator.sendBeacon('{bad}/beacon', 'x')
const socket = new WebSocket('{bad_ws}/socket')
const stream = new EventSource('{bad}/events')
const worker = new Worker(URL.createObjectURL(new Blob([
  "fetch('{bad}/worker').catch(() => 0).then(() => postMessage(1))"])))
const request = new XMLHttpRequest(); request.open('POST', '{bad}/xhr'); request.send('x')
async function service() {{
  const registration = await navigator.serviceWorker.register('/sw.js')
  await navigator.serviceWorker.ready
  const channel = new MessageChannel()
  const answer = event(channel.port1, 'message'); channel.port1.start()
  registration.active.postMessage('go', [channel.port2])
  return answer
}}
async function rtc() {{
  const peer = new RTCPeerConnection({{iceServers: [{{urls: 'stun:127.0.0.1:{port}'}},
    {{urls: 'turn:127.0.0.1:{port}?transport=tcp', username: 'u', credential: 'c'}},
    {{urls: 'turn:127.0.0.1:{port}?transport=udp', username: 'u', credential: 'c'}}]}})
  peer.createDataChannel('d')
  const complete = new Promise(done => peer.onicegatheringstatechange =
    () => peer.iceGatheringState == 'complete' && done())
  await peer.setLocalDescription(await peer.createOffer())
  return complete
}}
window.done = Promise.all([
  loaded, fetch('{bad}/fetch', {{method: 'POST', body: 'x', mode: 'no-cors'}}), fetch('/redirect'),
  fetch('http://localhost:{port}/localhost'), fetch('http://[::1]:{port}/v6'), fetch('{bad_https}/tls'),
  event(socket, 'open', 'error'), event(stream, 'open', 'error'), event(worker, 'message', 'error'),
  event(request, 'loadend'), service(), rtc(),
  'WebTransport' in window ? new WebTransport('{bad_https}/transport').ready : Promise.resolve(),
].map(settled))
</script>"""

SERVICE_WORKER = """onmessage = async message => {{
  await fetch('{bad}/service', {{mode: 'no-cors'}}).catch(String)
  message.ports[0].postMessage('tried')
}}"""


@pytest.fixture
def trying(web, trap) -> str:
    """A page that tries everything to reach the trap; its `window.done` settles when all has been tried."""
    places = {
        "bad": trap.origin,
        "bad_ws": trap.origin.replace("http", "ws"),
        "bad_https": trap.origin.replace("http", "https"),
        "port": trap.port,
    }
    web.page("/redirect", "", status=302, Location=f"{trap.origin}/redirected")
    web.page("/go", "", status=302, Location=f"{trap.origin}/navigated")
    web.page("/sw.js", SERVICE_WORKER.format(**places), Content_Type="text/javascript")
    return web.page("/", EVERYTHING.format(**places))


@EVERY_BROWSER
async def test_nothing_reaches_an_origin_that_is_not_allowed(open_session, web, trap, trying, browser, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", trap.origin)
    monkeypatch.setenv("http_proxy", trap.origin)
    monkeypatch.setenv("ALL_PROXY", trap.origin)
    session = await open_session(browser=browser)
    await session.page.goto(trying)
    await session.within(20, session.page.evaluate("done.then(() => 1)"), "trying everything")
    await session.page.evaluate("navigator.serviceWorker.getRegistration().then(found => found.unregister())")
    web.page("/meta", f'<meta http-equiv="refresh" content="0;url={trap.origin}/meta">')
    web.page(
        "/form", f'<form method=post action="{trap.origin}/form"></form><script>document.forms[0].submit()</script>'
    )
    for path in ("/go", "/meta", "/form"):
        page = await session.context.new_page()
        async with page.expect_request(lambda asked: asked.url.startswith(trap.origin), timeout=5000):
            await page.evaluate("url => { setTimeout(() => { location.href = url }) }", web.url(path))
    for url in (
        trap.origin,
        f"http://localhost:{trap.port}",
        f"http://[::1]:{trap.port}",
        f"http://0.0.0.0:{trap.port}",
    ):
        with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
            await session.page.goto(url)
    assert trap.caught == []


@EVERY_BROWSER
async def test_the_page_that_tries_everything_would_get_through(open_session, web, trap, trying, browser):
    """The control of the test above: with the trap allowed, every one of these ways does reach it."""
    session = await open_session(browser=browser, allowed_origins=(web.origin, trap.origin))
    await session.page.goto(trying)
    await session.within(20, session.page.evaluate("done.then(() => 1)"), "trying everything")
    caught = {each.rpartition("/")[2] for each in trap.caught}
    assert caught >= {"fetch", "redirected", "xhr", "beacon", "socket", "events", "worker", "service"}
    assert caught >= {"img", "iframe", "object", "video", "script.js", "module.js", "style.css", "font", "background"}
    assert caught >= {"prefetch", "preload", "prerender"}
    assert [each for each in trap.caught if each.startswith("tcp \x00\x03")], "TURN over TCP"


async def test_webrtc_would_send_datagrams_without_its_switches(open_session, trap, trying, monkeypatch):
    """The control for UDP: the resolver's rules alone do not hold WebRTC back."""
    without = tuple(switch for switch in guarding.SWITCHES if "webrtc" not in switch)
    monkeypatch.setattr(guarding, "SWITCHES", without)
    session = await open_session()
    await session.page.goto(trying)
    await session.within(20, session.page.evaluate("done.then(() => 1)"), "trying everything")
    assert [each for each in trap.caught if each.startswith("udp")]


async def test_refused_requests_are_recorded_counted_and_shown(open_session, web, trap):
    shown = []
    web.page("/redirect", "", status=302, Location=f"{trap.origin}/redirected")
    web.page(
        "/",
        f"""<img src="{trap.origin}/img"><script>window.done = Promise.allSettled([fetch('/redirect'),
        new Promise(done => new WebSocket('ws://127.0.0.1:{trap.port}/socket').onerror = done)])</script>""",
    )
    session = await open_session(on_blocked=shown.append)
    await session.page.goto(web.url("/"))
    await session.page.evaluate("done.then(() => 1)")
    refused = {(each.url.rpartition("/")[2], each.resource_type) for each in session.blocked}
    assert refused == {("img", "image"), ("redirected", "fetch"), ("socket", "websocket")}
    assert session.guard.count == 3
    assert shown == session.blocked
    assert {line.url for line in session.ring.network.lines() if line.blocked} == {each.url for each in shown}


async def test_what_never_leaves_the_browser_is_allowed(open_session, web):
    pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
    web.page("/", f"<img src='{pixel}'><script>fetch(URL.createObjectURL(new Blob(['x'])))</script>")
    session = await open_session()
    await session.page.goto("about:blank")
    await session.page.goto(web.url("/"))
    assert session.blocked == []


async def test_an_argument_of_the_operator_cannot_lift_the_allowlist(open_session, trap):
    session = await open_session(args=("--host-resolver-rules=MAP * 127.0.0.1", f"--proxy-server={trap.origin}"))
    with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        await session.page.goto(trap.origin)
    assert trap.caught == []


async def test_permissions_and_downloads_are_off(open_session, web):
    web.page("/file", "x", Content_Disposition="attachment; filename=x.bin")
    web.page("/", '<a href="/file">Download</a>')
    session = await open_session()
    await session.page.goto(web.url("/"))
    place = """new Promise(done => navigator.geolocation.getCurrentPosition(() => done('told'), e => done(e.code)))"""
    assert await session.within(5, session.page.evaluate(place), "asking for the place") == 1
    assert await session.within(5, session.page.evaluate("Notification.requestPermission()"), "asking") == "denied"
    async with session.page.expect_download() as download:
        await session.page.get_by_role("link").click()
    assert await (await download.value).failure()


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's certificate for 127.0.0.1 that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def secure_origin(tmp_path) -> Iterator[str]:
    class Hello(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<title>secure</title>")

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    server.daemon_threads = True
    server.socket = certificate(tmp_path).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


async def test_a_secure_origin_can_be_allowed(open_session, secure_origin, trap):
    session = await open_session(allowed_origins=(secure_origin,), args=("--ignore-certificate-errors",))
    await session.page.goto(secure_origin)
    assert await session.page.title() == "secure"
    with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        await session.page.goto(trap.origin.replace("http", "https"))
    assert trap.caught == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(open_session, secure_origin):
    session = await open_session(allowed_origins=(secure_origin,))
    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
        await session.page.goto(secure_origin)


async def test_a_name_is_allowed_without_its_other_ports(open_session, web, trap):
    web.page("/", "<title>by name</title>")
    session = await open_session(allowed_origins=(f"http://localhost:{web.port}",))
    await session.page.goto(f"http://localhost:{web.port}/")
    assert await session.page.title() == "by name"
    for url in (web.url("/"), f"http://localhost:{trap.port}/"):
        with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
            await session.page.goto(url)
