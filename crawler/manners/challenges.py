"""Pages that ask whether a person is reading. They are recognized, never solved and never gone around.

What a protection puts into its headers is its own word. Marks in a page count where the status says that the page was
refused, and on a small page besides: what a seller writes into an offer must not look like a refusal of its site.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

MOST_BYTES = 32_768
"""Of a page, looked at from its beginning."""

_REFUSALS = frozenset({401, 403, 405, 429, 503})
_LARGEST_BARE_PAGE = 30_000
_IN_HEADERS = (
    ("cf-mitigated", re.compile("challenge", re.IGNORECASE), "Cloudflare"),
    ("x-amzn-waf-action", re.compile("captcha|challenge", re.IGNORECASE), "AWS WAF"),
)
# what only the challenge page itself holds: scripts that watch every visitor have other names
_IN_PAGES = (
    (re.compile(rb"\b_cf_chl_opt\b|/cdn-cgi/challenge-platform/[^\"']*/orchestrate/"), "Cloudflare"),
    (re.compile(rb"(?:src=[\"']|//)(?:geo|ct)\.captcha-delivery\.com/"), "DataDome"),
    (re.compile(rb"id=[\"']px-captcha[\"']|window\._pxBlocked"), "HUMAN"),
    (re.compile(rb"action=[\"']/errors/validateCaptcha[\"']"), "Amazon"),
    (re.compile(rb"/_____tmd_____/punish"), "Alibaba"),
    (re.compile(rb"/splashui/captcha\b"), "eBay"),
    (re.compile(rb"gokuProps\b.{0,2000}awswaf\.com", re.DOTALL), "AWS WAF"),
    (re.compile(rb"src=[\"']/_Incapsula_Resource\?SWUDNSAI="), "Imperva"),
)
# boxes that forms of ordinary pages have too: only a refused page with one is a challenge
_IN_REFUSED_PAGES = (
    re.compile(rb"class=[\"'][^\"']*\b(?:g-recaptcha|h-captcha|cf-turnstile)\b"),
    re.compile(rb"(?:google\.com|recaptcha\.net)/recaptcha/|\bhcaptcha\.com/1/|challenges\.cloudflare\.com/turnstile/"),
)


class Certainty(Enum):
    """How much a challenge tells of the site."""

    NONE = "none"
    LIKELY = "likely"
    """A page with status 2xx that looks like one."""
    SURE = "sure"


def recognize_challenge(status: int, headers: Mapping[str, str], body_start: bytes) -> tuple[Certainty, str]:
    """Whether an answer asks for a person, and by whose means (empty when unknown).

    `headers` have names in lower case; `body_start` is decompressed, and at most `MOST_BYTES` of it are looked at.
    """
    for name, words, whose in _IN_HEADERS:
        if words.search(headers.get(name, "")):
            return Certainty.SURE, whose
    refused = status in _REFUSALS
    if not refused and (len(body_start) > _LARGEST_BARE_PAGE or not 200 <= status < 300):
        return Certainty.NONE, ""
    start = body_start[:MOST_BYTES]
    for mark, whose in _IN_PAGES:
        if mark.search(start):
            return (Certainty.SURE if refused else Certainty.LIKELY), whose
    if refused and any(mark.search(start) for mark in _IN_REFUSED_PAGES):
        return Certainty.SURE, ""
    return Certainty.NONE, ""
