"""Mailboxes are proven, registrations wait for it, failed sign-ins say from which client, people are searched without accents."""

import sqlalchemy as sa
from alembic import op

revision = "0140a"
down_revision = "0170"
branch_labels = None
depends_on = None

GRANDFATHER = """
UPDATE users SET confirmed_at = now()
WHERE password_hash IS NOT NULL
  AND (is_admin
       OR EXISTS (SELECT FROM course_member WHERE user_id = users.id)
       OR EXISTS (SELECT FROM one_time_link WHERE user_id = users.id AND used_at IS NOT NULL))
"""
"""Whoever holds a role today keeps it. An account that only registered proves its mailbox first."""

SEARCH_KEY = r"""
CREATE FUNCTION search_key(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT lower(regexp_replace(normalize(words, NFKD), '[\u0300-\u036f]', '', 'g'))
$$
"""

OLD_LINK_PURPOSE = "purpose IN ('invitation', 'reset')"
NEW_LINK_PURPOSE = "purpose IN ('invitation', 'reset', 'registration')"
OLD_MAIL_PURPOSE = "purpose IN ('invitation', 'reset', 'result', 'alert')"
NEW_MAIL_PURPOSE = "purpose IN ('invitation', 'reset', 'registration', 'result', 'alert')"


def upgrade() -> None:
    op.execute(SEARCH_KEY)
    op.add_column("users", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(GRANDFATHER)
    op.create_table(
        "registration",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("asked_from", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
    )
    op.create_index("ix_registration_asked_from_created_at", "registration", ["asked_from", "created_at"])
    for table in ("one_time_link", "mail_outbox"):
        op.add_column(table, sa.Column("registration_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_registration_id"),
            table,
            "registration",
            ["registration_id"],
            ["id"],
            ondelete="CASCADE",
        )
        op.create_index(f"ix_{table}_registration_id", table, ["registration_id"])
        op.drop_constraint(op.f(f"ck_{table}_purpose"), table)
    op.alter_column("one_time_link", "user_id", nullable=True)
    op.create_check_constraint(op.f("ck_one_time_link_purpose"), "one_time_link", NEW_LINK_PURPOSE)
    op.create_check_constraint(
        op.f("ck_one_time_link_owner"),
        "one_time_link",
        "(purpose = 'registration') = (registration_id IS NOT NULL) "
        "AND (user_id IS NULL) = (registration_id IS NOT NULL)",
    )
    op.create_check_constraint(op.f("ck_mail_outbox_purpose"), "mail_outbox", NEW_MAIL_PURPOSE)
    op.create_check_constraint(
        op.f("ck_mail_outbox_registration"),
        "mail_outbox",
        "(purpose = 'registration') = (registration_id IS NOT NULL)",
    )
    op.add_column(
        "sign_in_failure",
        sa.Column("under_way", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("sign_in_failure", "under_way")
    for table, purpose in (("one_time_link", OLD_LINK_PURPOSE), ("mail_outbox", OLD_MAIL_PURPOSE)):
        op.execute(f"DELETE FROM {table} WHERE purpose = 'registration'")
        op.drop_constraint(op.f(f"ck_{table}_purpose"), table)
        op.drop_column(table, "registration_id")
        op.create_check_constraint(op.f(f"ck_{table}_purpose"), table, purpose)
    op.alter_column("one_time_link", "user_id", nullable=False)
    op.drop_table("registration")
    op.drop_column("users", "confirmed_at")
    op.execute("DROP FUNCTION search_key(text)")
