"""Saved views of the monitor's screen: whose they are, who sees them, who may change them."""

from __future__ import annotations

import pytest

from core.context import Context
from core.errors import NameTaken, NotAllowed, NotFound, Required
from core.services import views
from tests import builders

FILTERS = {"window": "24", "view": "failures", "triage": "open"}


def test_a_view_is_ones_own_until_it_is_shared_with_those_who_teach(ctx: Context) -> None:
    world = builders.world(ctx)
    number = views.save_view(ctx, world.professor, world.course_id, name=" Red ", filters=FILTERS)
    before = views.list_views(ctx, world.monitor, world.course_id)

    views.rename_view(ctx, world.professor, number, name="Red today", is_shared=True)

    (seen,) = views.list_views(ctx, world.monitor, world.course_id)
    assert before == []
    assert (seen.name, seen.filters, seen.is_mine) == ("Red today", FILTERS, False)
    assert seen.owner_email == "professor@uniandes.edu.co"
    with pytest.raises(NotAllowed):
        views.list_views(ctx, world.student, world.course_id)


def test_only_who_owns_a_view_changes_or_deletes_it(ctx: Context) -> None:
    world = builders.world(ctx)
    number = views.save_view(
        ctx, world.professor, world.course_id, name="Red", filters=FILTERS, is_shared=True
    )

    with pytest.raises(NotFound):
        views.rename_view(ctx, world.monitor, number, name="Mine", is_shared=False)
    with pytest.raises(NotFound):
        views.delete_view(ctx, world.monitor, number)
    views.delete_view(ctx, world.professor, number)

    assert views.list_views(ctx, world.professor, world.course_id) == []


def test_a_name_is_given_once_and_keeping_it_again_replaces_the_filters(ctx: Context) -> None:
    world = builders.world(ctx)
    first = views.save_view(ctx, world.monitor, world.course_id, name="A", filters=FILTERS)
    other = views.save_view(ctx, world.monitor, world.course_id, name="B", filters={})

    again = views.save_view(ctx, world.monitor, world.course_id, name="A", filters={"window": "1"})

    assert again == first
    assert views.list_views(ctx, world.monitor, world.course_id)[0].filters == {"window": "1"}
    with pytest.raises(NameTaken):
        views.rename_view(ctx, world.monitor, other, name="A", is_shared=False)
    with pytest.raises(Required):
        views.save_view(ctx, world.monitor, world.course_id, name=" ", filters={})
