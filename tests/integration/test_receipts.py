"""Receipts: what they prove, and for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from core.config import Settings
from core.context import Actor, Context
from core.errors import NotAReceipt, NotFound, NotSignedIn
from core.services import receipts
from core.services.receipts import Fault, ReceiptFacts
from tests import builders


def facts(ctx: Context, **overrides: Any) -> ReceiptFacts:
    return replace(ReceiptFacts(task_id=12, student_id=45, sha256="ab" * 32, at=ctx.now()), **overrides)


def with_keys(ctx: Context, key: str, *old: str) -> Context:
    keys = {"secret_key": SecretStr(key), "old_secret_keys": tuple(SecretStr(kept) for kept in old)}
    return replace(ctx, settings=ctx.settings.model_copy(update=keys))


def test_a_receipt_tells_its_facts_to_whoever_asks(ctx: Context) -> None:
    assert receipts.verify(ctx, f" {receipts.sign(ctx, facts(ctx))}\n") == facts(ctx)


def test_a_receipt_of_which_any_character_was_changed_is_none(ctx: Context) -> None:
    receipt = receipts.sign(ctx, facts(ctx))

    for at, char in enumerate(receipt):
        changed = f"{receipt[:at]}{'B' if char == 'A' else 'A'}{receipt[at + 1 :]}"
        with pytest.raises(NotAReceipt):
            receipts.verify(ctx, changed)


@pytest.mark.parametrize("text", ["", ".", "ULOS1...", "ñ.ñ.ñ.ñ", "A" * 5_000])
def test_what_is_no_receipt_is_refused(ctx: Context, text: str) -> None:
    with pytest.raises(NotAReceipt):
        receipts.verify(ctx, text)


def test_receipts_outlive_a_rotation_of_the_key_while_the_old_one_is_kept(ctx: Context) -> None:
    before, after, forgotten = with_keys(ctx, "a"), with_keys(ctx, "b", "x", "a"), with_keys(ctx, "b")
    receipt = receipts.sign(before, facts(ctx))

    assert receipts.verify(after, receipt) == facts(ctx)
    with pytest.raises(NotAReceipt):
        receipts.verify(forgotten, receipt)
    with pytest.raises(NotAReceipt):
        receipts.verify(before, receipts.sign(after, facts(ctx)))


def test_a_receipt_holds_neither_the_key_nor_anything_a_url_cannot_carry(ctx: Context) -> None:
    receipt = receipts.sign(ctx, facts(ctx))

    assert "test-secret-key" not in receipt
    assert set(receipt) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_keys_are_read_from_the_environment_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ULOS_OLD_SECRET_KEYS", "one/, two+=")

    kept = Settings(_env_file=None).old_secret_keys

    assert [key.get_secret_value() for key in kept] == ["one/", "two+="]


def test_the_receipt_of_a_submission_is_valid_and_matches_what_is_kept(ctx: Context) -> None:
    world = builders.world(ctx)
    accepted = builders.submit(ctx, world)
    file = f"ULOS\nSHA-256: {accepted.sha256}\n\n{receipts.issue(ctx, world.student, accepted.task_id)}\n"

    mine = receipts.check(ctx, world.student, file)
    others = receipts.check(ctx, world.stranger, file)

    assert mine.fault is None
    assert mine.matches is True
    assert mine.task is not None
    assert mine.task.reference == accepted.reference
    assert others.facts == mine.facts
    assert others.task is None, "what it says is proven; more is told to nobody else"


def test_a_receipt_of_a_row_that_says_something_else_does_not_match(ctx: Context) -> None:
    world = builders.world(ctx)
    accepted = builders.submit(ctx, world)
    other = facts(ctx, task_id=accepted.task_id, student_id=world.student.user_id)

    found = receipts.check(ctx, world.student, receipts.sign(ctx, other))

    assert found.fault is None
    assert found.matches is False


def test_what_is_wrong_with_a_receipt_is_told(ctx: Context) -> None:
    world = builders.world(ctx)
    receipt = receipts.sign(ctx, facts(ctx))
    elsewhere = receipts.sign(with_keys(ctx, "of another installation"), facts(ctx))
    texts = {"hello": Fault.NO_RECEIPT, f"{receipt}A": Fault.CHANGED, elsewhere: Fault.UNKNOWN_KEY}

    found = {text: receipts.check(ctx, world.student, text).fault for text in texts}

    assert found == texts


def test_receipts_are_checked_for_those_who_signed_in_and_issued_to_who_may_see(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id

    with pytest.raises(NotSignedIn):
        receipts.check(ctx, Actor(), "x")
    with pytest.raises(NotFound):
        receipts.issue(ctx, world.stranger, task_id)
