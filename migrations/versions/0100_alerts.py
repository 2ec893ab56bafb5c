"""Rules, incidents and targets of alerts, and the notices that wait to go out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0100"
down_revision = "0098"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
WAITING = sa.text("sent_at IS NULL AND given_up_at IS NULL")


def number(name: str, default: str | None = None, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(
        name, sa.BigInteger(), server_default=sa.text(default) if default else None, nullable=nullable
    )


def words(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, MOMENT, nullable=nullable)


def figure(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=False)


def key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def upgrade() -> None:
    _rules()
    _incidents()
    _targets()
    _webhooks()
    op.add_column("mail_outbox", sa.Column("texts", postgresql.JSONB(), nullable=True))
    op.drop_constraint(op.f("ck_mail_outbox_purpose"), "mail_outbox")
    op.create_check_constraint(
        op.f("ck_mail_outbox_purpose"), "mail_outbox", "purpose IN ('invitation', 'reset', 'result', 'alert')"
    )
    op.create_check_constraint(
        op.f("ck_mail_outbox_texts"), "mail_outbox", "(purpose = 'alert') = (texts IS NOT NULL)"
    )


def _rules() -> None:
    op.create_table(
        "alert_rule",
        key(),
        number("course_id", nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_on", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        figure("threshold"),
        number("least", "1"),
        number("usual_failed", "0"),
        number("usual_ended", "0"),
        moment("usual_at"),
        sa.CheckConstraint(
            "kind IN ('waiting', 'failures', 'silence', 'parked', 'no_consumer', 'unreachable', 'writes',"
            " 'disk')",
            name=op.f("ck_alert_rule_kind"),
        ),
        sa.CheckConstraint("threshold > 0", name=op.f("ck_alert_rule_threshold")),
        sa.CheckConstraint("least >= 1", name=op.f("ck_alert_rule_least")),
        sa.ForeignKeyConstraint(
            ["course_id"], ["course.id"], name=op.f("fk_alert_rule_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_rule")),
        sa.UniqueConstraint(
            "course_id",
            "kind",
            name=op.f("uq_alert_rule_course_id_kind"),
            postgresql_nulls_not_distinct=True,
        ),
    )


def _incidents() -> None:
    op.create_table(
        "alert_incident",
        key(),
        number("rule_id"),
        words("subject"),
        moment("held_since", nullable=False),
        moment("opened_at"),
        moment("calm_since"),
        moment("closed_at"),
        figure("value"),
        figure("worst"),
        figure("threshold"),
        moment("acknowledged_at"),
        number("acknowledged_by_id", nullable=True),
        words("note"),
        sa.CheckConstraint(
            "closed_at IS NULL OR opened_at IS NOT NULL", name=op.f("ck_alert_incident_closed")
        ),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by_id IS NULL)",
            name=op.f("ck_alert_incident_acknowledged"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["alert_rule.id"], name=op.f("fk_alert_incident_rule_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["acknowledged_by_id"], ["users.id"], name=op.f("fk_alert_incident_acknowledged_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_incident")),
    )
    op.create_index(
        "uq_alert_incident_under_way",
        "alert_incident",
        ["rule_id", "subject"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_alert_incident_rule_id_id", "alert_incident", ["rule_id", "id"])


def _targets() -> None:
    op.create_table(
        "alert_target",
        key(),
        number("course_id", nullable=True),
        sa.Column("form", sa.Text(), nullable=False),
        words("name"),
        words("email"),
        words("url"),
        moment("created_at", nullable=False),
        sa.CheckConstraint(
            "form IN ('keepers', 'mail', 'json', 'slack', 'teams')", name=op.f("ck_alert_target_form")
        ),
        sa.CheckConstraint(
            "(form IN ('json', 'slack', 'teams')) = (url <> '')", name=op.f("ck_alert_target_url")
        ),
        sa.CheckConstraint("(form = 'mail') = (email <> '')", name=op.f("ck_alert_target_email")),
        sa.ForeignKeyConstraint(
            ["course_id"], ["course.id"], name=op.f("fk_alert_target_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_target")),
    )
    op.create_index("ix_alert_target_course_id", "alert_target", ["course_id"])


def _webhooks() -> None:
    op.create_table(
        "webhook_outbox",
        key(),
        number("target_id"),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        moment("created_at", nullable=False),
        moment("next_try_at", nullable=False),
        number("tries", "0"),
        sa.Column("last_error", sa.Text(), nullable=True),
        moment("sent_at"),
        moment("given_up_at"),
        sa.ForeignKeyConstraint(
            ["target_id"],
            ["alert_target.id"],
            name=op.f("fk_webhook_outbox_target_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_outbox")),
    )
    op.create_index("ix_webhook_outbox_waiting", "webhook_outbox", ["next_try_at"], postgresql_where=WAITING)
    op.create_index("ix_webhook_outbox_target_id_id", "webhook_outbox", ["target_id", "id"])


def downgrade() -> None:
    op.execute("DELETE FROM mail_outbox WHERE purpose = 'alert'")
    op.drop_constraint(op.f("ck_mail_outbox_texts"), "mail_outbox")
    op.drop_constraint(op.f("ck_mail_outbox_purpose"), "mail_outbox")
    op.create_check_constraint(
        op.f("ck_mail_outbox_purpose"), "mail_outbox", "purpose IN ('invitation', 'reset', 'result')"
    )
    op.drop_column("mail_outbox", "texts")
    for table in ("webhook_outbox", "alert_target", "alert_incident", "alert_rule"):
        op.drop_table(table)
