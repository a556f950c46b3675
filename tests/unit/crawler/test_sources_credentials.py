from __future__ import annotations

import base64
from typing import Any

import pytest
from answers import answer
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources.credentials import ApiCredentials
from domain.errors import CrawlFailed, SettingRefused
from domain.settings import load_settings

KEYS = {"ebay_client_id": "app", "ebay_client_secret": "cert", "etsy_api_key": "keystring:secret"}


def credentials(**changed: str) -> ApiCredentials:
    return ApiCredentials(load_settings(**{**KEYS, **changed}), clock=lambda: 0.0)


def test_the_request_for_a_token_is_the_one_that_oauth_describes() -> None:
    login = credentials(ebay_url="https://api.sandbox.ebay.com/").login("ebay")
    assert login
    assert (login.method, login.url) == ("POST", "https://api.sandbox.ebay.com/identity/v1/oauth2/token")
    assert base64.b64decode(login.headers["Authorization"].removeprefix("Basic ")) == b"app:cert"
    assert login.body == "grant_type=client_credentials&scope=https%3A%2F%2Fapi.ebay.com%2Foauth%2Fapi_scope"


def test_each_source_carries_its_own_proof_and_no_other() -> None:
    keys = credentials()
    keys.accept("ebay", answer({"access_token": "v^1#x", "expires_in": 7200, "token_type": "Application Access Token"}))
    assert keys.login("ebay") is None
    assert keys.headers("ebay") == {"Authorization": "Bearer v^1#x"}
    assert (keys.login("etsy"), keys.headers("etsy")) == (None, {"x-api-key": "keystring:secret"})
    for other in ("page", "shopify", "woocommerce", "sitemap"):
        assert (keys.login(other), keys.headers(other)) == (None, {})
    keys.forget("ebay")
    assert keys.login("ebay")
    with pytest.raises(CrawlFailed):
        keys.headers("ebay")


def test_a_late_refusal_of_an_old_token_leaves_the_new_one() -> None:
    keys = credentials()
    keys.accept("ebay", answer({"access_token": "old", "expires_in": 7200}))
    shown = keys.headers("ebay")["Authorization"]
    keys.forget("ebay", refused=shown)
    keys.accept("ebay", answer({"access_token": "new", "expires_in": 7200}))
    keys.forget("ebay", refused=shown)
    assert keys.login("ebay") is None
    assert keys.headers("ebay") == {"Authorization": "Bearer new"}
    keys.forget("ebay", refused="Bearer new")
    assert keys.login("ebay")


@pytest.mark.parametrize(
    ("source", "missing", "where"),
    [
        ("ebay", "ebay_client_id", "https://developer.ebay.com/my/keys"),
        ("ebay", "ebay_client_secret", "https://developer.ebay.com/my/keys"),
        ("etsy", "etsy_api_key", "https://www.etsy.com/developers/your-apps"),
    ],
)
def test_without_keys_it_says_which_and_where_to_get_them(source: str, missing: str, where: str) -> None:
    keys = credentials(**{missing: ""})
    for attempt in (keys.login, keys.headers):
        with pytest.raises(SettingRefused) as refused:
            attempt(source)
        assert refused.value.field == f"ASSAYER_{missing.upper()}"
        assert where in refused.value.advice
    assert keys.login("page") is None


@pytest.mark.parametrize(
    "body",
    [
        {"error": "invalid_client", "error_description": "client authentication failed"},
        {"access_token": "", "expires_in": 7200},
        {"access_token": "a\r\nX-Evil: 1", "expires_in": 7200},
        {"access_token": ["a"], "expires_in": 7200},
        {"access_token": "a"},
        {"access_token": "a", "expires_in": -5},
        [],
        "<html>",
    ],
)
def test_an_answer_without_a_token_is_told_and_never_shown(body: Any) -> None:
    keys = credentials()
    with pytest.raises(CrawlFailed, match="ebay gave no access token") as failed:
        keys.accept("ebay", answer(body))
    assert "Evil" not in failed.value.message
    with pytest.raises(CrawlFailed):
        keys.headers("ebay")


@given(st.binary(max_size=60))
def test_whatever_answers_it_is_a_token_or_an_error_that_says_so(body: bytes) -> None:
    with pytest.raises(CrawlFailed):
        credentials().accept("ebay", answer(body))
