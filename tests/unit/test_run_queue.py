"""The queue between a browser tab and Streamlit, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from uvicorn.protocols.utils import ClientDisconnected

from dashboard import run_queue
from dashboard.run_queue import RunQueue

LIVE = "$$ID-1-part-socket__events"
DISCONNECT: Message = {"type": "websocket.disconnect"}


def asks(click: str = "", *, live: bool = False, **state: str) -> Message:
    """What the browser sends: a request for a run, with the trigger of a button or of a live part."""
    message = BackMsg()
    for name, value in state.items():
        setattr(message.rerun_script, name, value)
    if click:
        message.rerun_script.widget_states.widgets.add(id=click, trigger_value=True)
    if live:
        message.rerun_script.widget_states.widgets.add(id=LIVE, json_trigger_value="[1]")
    return {"type": "websocket.receive", "bytes": message.SerializeToString()}


def types(text: str, **state: str) -> Message:
    message = BackMsg.FromString(asks("", live=False, **state)["bytes"])
    message.rerun_script.widget_states.widgets.add(id="search", string_value=text)
    return {"type": "websocket.receive", "bytes": message.SerializeToString()}


def says(message: ForwardMsg) -> Message:
    return {"type": "websocket.send", "bytes": message.SerializeToString()}


def begun() -> Message:
    message = ForwardMsg()
    message.new_session.name = "app"
    return says(message)


def at_page(page: str) -> Message:
    message = ForwardMsg()
    message.navigation.page_script_hash = page
    return says(message)


def at_address(address: str) -> Message:
    message = ForwardMsg()
    message.page_info_changed.query_string = address
    return says(message)


def finished(*, early: bool = False) -> Message:
    status = ForwardMsg.FINISHED_EARLY_FOR_RERUN if early else ForwardMsg.FINISHED_SUCCESSFULLY
    return says(ForwardMsg(script_finished=status))


class Tab:
    """A tab whose messages are put in by hand, and Streamlit, which takes and answers them by hand."""

    def __init__(self, *messages: Message) -> None:
        self._messages = list(messages)
        self.is_gone = False
        self._take: Callable[[], Awaitable[Message]]
        self.answer: Callable[[Message], Awaitable[None]]

    async def _receive(self) -> Message:
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)

    async def take(self) -> BackMsg:
        message = await asyncio.wait_for(self._take(), 30)
        assert message["type"] == "websocket.receive", message
        taken: BackMsg = BackMsg.FromString(message["bytes"])
        return taken

    async def take_any(self) -> Message:
        return await asyncio.wait_for(self._take(), 30)

    async def waits(self) -> bool:
        """Whether Streamlit gets nothing now."""
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(self._take(), 0.1)
        return True

    def run(self, talk: Callable[[Tab], Awaitable[None]]) -> None:
        async def app(_: object, receive: object, send: object) -> None:
            self._take, self.answer = receive, send  # type: ignore[assignment]  # ASGI's own callables
            await talk(self)

        async def nothing(_: Message) -> None:
            if self.is_gone:
                raise ClientDisconnected

        scope = {"type": "websocket", "path": run_queue.PATH}
        asyncio.run(RunQueue(app)(scope, self._receive, nothing))


def test_a_request_waits_until_the_run_before_it_has_ended() -> None:
    async def talk(tab: Tab) -> None:
        assert (await tab.take()).rerun_script.widget_states.widgets[0].id == "first"
        await tab.answer(begun())
        assert await tab.waits()
        await tab.answer(finished(early=True))
        assert await tab.waits()
        await tab.answer(finished())
        assert (await tab.take()).rerun_script.widget_states.widgets[0].id == "second"

    Tab(asks(click="first"), asks(click="second")).run(talk)


def test_what_waits_is_carried_out_although_the_browser_has_gone() -> None:
    async def talk(tab: Tab) -> None:
        await tab.take()
        await tab.answer(begun())
        assert await tab.waits()
        await tab.answer(finished())
        assert (await tab.take()).rerun_script.widget_states.widgets[0].id == "second"
        assert await tab.take_any() == DISCONNECT

    Tab(asks(click="first"), asks(click="second"), DISCONNECT).run(talk)


def test_a_browser_that_has_gone_does_not_end_what_waits() -> None:
    async def talk(tab: Tab) -> None:
        await tab.take()
        tab.is_gone = True
        await tab.answer(begun())
        await tab.answer(finished())
        assert (await tab.take()).rerun_script.widget_states.widgets[0].id == "second"
        assert await tab.take_any() == DISCONNECT

    Tab(asks(click="first"), asks(click="second"), DISCONNECT).run(talk)


def test_other_messages_do_not_wait() -> None:
    beat = {"type": "websocket.receive", "bytes": BackMsg(app_heartbeat=True).SerializeToString()}

    async def talk(tab: Tab) -> None:
        await tab.take()
        assert (await tab.take()).app_heartbeat

    Tab(asks(click="first"), beat).run(talk)


def test_a_click_that_comes_with_a_live_part_is_for_the_whole_page() -> None:
    async def talk(tab: Tab) -> None:
        assert (await tab.take()).rerun_script.fragment_id == ""

    Tab(asks(click="first", live=True, fragment_id="part")).run(talk)


def test_a_live_part_alone_is_for_itself() -> None:
    async def talk(tab: Tab) -> None:
        assert (await tab.take()).rerun_script.fragment_id == "part"

    Tab(asks(live=True, fragment_id="part")).run(talk)


def test_a_live_part_of_a_page_that_was_left_is_dropped() -> None:
    async def talk(tab: Tab) -> None:
        await tab.take()
        for message in (begun(), at_page("two"), finished()):
            await tab.answer(message)
        assert (await tab.take()).rerun_script.widget_states.widgets[0].id == "click"

    Tab(
        asks(page_script_hash="two"),
        asks(live=True, page_script_hash="one", fragment_id="part"),
        asks(click="click", page_script_hash="two"),
    ).run(talk)


def test_an_address_that_was_changed_meanwhile_is_the_new_one() -> None:
    async def talk(tab: Tab) -> None:
        await tab.take()
        for message in (begun(), at_address("task=2"), finished()):
            await tab.answer(message)
        assert (await tab.take()).rerun_script.query_string == "task=2"
        for message in (begun(), finished()):
            await tab.answer(message)
        assert (await tab.take()).rerun_script.query_string == "task=3"

    Tab(
        asks(click="first", query_string="task=1"),
        asks(click="second", query_string="task=1"),
        asks(click="third", query_string="task=3"),
    ).run(talk)


def test_of_values_that_follow_one_another_the_last_is_drawn() -> None:
    async def talk(tab: Tab) -> None:
        await tab.take()
        await tab.answer(begun())
        assert await tab.waits()
        await tab.answer(finished())
        assert (await tab.take()).rerun_script.widget_states.widgets[0].string_value == "abc"

    Tab(asks(click="first"), types("a"), types("ab"), types("abc")).run(talk)


def test_nothing_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_queue, "CLICK_SECONDS", 0.3)

    async def talk(tab: Tab) -> None:
        await tab.take()
        await tab.answer(begun())
        assert await tab.waits()
        assert (await tab.take()).rerun_script.widget_states.widgets[0].id == "second"

    Tab(asks(click="first"), asks(click="second")).run(talk)


def test_a_part_that_is_gone_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_queue, "LIVE_START_SECONDS", 0.1)

    async def talk(tab: Tab) -> None:
        await tab.take()
        assert (await tab.take()).rerun_script.widget_states.widgets[0].id == "click"

    Tab(asks(live=True, fragment_id="gone"), asks(click="click")).run(talk)
