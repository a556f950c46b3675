"""What sites say to robots, and pages that ask for a person."""

from __future__ import annotations

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.manners.challenges import Certainty, recognize_challenge
from crawler.manners.robots import (
    forbids_following,
    header_directives,
    page_directives,
    read_robots,
    reservations,
    robots_token,
)
from domain.settings import Settings

TOKEN = "Assayer"


@pytest.mark.parametrize(
    ("text", "forbids_all"),
    [
        ("User-agent: *\nDisallow: /", True),
        ("User-agent: *\nDisallow: /*", True),
        ("User-agent: *\nDisallow:\n\nUser-agent: assayer\nDisallow: /", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: assayer\nDisallow: /private", False),
        ("User-agent: *\nDisallow: /\nAllow: /item/", False),
        ("User-agent: *\nDisallow: /\nAllow:", True),
        ("User-agent: *\nDisallow: /$", False),
        ("User-agent: other\nDisallow: /", False),
        ("User-agent: *\nDisallow:", False),
        ("", False),
        ("<html>no robots here</html>", False),
    ],
)
def test_a_robots_txt_that_forbids_all(text: str, forbids_all: bool) -> None:
    assert read_robots(text.encode(), TOKEN).forbids_all is forbids_all


@pytest.mark.parametrize(
    ("text", "delay_s"),
    [
        ("User-agent: *\nCrawl-delay: 10", 10),
        ("User-agent: *\nCrawl-delay: 10\n\nUser-agent: Assayer\nCrawl-delay: 0.5", 0.5),
        ("User-agent: other\nCrawl-delay: 10", 0),
        ("User-agent: *\nCrawl-delay: soon", 0),
        ("User-agent: *\nCrawl-delay: -3", 0),
        ("User-agent: *\nCrawl-delay: inf", 0),
    ],
)
def test_crawl_delay(text: str, delay_s: float) -> None:
    assert read_robots(text.encode(), TOKEN).delay_s == delay_s


@given(st.binary(max_size=400))
def test_any_bytes_are_a_robots_txt(body: bytes) -> None:
    assert read_robots(body, TOKEN).delay_s >= 0


@pytest.mark.parametrize(
    ("agent", "token"), [("Assayer/0.1", "Assayer"), ("Brand Watch/2", "Brand"), ("", "Assayer"), ("Bot", "Bot")]
)
def test_the_name_in_robots_txt(agent: str, token: str) -> None:
    assert robots_token(Settings(user_agent=agent)) == token


@pytest.mark.parametrize(
    ("value", "nofollow"),
    [
        ("nofollow", True),
        ("noindex, NoFollow", True),
        ("none", True),
        ("noindex", False),
        ("", False),
        ("otherbot: noindex, nofollow", False),
        ("assayer: nofollow", True),
        ("otherbot: noindex, Assayer: nofollow", True),
        ("assayer: noindex, otherbot: nofollow", False),
        ("*: nofollow", True),
        ("unavailable_after: Fri, 25 Jun 2010 15:00:00 PST, nofollow", True),
        ("max-snippet: 50, nofollow", True),
        ("otherbot: max-snippet: 50, nofollow", False),
    ],
)
def test_nofollow_in_a_header(value: str, nofollow: bool) -> None:
    assert forbids_following(header_directives(value, TOKEN)) is nofollow


@pytest.mark.parametrize(
    ("head", "nofollow"),
    [
        ('<meta name="robots" content="noindex,nofollow">', True),
        ('<META NAME="ROBOTS" CONTENT="NONE">', True),
        ('<meta name="assayer" content="nofollow">', True),
        ('<meta name="googlebot" content="nofollow">', False),
        ('<meta name="robots" content="noindex">', False),
        ('<meta name="robots">', False),
    ],
)
def test_nofollow_in_a_page(head: str, nofollow: bool) -> None:
    tree = lxml.html.document_fromstring(f"<html><head>{head}</head><body>x</body></html>")
    assert forbids_following(page_directives(tree, TOKEN)) is nofollow


@pytest.mark.parametrize(
    ("headers", "body", "stated"),
    [
        ({"tdm-reservation": "1"}, b"", {"tdm-reservation"}),
        ({"tdm-reservation": "0"}, b"", set()),
        ({"x-robots-tag": "noai, noimageai"}, b"", {"noai", "noimageai"}),
        ({}, b'<meta name="tdm-reservation" content="1">', {"tdm-reservation"}),
        ({}, b'<meta name="robots" content="noai, index">', {"noai"}),
        ({}, b"<p>A noai bag with tdm-reservation</p>", set()),
        ({}, b"noai \x00\xff<", set()),
        ({}, b"", set()),
    ],
)
def test_reservations(headers: dict[str, str], body: bytes, stated: set[str]) -> None:
    assert reservations(headers, body) == stated


@pytest.mark.parametrize(
    ("status", "headers", "body", "certainty", "whose"),
    [
        (403, {"cf-mitigated": "challenge"}, b"", Certainty.SURE, "Cloudflare"),
        (202, {"x-amzn-waf-action": "challenge"}, b"", Certainty.SURE, "AWS WAF"),
        (405, {"x-amzn-waf-action": "captcha"}, b"", Certainty.SURE, "AWS WAF"),
        (503, {}, b"<script>window._cf_chl_opt={}", Certainty.SURE, "Cloudflare"),
        (403, {}, b"<script src='https://ct.captcha-delivery.com/c.js'>", Certainty.SURE, "DataDome"),
        (403, {}, b'<div id="px-captcha">', Certainty.SURE, "HUMAN"),
        (200, {}, b'<form method=get action="/errors/validateCaptcha">', Certainty.LIKELY, "Amazon"),
        (200, {}, b'<div id="px-captcha">' + bytes(30_000), Certainty.NONE, ""),
        (200, {}, b'<div class="g-recaptcha"></div>', Certainty.NONE, ""),
        (403, {}, b'<div class="x g-recaptcha"></div>', Certainty.SURE, ""),
        (200, {}, b"<script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'>", Certainty.NONE, ""),
        (403, {}, b"<h1>Forbidden</h1>", Certainty.NONE, ""),
        (404, {}, b'<div id="px-captcha">', Certainty.NONE, ""),
        (200, {}, b"<p>Captcha: a novel</p>", Certainty.NONE, ""),
        (403, {"server": "cloudflare"}, b"", Certainty.NONE, ""),
    ],
)
def test_challenges(status: int, headers: dict[str, str], body: bytes, certainty: Certainty, whose: str) -> None:
    assert recognize_challenge(status, headers, body) == (certainty, whose)
