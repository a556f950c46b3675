"""The bundled marketplace as a real web server on this machine's loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from crawler.marketplace.model import Marketplace
from crawler.marketplace.pages import TEMPLATES, Pages

SLOW_PAGE_S = 1.5
"""How long the slow listing's page takes."""
_START_TIMEOUT_S = 30.0
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#b4472f"/>'
    '<path d="M8 13h16l-2 12H10z" fill="#fff"/><path d="M12 13a4 4 0 0 1 8 0" fill="none" stroke="#fff" '
    'stroke-width="2"/></svg>'
)


class MarketplaceServer:
    """Serves a marketplace from entering the `with` block until leaving it; counts what is asked for."""

    def __init__(self, marketplace: Marketplace, *, port: int = 0) -> None:
        """`port` 0 takes a free one."""
        self.marketplace = marketplace
        self._wanted_port = port
        self._counts: Counter[str] = Counter()

    @property
    def base_url(self) -> str:
        """Without a slash at the end. Only inside the `with` block."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> Mapping[str, int]:
        """Requests so far by path, query left off; a copy."""
        return dict(self._counts)

    @property
    def private_requests(self) -> int:
        """Requests to what robots.txt closes."""
        return sum(count for path, count in self.requests.items() if path.startswith("/private/"))

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", self._wanted_port))
        self._port = int(self._socket.getsockname()[1])
        app = _Counting(create_app(self.marketplace, self.base_url), self._counts)
        config = uvicorn.Config(
            app, lifespan="off", ws="none", loop="asyncio", http="h11", log_level="warning", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="bundled-marketplace", daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT_S):
            self.__exit__(None, None, None)
            raise TimeoutError("the bundled marketplace did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve_until_told())

    async def _serve_until_told(self) -> None:
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
        while not (self._server.started or serving.done()):
            await asyncio.sleep(0.005)
        self._ready.set()
        await serving


class _Counting:
    """Counts each request before it is answered."""

    def __init__(self, app: ASGIApp, counts: Counter[str]) -> None:
        self._app, self._counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._counts[scope["path"]] += 1
        await self._app(scope, receive, send)


def create_app(marketplace: Marketplace, base_url: str) -> Starlette:
    """The site under `base_url`."""
    site = _Site(marketplace, base_url)
    page = "/category/{slug}"
    return Starlette(
        routes=[
            Route("/", site.html(lambda r: site.pages.home())),
            Route(page, site.html(lambda r: site.pages.section(r.path_params["slug"], _number(r, "page", 1)))),
            Route("/collections/all", site.html(lambda r: site.pages.collection(_number(r, "page", 1)))),
            Route("/sellers", site.html(lambda r: site.pages.sellers())),
            Route("/seller/{id}", site.html(lambda r: site.pages.seller(r.path_params["id"], _number(r, "page", 1)))),
            Route("/item/{id}", site.item),
            Route("/products/{handle}", site.item),
            Route("/private/{id}", site.html(lambda r: site.pages.private(r.path_params["id"]))),
            Route("/products.json", site.products),
            Route("/meta.json", site.meta),
            Route("/images/{name}.jpg", site.image),
            Route("/robots.txt", site.robots),
            Route("/sitemap.xml", site.sitemap),
            Route("/style.css", site.style),
            Route("/icon.svg", site.icon),
        ]
    )


class _Site:
    def __init__(self, marketplace: Marketplace, base_url: str) -> None:
        self.marketplace, self.pages = marketplace, Pages(marketplace, base_url)
        self._slow_path = marketplace.listing(marketplace.slow_listing).path
        self._broken = frozenset(marketplace.listing(marketplace.broken_image_listing).images)
        self._missing = frozenset(marketplace.listing(marketplace.missing_image_listing).images)

    def html(self, render: Callable[[Request], str]) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that answers with a page, or with 404 for what is not there."""

        async def endpoint(request: Request) -> Response:
            try:
                return HTMLResponse(render(request))
            except KeyError:
                return _gone()

        return endpoint

    async def item(self, request: Request) -> Response:
        """A listing's page; one of them takes its time."""
        if request.url.path == self._slow_path:
            await asyncio.sleep(SLOW_PAGE_S)
        return await self.html(lambda r: self.pages.item(r.url.path))(request)

    async def image(self, request: Request) -> Response:
        """A picture; one breaks off in the middle, one is not there."""
        name = request.path_params["name"]
        if name in self._missing:
            return _gone()
        try:
            content = await run_in_threadpool(self.marketplace.picture, name)
        except KeyError:
            return _gone()
        if name in self._broken:
            content = content[: len(content) // 3]
        return Response(content, media_type="image/jpeg", headers={"cache-control": "max-age=3600"})

    async def products(self, request: Request) -> Response:
        """Shopify's feed."""
        return JSONResponse(self.pages.products_json(_number(request, "limit", 30), _number(request, "page", 1)))

    async def meta(self, request: Request) -> Response:
        """Shopify's word on the shop itself."""
        return JSONResponse(self.pages.meta_json())

    async def robots(self, request: Request) -> Response:
        """robots.txt."""
        return PlainTextResponse(self.pages.robots())

    async def sitemap(self, request: Request) -> Response:
        """sitemap.xml."""
        return Response(self.pages.sitemap(), media_type="application/xml")

    async def style(self, request: Request) -> Response:
        """The style sheet."""
        return Response((TEMPLATES / "style.css").read_bytes(), media_type="text/css")

    async def icon(self, request: Request) -> Response:
        """A shopping bag."""
        return Response(_ICON, media_type="image/svg+xml")


def _gone() -> Response:
    return HTMLResponse("<!doctype html><title>Not found</title><h1>Not found</h1><p><a href='/'>Home</a></p>", 404)


def _number(request: Request, name: str, default: int) -> int:
    """A query's number; nonsense counts as `default`."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else default
