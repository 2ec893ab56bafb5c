"""Saved views: filters of the monitor's screen under a name, one's own or shared in the course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import natural
from core.errors import NameTaken, NotAllowed, NotFound, OutOfBounds
from core.models import SavedView, User
from core.services.texts import clean_text

NAME_LIMIT = 80
VALUE_LIMIT = 200
MOST_FILTERS = 20
MOST_VIEWS = 100
"""Saved views of one person in one course."""


@dataclass(frozen=True, slots=True)
class View:
    """A saved view. `filters` is the query of the screen's address; only who owns it may change it."""

    id: int
    name: str
    filters: Mapping[str, str]
    is_shared: bool
    is_mine: bool
    owner_email: str


def list_views(ctx: Context, actor: Actor, course_id: int) -> list[View]:
    """The actor's views in a course and those that others share there, by name.

    Raises:
        NotSignedIn, NotAllowed, NotFound: the screen is for those who teach.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MONITOR, course_id=course_id)
        rows = session.execute(
            select(SavedView, User.email)
            .join(User, User.id == SavedView.owner_id)
            .where(
                SavedView.course_id == course_id,
                or_(SavedView.owner_id == actor.user_id, SavedView.is_shared),
            )
            .order_by(natural(SavedView.name), SavedView.id)
        )
        return [
            View(row.id, row.name, row.filters, row.is_shared, row.owner_id == actor.user_id, email)
            for row, email in rows
        ]


def save_view(
    ctx: Context,
    actor: Actor,
    course_id: int,
    *,
    name: str,
    filters: Mapping[str, str],
    is_shared: bool = False,
) -> int:
    """Keep `filters` under a name; answers the id. A view of the same name of the actor's is replaced.

    Raises:
        NotSignedIn, NotAllowed, NotFound: the screen is for those who teach.
        Required, TooLong, BadText, OutOfBounds: the name, the filters, or how many there are.

    """
    name = clean_text("name", name, limit=NAME_LIMIT, required=True)
    if len(filters) > MOST_FILTERS:
        raise OutOfBounds(field="filters", bound=f"≤ {MOST_FILTERS}")
    kept = {
        clean_text("filter", key, limit=VALUE_LIMIT): clean_text("filter", value, limit=VALUE_LIMIT)
        for key, value in filters.items()
    }
    with ctx.db.transaction() as session:
        require(session, actor, Right.MONITOR, course_id=course_id)
        if actor.user_id is None:
            raise NotAllowed
        mine = select(SavedView.name).where(
            SavedView.course_id == course_id, SavedView.owner_id == actor.user_id
        )
        names = set(session.scalars(mine))
        if name not in names and len(names) >= MOST_VIEWS:
            raise OutOfBounds(field="views", bound=f"≤ {MOST_VIEWS}")
        changed = {"filters": kept, "is_shared": is_shared}
        made = insert(SavedView).values(
            course_id=course_id, owner_id=actor.user_id, name=name, created_at=ctx.now(), **changed
        )
        return session.scalars(
            made.on_conflict_do_update(
                index_elements=["course_id", "owner_id", "name"], set_=changed
            ).returning(SavedView.id)
        ).one()


def rename_view(ctx: Context, actor: Actor, view_id: int, *, name: str, is_shared: bool) -> None:
    """Give a view another name, share it, or share it no more.

    Raises:
        NotFound: there is none, or it is somebody else's.
        NotSignedIn, NotAllowed: the actor teaches there no more.
        Required, TooLong, BadText, NameTaken: the name.

    """
    name = clean_text("name", name, limit=NAME_LIMIT, required=True)
    with ctx.db.transaction() as session:
        row = _mine(session, actor, view_id)
        twin = select(SavedView.id).where(
            SavedView.course_id == row.course_id,
            SavedView.owner_id == row.owner_id,
            SavedView.name == name,
            SavedView.id != view_id,
        )
        if session.scalar(twin) is not None:
            raise NameTaken(name=name)
        session.execute(
            update(SavedView).where(SavedView.id == view_id).values(name=name, is_shared=is_shared)
        )


def delete_view(ctx: Context, actor: Actor, view_id: int) -> None:
    """Forget a view.

    Raises:
        NotFound: there is none, or it is somebody else's.
        NotSignedIn, NotAllowed: the actor teaches there no more.

    """
    with ctx.db.transaction() as session:
        session.delete(_mine(session, actor, view_id))


def _mine(session: Session, actor: Actor, view_id: int) -> SavedView:
    """The view, with the person's row held, so that two changes of one person come one after the other."""
    require(session, actor, Right.MONITOR)
    session.execute(select(User.id).where(User.id == actor.user_id).with_for_update())
    row = session.get(SavedView, view_id)
    if row is None or row.owner_id != actor.user_id:
        raise NotFound(what="view")
    require(session, actor, Right.MONITOR, course_id=row.course_id)
    return row
