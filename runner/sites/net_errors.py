"""Chromium's network errors (`net::ERR_…`) in words for a person, each with a cure."""

from __future__ import annotations

from dataclasses import dataclass

BLOCKED = frozenset({"ERR_BLOCKED_BY_CLIENT", "ERR_BLOCKED_BY_ADMINISTRATOR"})
"""How a request looks that was stopped on our side."""

NOT_RESOLVED = frozenset(
    {"ERR_NAME_NOT_RESOLVED", "ERR_NAME_RESOLUTION_FAILED", "ERR_DNS_TIMED_OUT", "ERR_ICANN_NAME_COLLISION"}
)

TIMED_OUT = frozenset({"ERR_TIMED_OUT", "ERR_CONNECTION_TIMED_OUT"})


@dataclass(frozen=True, kw_only=True)
class NetWords:
    """What happened, to be read after the host's name, and what to do now."""

    what: str
    cure: str


_STARTED = "Is the site running, and is its address (base_url) right? `runner doctor` shows what was found."
_LINE = "When it stays so, look at this machine's network."

_WORDS: dict[str, NetWords] = {
    "ERR_ABORTED": NetWords(
        what="was left before it had loaded: another page took its place, or its page died", cure=_LINE
    ),
    "ERR_CONNECTION_REFUSED": NetWords(what="refused the connection: nothing listens there", cure=_STARTED),
    "ERR_CONNECTION_RESET": NetWords(what="broke the connection off", cure=_LINE),
    "ERR_CONNECTION_CLOSED": NetWords(what="closed the connection without an answer", cure=_LINE),
    "ERR_CONNECTION_ABORTED": NetWords(what="closed the connection without an answer", cure=_LINE),
    "ERR_EMPTY_RESPONSE": NetWords(what="closed the connection without an answer", cure=_LINE),
    "ERR_SOCKET_NOT_CONNECTED": NetWords(what="lost the connection", cure=_LINE),
    "ERR_INVALID_HTTP_RESPONSE": NetWords(what="answered something that is not HTTP", cure=_STARTED),
    "ERR_INCOMPLETE_CHUNKED_ENCODING": NetWords(what="broke off in the middle of its answer", cure=_LINE),
    "ERR_CONTENT_LENGTH_MISMATCH": NetWords(what="broke off in the middle of its answer", cure=_LINE),
    "ERR_HTTP2_PROTOCOL_ERROR": NetWords(what="broke the rules of HTTP/2", cure=_LINE),
    "ERR_TOO_MANY_REDIRECTS": NetWords(
        what="redirects in a circle", cure="Open the page by hand: often a cookie is at fault."
    ),
    "ERR_INTERNET_DISCONNECTED": NetWords(what="cannot be reached: this machine has no network", cure=_LINE),
    "ERR_NETWORK_CHANGED": NetWords(what="was lost because this machine changed its network", cure=_LINE),
    "ERR_ADDRESS_UNREACHABLE": NetWords(what="has an address that cannot be reached from here", cure=_LINE),
    "ERR_PROXY_CONNECTION_FAILED": NetWords(
        what="was not reached: the proxy does not answer", cure="Check the proxy in browser.args."
    ),
    "ERR_TUNNEL_CONNECTION_FAILED": NetWords(
        what="was not reached: the proxy refuses it", cure="Check the proxy in browser.args."
    ),
    "ERR_UNSAFE_PORT": NetWords(what="has a port that browsers refuse to open", cure="Serve the site on another port."),
    "ERR_SSL_PROTOCOL_ERROR": NetWords(
        what="does not speak TLS properly",
        cure="Is it http instead of https? Check base_url and the site's certificate set-up.",
    ),
    "ERR_CERT_AUTHORITY_INVALID": NetWords(
        what="shows a TLS certificate that nobody trusted has signed",
        cure="Install the certificate's authority on this machine, or mend the site's certificate.",
    ),
    "ERR_CERT_DATE_INVALID": NetWords(
        what="shows a TLS certificate that is out of date",
        cure="Renew the site's certificate, or set this machine's clock.",
    ),
    "ERR_CERT_COMMON_NAME_INVALID": NetWords(
        what="shows a TLS certificate for another name",
        cure="Use the name in the certificate as base_url, or mend the certificate.",
    ),
}

_DNS = NetWords(
    what="is a name that DNS does not know", cure="Check the spelling of base_url and this machine's name resolution."
)
_TIMED_OUT = NetWords(what="did not answer in time", cure=_LINE)
_TLS = NetWords(what="cannot be trusted: its TLS certificate is not valid", cure="Mend the site's certificate.")
_OTHER = NetWords(what="could not be loaded", cure=_LINE)


def words(code: str) -> NetWords:
    """The words for a code such as `ERR_CONNECTION_REFUSED`; also for codes that nobody has listed."""
    if code in _WORDS:
        return _WORDS[code]
    if code in NOT_RESOLVED:
        return _DNS
    if code in TIMED_OUT:
        return _TIMED_OUT
    if code.startswith(("ERR_CERT_", "ERR_SSL_", "ERR_BAD_SSL_")):
        return _TLS
    return _OTHER
