"""People, courses and what proves who somebody is."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class User(Base):
    """A person. E-mails are kept in lower case, so that equal means equal."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email = lower(email) AND email LIKE '%_@_%'", name="email"),
        CheckConstraint("language IN ('es', 'en')", name="language"),
        Index("ix_users_natural_email", text('natural_key(email) COLLATE "C"'), "id"),
    )

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str] = mapped_column(server_default="")
    name_is_own: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the person has written the name; else lists of students correct it."""
    student_code: Mapped[str | None]
    """The university's own number of a student, as its lists say it."""
    password_hash: Mapped[str | None]
    is_admin: Mapped[bool] = mapped_column(server_default=text("false"))
    language: Mapped[str | None]
    timezone: Mapped[str | None]
    result_mail: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a mail says when the result of a submission of theirs arrives."""
    created_at: Mapped[Moment]
    confirmed_at: Mapped[Moment | None]
    """When the person proved that the mailbox is theirs. Without it no role holds (`core.auth`)."""
    disabled_at: Mapped[Moment | None]


class Course(Base):
    """A course; its zone is the one that due dates are meant in."""

    __tablename__ = "course"

    id: Mapped[Id]
    course_name: Mapped[str] = mapped_column(unique=True)
    timezone: Mapped[str]
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))
    creation_timestamp: Mapped[Moment]


class CourseMember(Base):
    """One person's one role in one course."""

    __tablename__ = "course_member"
    __table_args__ = (
        CheckConstraint("role IN ('professor', 'monitor', 'student')", name="role"),
        Index("ix_course_member_user_id", "user_id"),
    )

    course_id: Mapped[int] = mapped_column(ForeignKey("course.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str]
    joined_at: Mapped[Moment]


class WebSession(Base):
    """A signed-in browser. Only the hash of the cookie's value is kept."""

    __tablename__ = "web_session"
    __table_args__ = (Index("ix_web_session_user_id", "user_id"),)

    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    user_agent: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[Moment]
    last_seen_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]


class LoginTicket(Base):
    """What a right password buys: 30 seconds to fetch the cookie, once, from the same browser."""

    __tablename__ = "login_ticket"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    nonce_hash: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]


class SignInFailure(Base):
    """A failed sign-in; further ones from the same client have to wait, longer each time.

    `address` is the client: a network address, or a known device (`core.services.accounts.devices`).
    """

    __tablename__ = "sign_in_failure"
    __table_args__ = (
        Index("ix_sign_in_failure_email_at", "email", "at"),
        Index("ix_sign_in_failure_address_at", "address", "at"),
    )

    id: Mapped[Id]
    email: Mapped[str]
    address: Mapped[str]
    at: Mapped[Moment]
    under_way: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its password is still being checked: it may yet succeed, and then it does not count."""


class ApiToken(Base):
    """A bearer token given out by `/auth/login`; the row lets it be revoked."""

    __tablename__ = "api_token"
    __table_args__ = (Index("ix_api_token_user_id", "user_id"),)

    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id", ondelete="CASCADE"))
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    last_used_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]


class Registration(Base):
    """A person who asked for an account. With mail, the link that they are sent makes it."""

    __tablename__ = "registration"
    __table_args__ = (Index("ix_registration_asked_from_created_at", "asked_from", "created_at"),)

    id: Mapped[Id]
    email: Mapped[str]
    full_name: Mapped[str]
    asked_from: Mapped[str]
    created_at: Mapped[Moment]


class OneTimeLink(Base):
    """A link that sets a password, once: of an account, or of a registration that it turns into one.

    Only the hash of its token is kept.
    """

    __tablename__ = "one_time_link"
    __table_args__ = (
        CheckConstraint("purpose IN ('invitation', 'reset', 'registration')", name="purpose"),
        CheckConstraint(
            "(purpose = 'registration') = (registration_id IS NOT NULL) "
            "AND (user_id IS NULL) = (registration_id IS NOT NULL)",
            name="owner",
        ),
        Index("ix_one_time_link_registration_id", "registration_id"),
        Index("ix_one_time_link_user_id", "user_id"),
        Index("ix_one_time_link_expires_at", "expires_at"),
    )

    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id", ondelete="CASCADE"))
    purpose: Mapped[str]
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]


class OutgoingMail(Base):
    """A mail to be sent: whom and what for, never its link, which is made when it goes out.

    `recipient` may be nobody's address: who asks for a reset must not learn that.
    """

    __tablename__ = "mail_outbox"
    __table_args__ = (
        CheckConstraint(
            "purpose IN ('invitation', 'reset', 'registration', 'result', 'alert')", name="purpose"
        ),
        CheckConstraint("(purpose = 'registration') = (registration_id IS NOT NULL)", name="registration"),
        Index("ix_mail_outbox_registration_id", "registration_id"),
        CheckConstraint("(purpose = 'result') = (notice_id IS NOT NULL)", name="notice"),
        CheckConstraint("(purpose = 'alert') = (texts IS NOT NULL)", name="texts"),
        Index(
            "ix_mail_outbox_waiting",
            "next_try_at",
            postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL"),
        ),
        Index("ix_mail_outbox_recipient_created_at", "recipient", "created_at"),
        Index("ix_mail_outbox_asked_from_created_at", "asked_from", "created_at"),
    )

    id: Mapped[Id]
    recipient: Mapped[str]
    purpose: Mapped[str]
    course_name: Mapped[str] = mapped_column(server_default="")
    asked_from: Mapped[str] = mapped_column(server_default="")
    notice_id: Mapped[int | None] = mapped_column(
        ForeignKey("result_notice.id", ondelete="CASCADE"), unique=True
    )
    """Of what it tells; it goes with that."""
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id", ondelete="CASCADE"))
    texts: Mapped[dict[str, list[str]] | None] = mapped_column(JSONB)
    """Of a notice: language → its subject and its text. What carries a link is composed when it goes out."""
    created_at: Mapped[Moment]
    next_try_at: Mapped[Moment]
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    sent_at: Mapped[Moment | None]
    given_up_at: Mapped[Moment | None]


class CallbackToken(Base):
    """A named token of an orchestrator, shown once and kept as a hash."""

    __tablename__ = "callback_token"
    __table_args__ = (
        Index("uq_callback_token_name", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[Id]
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    created_at: Mapped[Moment]
    last_used_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]
