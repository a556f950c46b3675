"""What proves to an API who asks: eBay's access tokens, Etsy's key. Kept in memory, never written."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from crawler.sources.ebay import EbaySearch
from crawler.sources.etsy import EtsySearch
from crawler.sources.interface import Answer, Ask, Priority
from crawler.sources.json_answer import BrokenAnswer, mapping, parsed, whole_number, words
from domain.errors import CrawlFailed, SettingRefused
from domain.settings import Settings

_TOKEN_PATH = "/identity/v1/oauth2/token"  # noqa: S105 - a path
_SCOPE = "https://api.ebay.com/oauth/api_scope"
_MARGIN_S = 120
"""A token is replaced this long before it ends, so that no request under way is refused."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,10000}")
_ETSY_KEY = re.compile(r"[^\s:]+:[^\s:]+")
_EBAY_ADVICE = (
    "Create a production keyset at https://developer.ebay.com/my/keys, and set ASSAYER_EBAY_CLIENT_ID and "
    "ASSAYER_EBAY_CLIENT_SECRET to its App ID and Cert ID."
)
_ETSY_ADVICE = (
    "Create an app at https://www.etsy.com/developers/your-apps, and set ASSAYER_ETSY_API_KEY to its keystring and its "
    "shared secret, joined by a colon."
)


@dataclass(frozen=True, slots=True)
class _Token:
    secret: str
    ends_at: float


class ApiCredentials:
    """`crawler.sources.interface.Credentials` from the settings, for all sources. Not safe between threads.

    `clock` gives seconds that never go back.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._tokens: dict[str, _Token] = {}

    def login(self, source: str) -> Ask | None:
        """The request for eBay's access token, while there is no fresh one; None for all other sources.

        It holds the client's secret, so it is made at once and kept nowhere. Raises SettingRefused when the keys of a
        source are not set.
        """
        self._check_keys(source)
        token = self._tokens.get(source)
        if source != EbaySearch.name or (token and self._clock() < token.ends_at - _MARGIN_S):
            return None
        client = f"{self._settings.ebay_client_id}:{self._settings.ebay_client_secret}"
        return Ask(
            url=self._settings.ebay_url.rstrip("/") + _TOKEN_PATH,
            source=source,
            method="POST",
            headers={
                "Authorization": f"Basic {base64.b64encode(client.encode()).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
            body=urlencode({"grant_type": "client_credentials", "scope": _SCOPE}),
            priority=Priority.API,
        )

    def accept(self, source: str, answer: Answer) -> None:
        """Keep the token of an answer, of any status. Raises CrawlFailed when it holds none."""
        try:
            payload = mapping(parsed(answer))
        except BrokenAnswer as error:
            raise CrawlFailed(f"{source} gave no access token: {error}", advice=_EBAY_ADVICE) from error
        secret, seconds = payload.get("access_token"), whole_number(payload.get("expires_in"))
        if not isinstance(secret, str) or not _TOKEN.fullmatch(secret) or not seconds:
            said = words(payload.get("error_description")) or words(payload.get("error")) or f"status {answer.status}"
            raise CrawlFailed(f"{source} gave no access token: {said}", advice=_EBAY_ADVICE)
        self._tokens[source] = _Token(secret, self._clock() + seconds)

    def headers(self, source: str) -> Mapping[str, str]:
        """What each request of a source carries. Raises SettingRefused without keys, CrawlFailed before `login`."""
        self._check_keys(source)
        if source == EtsySearch.name:
            return {"x-api-key": self._settings.etsy_api_key}
        if source != EbaySearch.name:
            return {}
        token = self._tokens.get(source)
        if token is None:
            raise CrawlFailed(f"{source} has not given an access token yet")
        return {"Authorization": _bearer(token)}

    def forget(self, source: str, *, refused: str = "") -> None:
        """The API refused the token (status 401), so that the next `login` gets another.

        `refused` is the ``Authorization`` that it was shown: of many requests under way, the first that is refused has
        the token replaced, and the others say nothing of the new one.
        """
        token = self._tokens.get(source)
        if token and refused in ("", _bearer(token)):
            del self._tokens[source]

    def _check_keys(self, source: str) -> None:
        settings = self._settings
        if source == EbaySearch.name:
            for field, value in (
                ("CLIENT_ID", settings.ebay_client_id),
                ("CLIENT_SECRET", settings.ebay_client_secret),
            ):
                if not value:
                    raise SettingRefused("eBay's search needs it", field=f"ASSAYER_EBAY_{field}", advice=_EBAY_ADVICE)
        if source == EtsySearch.name and not _ETSY_KEY.fullmatch(settings.etsy_api_key):
            wrong = "is no keystring and shared secret" if settings.etsy_api_key else "Etsy's search needs it"
            raise SettingRefused(wrong, field="ASSAYER_ETSY_API_KEY", advice=_ETSY_ADVICE)


def _bearer(token: _Token) -> str:
    return f"Bearer {token.secret}"
