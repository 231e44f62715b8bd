"""A message centre written by others (`smpp34`, in Rust), on a thread: it takes messages and sends receipts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import smpp34

from tests.served import free_port

DELIVERED = "id:{ref} sub:001 dlvrd:001 submit date:2603041200 done date:2603041200 stat:DELIVRD err:000 text:"
SYSTEM_ID = "esme"


@dataclass
class Centre:
    """What the centre was given, and how it answers: "accept", "throttle", "refuse" or "hang_up"."""

    port: int
    taken: list[dict[str, Any]] = field(default_factory=list)
    answer: str = "accept"
    receipts: bool = True
    names: tuple[str, str] = ("m{}", "m{}")  # how the answer and the receipt number a message
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _sessions: dict[str, Any] = field(default_factory=dict)
    _ready: threading.Event = field(default_factory=threading.Event)
    _server: Any = None

    def said(self) -> str:
        """The text of everything taken, joined: decoded by the codec of Python, headers of parts cut off."""
        return "".join(_decoded(one) for one in self.taken)

    def push(self, text: bytes, *, sender: str, esm_class: int = 0) -> None:
        """Send something to whoever is bound, and wait until it was acknowledged."""
        asyncio.run_coroutine_threadsafe(self._push(text, sender, esm_class), self._loop).result(10)

    async def _push(self, text: bytes, sender: str, esm_class: int) -> None:
        for session in self._sessions.values():
            await session.deliver_sm(
                source_addr=sender, destination_addr="12345", esm_class=esm_class, short_message=text
            )

    async def _serve(self) -> None:
        self._server = smpp34.Server(host="127.0.0.1", port=self.port, system_id="centre")
        await self._server.start()
        self._ready.set()
        while True:
            event = await self._server.next()
            if isinstance(event, smpp34.Esme):
                self._sessions[event.session_id] = event
            elif isinstance(event, smpp34.Unbound):
                self._sessions.pop(event.session_id, None)
            elif isinstance(event, smpp34.SubmitSmEvent):
                self._take(event)

    def _take(self, event: Any) -> None:
        names = ("source_addr", "destination_addr", "data_coding", "esm_class", "registered_delivery", "short_message")
        self.taken.append({name: getattr(event, name) for name in names})
        ref, later = (name.format(len(self.taken)) for name in self.names)
        if self.answer == "throttle":
            event.reject(0x58)
        elif self.answer == "refuse":
            event.reject(0x0B)
        elif self.answer == "accept":
            event.accept(message_id=ref)
            if self.receipts:
                receipt = DELIVERED.format(ref=later).encode()
                task = self._push(receipt, event.destination_addr, 0x04)
                self._loop.create_task(task)  # the loop lives as long as the centre

    def run(self) -> None:
        """Serve until stopped: the body of the thread."""
        asyncio.set_event_loop(self._loop)
        self._loop.create_task(self._serve())  # see above
        self._loop.run_forever()
        self._loop.close()

    def stop(self) -> None:
        """Let go of the port and of everyone bound."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _stop(self) -> None:
        await self._server.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _decoded(one: dict[str, Any]) -> str:
    octets: bytes = bytes(one["short_message"])
    if one["esm_class"] & 0x40:
        octets = octets[octets[0] + 1 :]
    assert one["data_coding"] in {0, 8}
    return octets.decode("utf-16-be") if one["data_coding"] == 8 else octets.decode("ascii")


@contextmanager
def centre() -> Iterator[Centre]:
    """A running message centre."""
    made = Centre(free_port())
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    assert made._ready.wait(10), "the centre did not start"
    yield made
    made.stop()
    thread.join(10)
