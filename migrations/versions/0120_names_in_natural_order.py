"""What people read as a list of names is sorted as people sort: by number, and n before ñ."""

from alembic import op

revision = "0120"
down_revision = "0111"
branch_labels = None
depends_on = None

# ñ is a letter of its own, after n: a tilde comes after every letter. The other accents do not count,
# nor does case, which `lower` alone knows for a to z only where the database is in the locale C.
_NATURAL_KEY = r"""
CREATE FUNCTION natural_key(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_replace(
        regexp_replace(
            replace(
                translate(
                    lower(normalize(name, NFC)),
                    'ÁÀÄÂÃÅáàäâãåÉÈËÊéèëêÍÌÏÎíìïîÓÒÖÔÕóòöôõÚÙÜÛúùüûÇçÝýÑ',
                    'aaaaaaaaaaaaeeeeeeeeiiiiiiiioooooooooouuuuuuuuccyyñ'
                ),
                'ñ', 'n~'
            ),
            '([0-9]+)', '000000000000000\1', 'g'
        ),
        '[0-9]*([0-9]{15})', '\1', 'g'
    )
$$
"""


def upgrade() -> None:
    op.execute(_NATURAL_KEY)


def downgrade() -> None:
    op.execute("DROP FUNCTION natural_key(text)")
