"""The server: one page, one socket a viewer, and nothing that is not asked for by a token."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from socket import socket
from threading import Event
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from gradgauge.errors import GradgaugeError
from gradgauge.messages.catalog import LANGUAGES, sentence
from gradgauge.play.access import Access
from gradgauge.play.house import House, Viewer
from gradgauge.play.html import live_page, replay_page
from gradgauge.play.orders import MOST_BYTES, BadOrder, read_order
from gradgauge.play.taken import PICTURES, NothingToTake, Taking

MOST_DATA = 64 * 2**20
"""Bytes of a data file."""

_SEND = 30.0
"""Seconds that a viewer has to take a line."""

_BAD_ORDERS = 20
_PAUSE = 0.25
_POLICY_VIOLATION, _TRY_LATER = 1008, 1013


class Guard:
    """Lets nobody in who calls us by a name that is not ours."""

    def __init__(self, app: ASGIApp, access: Access):
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            ours = self._access.is_our_host(request.headers.get("host"))
            changes = request.method not in ("GET", "HEAD")
            if not ours or (
                changes and not self._access.is_our_origin(request.headers.get("origin"))
            ):
                await PlainTextResponse("403", 403)(scope, receive, send)
                return
        elif scope["type"] == "websocket":
            headers = WebSocket(scope, receive, send).headers
            ours = self._access.is_our_host(headers.get("host"))
            if not ours or not self._access.is_our_origin(headers.get("origin")):
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
                return
        await self._app(scope, receive, send)


class Site:
    """What the server answers.

    Args:
        house: the rooms.
        access: the tokens.
        own_data: the folder for data files.
        lang: of the page, unless its address says another.
    """

    def __init__(self, house: House, access: Access, own_data: Path, lang: str):
        self._house, self._access, self._own_data = house, access, own_data
        self._lang, self._taking = lang, Taking(house, asyncio.Lock())

    def app(self) -> ASGIApp:
        """The whole of it."""

        @contextlib.asynccontextmanager
        async def alive(_: Starlette) -> AsyncIterator[None]:
            work = self._house.start()
            yield
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

        routes = [
            Route("/", self._page),
            Route("/replay.html", self._replay),
            Route("/code", self._code),
            Route("/run.nc", self._run_file),
            Route("/picture.{ending}", self._picture),
            Route("/data", self._data, methods=["POST"]),
            WebSocketRoute("/live", self._live),
        ]
        return Guard(Starlette(routes=routes, lifespan=alive), self._access)

    def _role(self, request: Request | WebSocket) -> bool | None:
        return self._access.role(request.query_params.get("token"))

    async def _page(self, request: Request) -> Response:
        role = self._role(request)
        if role is None:
            return PlainTextResponse(sentence("play.no_token", self._lang), 403)
        page = live_page(self._lang, self._access, role)
        headers = {"content-security-policy": page.policy, **_HEADERS}
        return HTMLResponse(page.text, headers=headers)

    async def _replay(self, request: Request) -> Response:
        if self._role(request) is None:
            return PlainTextResponse("403", 403)
        memory = self._house.rooms.get(request.query_params.get("room", "main"))
        if memory is None or not memory.frames:
            return PlainTextResponse("404", 404)
        disposition = 'attachment; filename="gradgauge-replay.html"'
        text = replay_page(self._lang, memory.history()).text
        return HTMLResponse(text, headers={"content-disposition": disposition, **_HEADERS})

    async def _code(self, request: Request) -> Response:
        if self._role(request) is None:
            return PlainTextResponse("403", 403)
        from gradgauge.play.code import FRAMEWORKS, code_of

        framework = request.query_params.get("framework", "")
        fragment = request.query_params.get("settings", "")
        try:
            place = int(request.query_params.get("network", "0"))
            if framework not in FRAMEWORKS:
                return PlainTextResponse("404", 404)
            size = (request.query_params.get(n, "") for n in ("inputs", "outputs"))
            inputs, outputs = (int(n) for n in size)
            text = code_of(fragment, place, framework, inputs, outputs)
        except (GradgaugeError, ValueError, IndexError) as error:
            said = error.sentence(self._lang) if isinstance(error, GradgaugeError) else "400"
            return PlainTextResponse(said, 400)
        return PlainTextResponse(text, headers=_HEADERS)

    async def _run_file(self, request: Request) -> Response:
        """The Run of a network, for the presenter."""
        if not self._role(request):
            return PlainTextResponse("403", 403)
        try:
            body = await self._taking.run_file(int(request.query_params.get("network", "0")))
        except (NothingToTake, ValueError):
            return PlainTextResponse(sentence("play.nothing_to_take", self._lang_of(request)), 404)
        return Response(body, media_type="application/x-netcdf", headers=_HEADERS)

    async def _picture(self, request: Request) -> Response:
        """A picture of both networks, for the presenter."""
        if not self._role(request):
            return PlainTextResponse("403", 403)
        ending, lang = request.path_params["ending"], self._lang_of(request)
        if ending not in PICTURES:
            return PlainTextResponse("404", 404)
        try:
            body = await self._taking.picture(ending, lang)
        except NothingToTake as why:
            return PlainTextResponse(why.said or sentence("play.nothing_to_take", lang), 404)
        return Response(body, media_type=PICTURES[ending], headers=_HEADERS)

    def _lang_of(self, request: Request) -> str:
        asked = request.query_params.get("lang", "")
        return asked if asked in LANGUAGES else self._lang

    async def _data(self, request: Request) -> Response:
        """Take a data file of the presenter's; it is named by its own contents."""
        suffix = request.query_params.get("kind")
        if not self._role(request) or suffix not in ("csv", "npz"):
            return PlainTextResponse("403", 403)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MOST_DATA:
                return PlainTextResponse(
                    sentence("play.data_too_large", self._lang, most=MOST_DATA >> 20), 413
                )
        digest = hashlib.sha256(body).hexdigest()
        (self._own_data / f"{digest}.{suffix}").write_bytes(body)
        return JSONResponse({"data": f"own:{digest}"})

    async def _live(self, socket: WebSocket) -> None:
        role = self._role(socket)
        if role is None:
            await socket.close(_POLICY_VIOLATION)
            return
        viewer = self._house.come(role)
        if viewer is None:
            await socket.close(_TRY_LATER)
            return
        await socket.accept()
        works = self._sending(socket, viewer), self._hearing(socket, viewer), viewer.gone.wait()
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._house.go(viewer)
            for task in tasks:
                task.cancel()
            with contextlib.suppress(Exception):  # Whatever has ended it, it is over.
                await asyncio.wait_for(socket.close(), 1)

    @staticmethod
    async def _sending(socket: WebSocket, viewer: Viewer) -> None:
        while True:
            line = await viewer.outbox.take()
            try:
                await asyncio.wait_for(socket.send_text(line), _SEND)
            except (TimeoutError, RuntimeError, WebSocketDisconnect):
                return

    async def _hearing(self, socket: WebSocket, viewer: Viewer) -> None:
        bad = 0
        while bad < _BAD_ORDERS:
            try:
                message = await socket.receive()
            except RuntimeError:
                return
            if message["type"] != "websocket.receive":
                return
            try:
                self._obey(viewer, message.get("text") or message.get("bytes") or "")
            except BadOrder:
                bad += 1

    def _obey(self, viewer: Viewer, text: str | bytes) -> None:
        order = read_order(text, viewer.driving)
        if order["order"] in ("own", "back"):
            if self._access.shared:
                getattr(self._house, order["order"])(viewer)
            return
        self._house.order(viewer, order)


_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


async def serve(
    site: Site, listening: socket, started: Callable[[], Any], stop: Event | None = None
) -> None:
    """Serve until interrupted, or until `stop` is set.

    Args:
        site: what is answered.
        listening: a bound socket.
        started: called when the first request can come.
        stop: set it from any thread to end.
    """
    config = uvicorn.Config(
        site.app(),
        log_level="critical",
        lifespan="on",
        ws_max_size=MOST_BYTES,
        # Compressing every frame anew for every viewer would take most of the time of serving.
        ws_per_message_deflate=False,
        ws_ping_interval=15.0,
        ws_ping_timeout=30.0,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        started()
    # In portions: Ctrl-C is raised at this thread's next instruction.
    while not serving.done():
        await asyncio.wait([serving], timeout=_PAUSE)
        server.should_exit = server.should_exit or (stop is not None and stop.is_set())
    await serving
