from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import wire
from core.vocabulary import ParkReason
from core.wire import CRASHED_KEY, DONE_KEY, FAILED_KEY, LOG_KEY, REPORT_KEYS
from core.wire.meanings import MEANINGS, Meaning, Root, Text, meaning_of, recognise
from core.wire.reports import KEPT_BYTES, MESSAGE_LIMIT, Report, Unreadable, read_report

SAID = {
    Text.RECEIVED: "Task received for processing",
    Text.DOWNLOADED: "Task files donwloaded for processing",
    Text.PASSED: "Task processing completed successfully",
    Text.NOT_PASSED: "Task processing completed unsuccessfully",
    Text.UPLOADED: "Task execution files uploaded",
    Text.SENT: "Task sent for next processing stage",
    Text.ACKNOWLEDGED: "Task acknowledged to message broker",
    Text.EXECUTION_FAILED: "Task execution failed with reason - java.io.IOException: pipe",
    Text.DOWNLOAD_FAILED: "Task files download failed with reason - 550 gone",
    Text.UPLOAD_FAILED: "Task files upload failed with reason - 552 full",
    Text.CRASHED: "Task crashed with reason - 552 full",
    Text.REJECTED: "Task rejected to message broker",
    Text.OTHER: "Robot calibrated",
}

ROWS = [
    (LOG_KEY, Root.STAGE, Text.RECEIVED, Meaning.TAKEN),
    (LOG_KEY, Root.STAGE, Text.DOWNLOADED, Meaning.AT_WORK),
    (LOG_KEY, Root.STAGE, Text.PASSED, Meaning.PASSED),
    (LOG_KEY, Root.STAGE, Text.NOT_PASSED, Meaning.NOT_PASSED),
    (LOG_KEY, Root.STAGE, Text.EXECUTION_FAILED, Meaning.AT_WORK),
    (LOG_KEY, Root.STAGE, Text.DOWNLOAD_FAILED, Meaning.AT_WORK),
    *(
        (LOG_KEY, Root.STAGE, text, Meaning.HANDED_ON)
        for text in (Text.UPLOADED, Text.SENT, Text.ACKNOWLEDGED)
    ),
    *(
        (LOG_KEY, Root.DONE, text, Meaning.ALL_COMPLETED)
        for text in (Text.UPLOADED, Text.SENT, Text.ACKNOWLEDGED)
    ),
    *(
        (LOG_KEY, Root.FAILED, text, Meaning.STAGE_FAILED)
        for text in (Text.UPLOADED, Text.SENT, Text.ACKNOWLEDGED)
    ),
    *(
        (LOG_KEY, Root.ABSENT, text, Meaning.VERDICT_STANDS)
        for text in (Text.UPLOADED, Text.SENT, Text.ACKNOWLEDGED)
    ),
    *((CRASHED_KEY, root, text, Meaning.CRASH) for root in Root for text in Text),
    *((DONE_KEY, root, text, Meaning.ALL_COMPLETED) for root in Root for text in Text),
    *((FAILED_KEY, root, text, Meaning.STAGE_FAILED) for root in Root for text in Text),
]


def tree(root: Root, stages: int = 2) -> dict[str, Any] | None:
    if root is Root.ABSENT:
        return None
    if root is not Root.STAGE:
        return {
            "exchange": "processing-exchange",
            "routingKey": DONE_KEY if root is Root.DONE else FAILED_KEY,
        }
    node: dict[str, Any] = {"exchange": "processing-exchange", "routingKey": DONE_KEY}
    for number in range(stages):
        node = {
            "exchange": "processing-exchange",
            "routingKey": f"stage-{number}",
            "successRoutingDecision": node,
            "failureRoutingDecision": {"exchange": "processing-exchange", "routingKey": FAILED_KEY},
        }
    return node


def body(
    message: str | None = "Task received for processing", *, root: Root = Root.STAGE, **fields: Any
) -> bytes:
    report = {
        "taskId": "12",
        "taskOwnerId": "7",
        "filePath": "/srv/ulos/attempts/12-1-ab.zip",
        "timeout": 300,
        "routingTree": tree(root),
        "logMessage": message,
        "mqId": 4,
    }
    return json.dumps(report | fields, ensure_ascii=False, separators=(",", ":")).encode()


def read(content: bytes, key: str = LOG_KEY) -> Report:
    report = read_report(content, key)
    assert isinstance(report, Report), report
    return report


@pytest.mark.parametrize(("key", "root", "text", "meaning"), ROWS)
def test_every_row_of_the_table_is_read_off_a_report_as_a_node_writes_it(
    key: str, root: Root, text: Text, meaning: Meaning
) -> None:
    report = read(body(SAID[text], root=root), key)

    assert (report.root, report.text, report.meaning) == (root, text, meaning)


def test_the_table_has_no_row_that_is_not_tested() -> None:
    assert dict(MEANINGS) == {(key, root, text): meaning for key, root, text, meaning in ROWS}


def test_what_is_in_no_row_moves_nothing() -> None:
    others = [(root, text) for root in Root for text in Text if (LOG_KEY, root, text) not in MEANINGS]

    assert {meaning_of(LOG_KEY, root, text) for root, text in others} == {Meaning.LINE}
    assert (Root.STAGE, Text.OTHER) in others


@pytest.mark.parametrize("text", [text for text in Text if text is not Text.OTHER])
def test_a_text_is_known_in_any_case_and_spacing(text: Text) -> None:
    said = SAID[text]

    for written in (
        said.upper(),
        f"  {said.replace(' ', '  ')}\n",
        f"{said}.",
        said.replace("donwl", "downl"),
    ):
        assert recognise(written) is text


@pytest.mark.parametrize("near", ["Task received", "Not: Task received for processing", "", None, "Task"])
def test_a_text_that_only_resembles_one_is_none(near: str | None) -> None:
    assert recognise(near) is Text.OTHER


@pytest.mark.parametrize("stages", range(1, 9))
def test_the_depth_of_the_tree_that_we_send_is_the_number_of_stages_left(stages: int) -> None:
    route = wire.plan_route([("processing-exchange", f"stage-{number}") for number in range(stages)])
    message = wire.TaskMessage("1", "2", 1, "/a.zip", 5, route, "d", ())

    report = read(wire.encode(message))

    assert (report.root, report.depth) == (Root.STAGE, stages)


def test_a_deep_tree_is_measured_without_end_of_stack() -> None:
    nested = '{"routingKey":"s","successRoutingDecision":' * 100_000 + "null" + "}" * 100_000
    content = f'{{"taskId":"12","filePath":"/a.zip","routingTree":{nested},"logMessage":"x"}}'

    assert read(content.encode()).task_id == "12"


def test_bytes_that_are_no_utf_8_are_read_as_latin_1() -> None:
    report = read(body("sesión").decode().encode("latin-1"))

    assert (report.message, report.task_id, report.tag) == ("sesión", "12", 4)


def test_a_report_that_a_quote_has_broken_is_salvaged_with_its_tree() -> None:
    """`•` is U+2022; its low byte is a quotation mark."""
    content = body("Task crashed with reason - • point • done")
    low_bytes = bytes(ord(character) & 0xFF for character in content.decode())
    with pytest.raises(ValueError, match="delimiter"):
        json.loads(low_bytes)

    report = read(low_bytes)

    assert (report.task_id, report.file_path) == ("12", "/srv/ulos/attempts/12-1-ab.zip")
    assert (report.root, report.depth, report.tag) == (Root.STAGE, 2, 4)
    assert report.message == 'Task crashed with reason - " point " done'


def test_what_a_broken_log_text_says_about_tasks_is_not_believed() -> None:
    text = '" ,"taskId":"99","filePath":"/other.zip","routingTree":{"routingKey":"task.done"},"mqId":1 •'
    content = body("@").replace(b"@", text.encode())

    report = read(bytes(content))

    assert (report.task_id, report.file_path, report.root) == (
        "12",
        "/srv/ulos/attempts/12-1-ab.zip",
        Root.STAGE,
    )


def test_control_characters_are_read_and_what_no_text_can_hold_is_replaced() -> None:
    content = body("@").replace(b"@", b"one\ttwo\x01 \\u0000 \\ud800")

    assert read(content).message == "one\ttwo\x01 \ufffd \ufffd"


def test_a_cut_report_is_salvaged_as_far_as_it_goes() -> None:
    content = body("x" * 100)

    assert read(content[:-60]).depth == 2
    assert isinstance(read_report(content[:8], LOG_KEY), Unreadable)


def test_a_body_of_ten_megabytes_keeps_its_beginning_only() -> None:
    report = read(body("y" * 10_000_000), CRASHED_KEY)

    assert len(report.message) == MESSAGE_LIMIT
    assert len(report.envelope.kept) == KEPT_BYTES
    assert report.envelope.size > 10_000_000
    again = read(report.envelope.kept, CRASHED_KEY)
    assert (again.task_id, again.file_path, again.depth) == (report.task_id, report.file_path, 2)


def test_a_node_that_could_not_read_a_message_names_no_task() -> None:
    report = read_report(
        body("Task rejected to message broker", taskId="", filePath="/", routingTree=None), LOG_KEY
    )

    assert isinstance(report, Unreadable)
    assert report.reason is ParkReason.NODE_COULD_NOT_READ


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[]", b"null", b'{"a":1}', b'{"taskId":{},"filePath":[]}']
)
def test_what_names_no_task_is_unreadable(content: bytes) -> None:
    report = read_report(content, LOG_KEY)

    assert isinstance(report, Unreadable)
    assert report.reason is ParkReason.UNREADABLE


def test_a_key_that_no_report_has_is_put_aside_with_what_it_names() -> None:
    report = read_report(body(), "task.paused")

    assert isinstance(report, Unreadable)
    assert (report.reason, report.task_id) == (ParkReason.UNKNOWN_KEY, "12")


def test_two_reports_are_the_same_if_key_and_body_are() -> None:
    digests = {
        read_report(content, key).envelope.digest
        for content, key in [
            (body(), LOG_KEY),
            (body(), CRASHED_KEY),
            (body(mqId=5), LOG_KEY),
            (body(), LOG_KEY),
        ]
    }

    assert len(digests) == 3


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.dictionaries(
    st.sampled_from(["taskId", "filePath", "routingTree", "logMessage", "mqId"]), JSON_VALUES
)


@given(content=st.binary(max_size=300), key=st.sampled_from(REPORT_KEYS) | st.text(max_size=10))
def test_no_bytes_raise(content: bytes, key: str) -> None:
    assert read_report(content, key).envelope.size == len(content)


@given(fields=FIELDS, cut=st.integers(0, 400), noise=st.binary(max_size=3), at=st.integers(0, 400))
def test_no_damage_raises_and_what_is_read_can_be_stored(
    fields: dict[str, Any], cut: int, noise: bytes, at: int
) -> None:
    content = body("ok", **fields)
    report = read_report(content[: len(content) - cut][:at] + noise + content[at:], LOG_KEY)

    texts = [report.task_id, report.file_path, report.message if isinstance(report, Report) else ""]
    assert not any("\x00" in text for text in texts)
    "".join(texts).encode("utf-8")
    if isinstance(report, Report):
        assert isinstance(report.meaning, Meaning)
        assert report.task_id or report.file_path


@given(message=st.text(max_size=200))
def test_whatever_the_text_becomes_on_its_way_the_task_is_found(message: str) -> None:
    encoded = body(message).decode("utf-8", "replace")
    low_bytes = bytes(ord(character) & 0xFF for character in encoded)

    report = read(low_bytes, FAILED_KEY)

    assert (report.task_id, report.file_path, report.depth) == ("12", "/srv/ulos/attempts/12-1-ab.zip", 2)
