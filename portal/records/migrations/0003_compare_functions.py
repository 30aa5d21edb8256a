"""Teaches PostgreSQL how filters compare: `portal_fold` and `portal_number`, as connectors.query does in Python."""

from __future__ import annotations

from django.db import migrations

from connectors.query import FOLD_FROM, FOLD_TO
from connectors.spelling import CANONICAL_NUMBER

FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION portal_fold(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(normalize(lower(given COLLATE "und-x-icu"), NFC), '{FOLD_FROM}', '{FOLD_TO}')
$$;
CREATE OR REPLACE FUNCTION portal_number(given text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN given ~ '{CANONICAL_NUMBER}' THEN given::numeric END
$$;
"""
GONE = "DROP FUNCTION IF EXISTS portal_fold(text); DROP FUNCTION IF EXISTS portal_number(text);"


def run(sql):
    def on_postgresql(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql, params=None)

    return on_postgresql


class Migration(migrations.Migration):
    dependencies = [("records", "0002_codec_and_leaner_indexes")]
    operations = [migrations.RunPython(run(FUNCTIONS), run(GONE))]
