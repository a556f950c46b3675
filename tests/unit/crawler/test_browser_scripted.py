from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.browser.scripted import looks_scripted
from crawler.sources.interface import Answer

APP = '<script type="module" src="/assets/index.js"></script>'
WORDS = "A handbag of calf leather with a brass clasp, made in Italy, sold with its dust bag and its receipt. " * 3


def answer(body: str | bytes, content_type: str = "text/html; charset=utf-8") -> Answer:
    return Answer(
        url="https://shop.example/p/1",
        asked=("https://shop.example/p/1",),
        status=200,
        headers={"content-type": content_type},
        body=body.encode() if isinstance(body, str) else body,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        marketplace="shop.example",
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    "body",
    [
        f'<title>Shop</title><div id="root"></div>{APP}',
        f'<body><noscript>You need to enable JavaScript to run this app.</noscript><div id="app"> </div>{APP}</body>',
        f"<app-root></app-root>{APP}",
        f"<body><p>Loading the best offers for you ...</p><noscript>Bitte JavaScript aktivieren</noscript>{APP}</body>",
        "<html><head><script>location.ready = 1</script></head><body></body></html>",
        f'<body><div id="__next"></div><footer>(c) 2026 Shop GmbH, all rights reserved</footer>{APP}</body>',
    ],
)
def test_an_empty_stage(body: str) -> None:
    assert looks_scripted(answer(body))


@pytest.mark.parametrize(
    "body",
    [
        f"<h1>Bag</h1><p>{WORDS}</p>{APP}",
        f'<div id="root"><p>{WORDS}</p></div>{APP}',
        f'<div id="root"></div><p>{WORDS}</p>{APP}',
        "<div id=root></div>",  # nothing would fill it
        '<div id=root></div><script type="application/json">{"a": 1}</script>',  # data, not a program
        f'<div id=root></div><script type="application/ld+json">{{"@type": "Product", "name": "Bag"}}</script>{APP}',
        f'<meta property="product:price:amount" content="12"><div id="root"></div>{APP}',
        f'<div id=root></div><span itemprop="price" content="12"></span>{APP}',
        f"<p>We are closed on Sundays and holidays.</p>{APP}",  # short, and says what it has to say
        "",
        "   ",
        f'<div id="root"></div>{APP}' + " " * 1_000_001,
    ],
)
def test_a_page_that_says_something_or_never_will(body: str) -> None:
    assert not looks_scripted(answer(body))


def test_only_pages_are_judged() -> None:
    body = f'<div id="root"></div>{APP}'
    assert not looks_scripted(answer(body, "application/json"))
    assert not looks_scripted(answer(body, "image/png"))
    assert looks_scripted(answer(body, "application/xhtml+xml"))


def test_text_that_is_not_seen_is_not_counted() -> None:
    hidden = f"<style>{WORDS}</style><template><p>{WORDS}</p></template><!-- {WORDS} -->"
    assert looks_scripted(answer(f"<body>{hidden}<div id=root></div>{APP}</body>"))
    assert not looks_scripted(answer(f"<body><!-- x -->{WORDS}<div id=root></div>{APP}</body>"))


def test_deep_and_wide_pages_are_judged_in_one_walk() -> None:
    assert not looks_scripted(answer("<div>" * 50_000 + WORDS + APP))
    assert looks_scripted(answer("<p></p>" * 60_000 + f"<div id=root></div>{APP}"))


@given(st.binary(max_size=500))
def test_any_bytes_get_an_answer(body: bytes) -> None:
    assert looks_scripted(answer(body)) in (True, False)
