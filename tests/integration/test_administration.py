"""What admins do with people, and what they are told of the installation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import SecretStr

from core.context import Actor, Context
from core.errors import LastAdmin, NotAllowed
from core.services import accounts, installation
from tests import builders


def test_people_are_found_by_every_word_of_name_or_address_and_counted_as_listed(ctx: Context) -> None:
    admin = builders.person(ctx, "admin", is_admin=True)
    for name in ("ana.perez", "ana.gomez", "under_score", "underxscore"):
        builders.person(ctx, name)

    def found(search: str) -> list[str]:
        people = [person for person, _ in accounts.list_people(ctx, admin, search=search)]
        assert accounts.count_people(ctx, admin, search=search) == len(people)
        return [person.email.partition("@")[0] for person in people]

    assert found("ANA") == ["ana.gomez", "ana.perez"]
    assert found("gomez ana") == ["ana.gomez"]
    assert found("under_score") == ["under_score"], "no sign is a wildcard"
    page = accounts.list_people(ctx, admin, search="ana", limit=1, offset=1)
    assert [person.email for person, _ in page] == ["ana.perez@uniandes.edu.co"]


def test_two_admins_who_unmake_each_other_at_once_leave_one(ctx: Context) -> None:
    one, other = (builders.person(ctx, name, is_admin=True) for name in ("one", "other"))

    def unmake(actor: Actor, victim: Actor) -> bool:
        try:
            accounts.set_admin(ctx, actor, victim.user_id or 0, is_admin=False)
        except (LastAdmin, NotAllowed):  # the second, or one who is no admin any more
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(unmake, (one, other), (other, one)))

    assert done.count(True) == 1
    assert sum(accounts.get_person(ctx, actor).is_admin for actor in (one, other)) == 1


def test_the_only_admin_stays_one(ctx: Context) -> None:
    admin = builders.person(ctx, "admin", is_admin=True)

    with pytest.raises(LastAdmin):
        accounts.set_admin(ctx, admin, admin.user_id or 0, is_admin=False)

    assert accounts.get_person(ctx, admin).is_admin


def test_settings_are_told_without_their_secrets(ctx: Context) -> None:
    secrets = {"secret_key": SecretStr("hush-1"), "old_secret_keys": (SecretStr("hush-2"),)}
    ctx = replace(ctx, settings=ctx.settings.model_copy(update=secrets | {"max_upload_mb": 123}))
    admin = builders.person(ctx, "admin", is_admin=True)

    told = {setting.name: setting for setting in installation.list_settings(ctx, admin)}

    assert told["ULOS_MAX_UPLOAD_MB"].value == "123"
    assert told["ULOS_SECRET_KEY"].is_hidden
    assert told["ULOS_OLD_SECRET_KEYS"].is_hidden
    assert "hush" not in str(told)


def test_a_name_is_kept_on_one_line(ctx: Context) -> None:
    ana = builders.person(ctx, "ana")

    accounts.set_name(ctx, ana, "  Ana\n María  Pérez ")

    assert accounts.get_person(ctx, ana).full_name == "Ana María Pérez"
