"""One address for a page that many addresses lead to, as far as addresses tell. No I/O.

What is taken out never says what is shown: where a visitor came from, and which visit it is. A parameter whose name may
mean something else to another shop (``ref``, ``src``, ``sid``, ``tag``) stays: reading a page twice costs a request,
taking two pages for one loses a listing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote, urlsplit, urlunsplit

from w3lib.url import canonicalize_url

# by who sets them
# fmt: off
_TRACKING = frozenset(
    {
        # Google
        "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "srsltid", "_ga", "_gac",
        "_gl",
        # networks that mark what is clicked
        "fbclid", "msclkid", "yclid", "ysclid", "twclid", "ttclid", "li_fat_id", "epik", "igshid", "igsh",
        # mail
        "mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "__hstc", "__hssc", "__hsfp", "hsctatracking", "vero_id",
        "oly_anon_id", "oly_enc_id", "_kx",
        # affiliates
        "cjevent", "irclickid", "irgwc", "s_kwcid", "ef_id", "rb_clickid", "wickedid",
        # eBay, for its partners
        "_trkparms", "_trksid", "mkevt", "mkcid", "mkrid",
        # Etsy
        "click_key", "click_sum", "ga_order", "ga_search_type", "ga_view_type", "ga_search_query",
    }
)
# fmt: on
_TRACKING_PREFIXES = ("utm_", "mtm_", "pf_rd_", "pd_rd_")
_SESSIONS = frozenset(("phpsessid", "jsessionid", "oscsid", "xtcsid", "zenid", "cftoken"))
_SESSION_PREFIXES = ("aspsessionid",)
# Alibaba's trace of clicks (``a2g0o.productlist.0.0.5b2f``); a shop's own ``spm`` has another form
_TRACE = re.compile(r"[a-z0-9]+(?:\.[\w-]+){3,4}", re.ASCII | re.IGNORECASE)
_SESSION_IN_PATH = re.compile(
    r";(?:jsessionid|phpsessid)=[^/;?#]*|(?<=/)\(S\([a-z0-9]{24}\)\)/", re.ASCII | re.IGNORECASE
)
_USUAL_PORTS = {"http": ":80", "https": ":443"}
_MOST_ROUNDS = 4


@lru_cache(maxsize=10_000)
def canonical_address(url: str) -> str:
    """The same for addresses of the same page, as far as addresses tell.

    Without fragment, usual port, tracking parameters and session ids; parameters are sorted. An address that cannot be
    taken apart is given back as it is.
    """
    for _ in range(_MOST_ROUNDS):  # what is taken out can leave something that is to be taken out
        shorter = _once(url)
        if shorter == url:
            break
        url = shorter
    return url


def host_of(url: str) -> str:
    """A site's host in lower case, with its port where that is not the scheme's own; empty where there is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    name = f"[{host}]" if ":" in host else host
    return name if port is None or _USUAL_PORTS.get(parts.scheme) == f":{port}" else f"{name}:{port}"


def same_host(one: str, other: str) -> bool:
    """Whether two addresses name one host, in the same words but for case; not for what cannot be taken apart."""
    try:
        return urlsplit(one).netloc.lower() == urlsplit(other).netloc.lower()
    except ValueError:
        return False


def _once(url: str) -> str:
    try:
        scheme, host, path, query, _ = urlsplit(canonicalize_url(url))
    except ValueError:
        return url
    kept = "&".join(part for part in query.split("&") if not _is_tracking(part))
    usual = _USUAL_PORTS.get(scheme)
    return urlunsplit((scheme, host.removesuffix(usual) if usual else host, _SESSION_IN_PATH.sub("", path), kept, ""))


def _is_tracking(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    name = unquote(name).lower()
    return (
        name in _TRACKING
        or name in _SESSIONS
        or name.startswith(_TRACKING_PREFIXES + _SESSION_PREFIXES)
        or (name == "spm" and bool(_TRACE.fullmatch(value)))
    )
