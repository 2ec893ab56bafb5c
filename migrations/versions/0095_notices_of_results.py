"""Notices of results, with a mail for who wants one."""

import sqlalchemy as sa
from alembic import op

revision = "0095"
down_revision = "0090"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "result_notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("status_id", sa.SmallInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("shown_from", MOMENT, nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.CheckConstraint("status_id IN (3, 4)", name=op.f("ck_result_notice_status")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["task_attempt.id"], name=op.f("fk_result_notice_attempt_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["task.id"], name=op.f("fk_result_notice_task_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_result_notice_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["status_id"], ["processing_status.id"], name=op.f("fk_result_notice_status_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_notice")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_result_notice_attempt_id")),
    )
    op.create_index(
        "ix_result_notice_unread",
        "result_notice",
        ["user_id", "id"],
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index("ix_result_notice_task_id", "result_notice", ["task_id"])
    op.add_column(
        "users", sa.Column("result_mail", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("mail_outbox", sa.Column("notice_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_mail_outbox_notice_id"),
        "mail_outbox",
        "result_notice",
        ["notice_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_unique_constraint(op.f("uq_mail_outbox_notice_id"), "mail_outbox", ["notice_id"])
    op.drop_constraint(op.f("ck_mail_outbox_purpose"), "mail_outbox")
    op.create_check_constraint(
        op.f("ck_mail_outbox_purpose"), "mail_outbox", "purpose IN ('invitation', 'reset', 'result')"
    )
    op.create_check_constraint(
        op.f("ck_mail_outbox_notice"), "mail_outbox", "(purpose = 'result') = (notice_id IS NOT NULL)"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_mail_outbox_notice"), "mail_outbox")
    op.execute("DELETE FROM mail_outbox WHERE purpose = 'result'")
    op.drop_constraint(op.f("ck_mail_outbox_purpose"), "mail_outbox")
    op.create_check_constraint(
        op.f("ck_mail_outbox_purpose"), "mail_outbox", "purpose IN ('invitation', 'reset')"
    )
    op.drop_column("mail_outbox", "notice_id")
    op.drop_column("users", "result_mail")
    op.drop_table("result_notice")
