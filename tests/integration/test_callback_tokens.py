"""Named tokens of orchestrators: made by admins, good for their scopes only, revocable."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from api.app import create_app
from core.auth import SCOPES, TABLE, Standing
from core.context import Actor, Context
from core.errors import NameTaken, NotFound, NotSignedIn, Required, TooLong, UnknownChoice
from core.models import CallbackToken
from core.services import accounts
from core.services.accounts import NewCallbackToken
from core.vocabulary import Scope
from tests import builders
from tests.conftest import Clock


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx)) as made:
        yield made


@pytest.fixture
def admin(ctx: Context) -> Actor:
    return builders.person(ctx, "admin", is_admin=True)


def make(ctx: Context, admin: Actor, *scopes: str, name: str = "lab") -> NewCallbackToken:
    return accounts.create_callback_token(ctx, admin, name=name, scopes=scopes or ("logs",))


CALLS: dict[Scope, Callable[[TestClient, int, dict[str, str]], Response]] = {
    Scope.LOGS: lambda client, task, headers: client.post(
        f"/tasks/{task}/logs", json={"log_message": "hello"}, headers=headers
    ),
    Scope.STATUS: lambda client, task, headers: client.patch(
        f"/tasks/{task}", json={"PARSING": 2}, headers=headers
    ),
    Scope.REQUEUE: lambda client, task, headers: client.patch(f"/tasks/{task}/requeue", headers=headers),
}


@pytest.mark.parametrize("granted", list(Scope))
def test_a_token_opens_the_callbacks_of_its_scope_and_no_other(
    ctx: Context, client: TestClient, admin: Actor, granted: Scope
) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id
    headers = {"Authorization": f"Bearer {make(ctx, admin, granted).token}"}

    opened = {scope for scope, call in CALLS.items() if call(client, task_id, headers).status_code < 300}
    refused = {scope for scope, call in CALLS.items() if call(client, task_id, headers).status_code == 403}

    assert opened == {granted} & set(CALLS)
    assert refused == set(CALLS) - {granted}


def test_no_right_of_orchestrators_is_without_a_scope() -> None:
    assert {right for right, who in TABLE.items() if Standing.ORCHESTRATOR in who} == set(SCOPES)


def test_a_token_is_shown_once_and_kept_as_a_hash(ctx: Context, admin: Actor) -> None:
    made = make(ctx, admin)

    with ctx.db.transaction() as session:
        assert made.token.encode() not in session.scalars(select(CallbackToken.token_hash)).one()
    assert made.token not in repr(accounts.list_callback_tokens(ctx, admin))


def test_a_revoked_token_opens_nothing_and_leaves_its_name_free(
    ctx: Context, client: TestClient, admin: Actor
) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id
    old, other = make(ctx, admin), make(ctx, admin, name="other")

    accounts.revoke_callback_token(ctx, admin, old.view.id)
    new = make(ctx, admin)

    answers = [
        CALLS[Scope.LOGS](client, task_id, {"Authorization": f"Bearer {made.token}"}).status_code
        for made in (old, other, new)
    ]
    assert answers == [401, 201, 201]
    with pytest.raises(NotFound):
        accounts.revoke_callback_token(ctx, admin, old.view.id)


def test_the_last_use_is_shown_to_the_minute(ctx: Context, admin: Actor, clock: Clock) -> None:
    token = make(ctx, admin).token
    began = clock()
    seen = []
    for _ in range(3):
        clock.advance(seconds=40)
        accounts.actor_of_bearer(ctx, token)
        last = accounts.list_callback_tokens(ctx, admin)[0].last_used_at
        seen.append((last - began).total_seconds() if last else None)

    assert seen == [40, 40, 120]


def test_names_and_scopes_are_checked(ctx: Context, admin: Actor) -> None:
    make(ctx, admin, name="lab")

    for name, scopes, error in (
        (" lab ", ["logs"], NameTaken),
        (" ", ["logs"], Required),
        ("x" * 101, ["logs"], TooLong),
        ("a", [], Required),
        ("b", ["logs", "admin"], UnknownChoice),
    ):
        with pytest.raises(error):
            accounts.create_callback_token(ctx, admin, name=name, scopes=scopes)


def test_the_living_are_listed_before_the_revoked(ctx: Context, admin: Actor) -> None:
    first = make(ctx, admin, "status", "logs", name="a")
    make(ctx, admin, name="b")
    accounts.revoke_callback_token(ctx, admin, first.view.id)

    listed = accounts.list_callback_tokens(ctx, admin)

    assert [(token.name, token.scopes) for token in listed] == [
        ("b", (Scope.LOGS,)),
        ("a", (Scope.LOGS, Scope.STATUS)),
    ]


def test_admins_make_list_and_revoke_tokens_over_http(ctx: Context, client: TestClient, admin: Actor) -> None:
    mine = {"Authorization": f"Bearer {accounts.issue_api_token(ctx, admin.user_id or 0)}"}

    made = client.post("/callback-tokens", json={"name": "lab", "scopes": ["read"]}, headers=mine)
    listed = [client.get(path, headers=mine).json() for path in ("/callback-tokens", "/callback-tokens/")]
    gone = client.delete(f"/callback-tokens/{made.json()['id']}", headers=mine)

    assert made.status_code == 201
    assert listed[0] == listed[1] == [{key: value for key, value in made.json().items() if key != "token"}]
    assert gone.status_code == 204
    with pytest.raises(NotSignedIn):
        accounts.actor_of_callback_token(ctx, made.json()["token"])
