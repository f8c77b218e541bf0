"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "dirty_days",
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("start_ns", "check_id", "location_id", name=op.f("pk_dirty_days")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dirty_weeks",
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("start_ns", "check_id", "location_id", name=op.f("pk_dirty_weeks")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dirty_hours",
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("start_ns", "check_id", "location_id", name=op.f("pk_dirty_hours")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "locations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "name", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locations")),
        sa.UniqueConstraint("name", name=op.f("uq_locations_name")),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marks")),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "key", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("loaded_ns", sa.BigInteger(), nullable=False),
        sa.Column("removed_ns", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("key", name=op.f("uq_projects_key")),
    )
    op.create_table(
        "rollups_day",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("degraded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("flaky", sa.Integer(), nullable=False),
        sa.Column("up_ns", sa.BigInteger(), nullable=False),
        sa.Column("degraded_ns", sa.BigInteger(), nullable=False),
        sa.Column("down_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("check_id", "location_id", "start_ns", name=op.f("pk_rollups_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollups_week",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("degraded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("flaky", sa.Integer(), nullable=False),
        sa.Column("up_ns", sa.BigInteger(), nullable=False),
        sa.Column("degraded_ns", sa.BigInteger(), nullable=False),
        sa.Column("down_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "check_id", "location_id", "start_ns", name=op.f("pk_rollups_week")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollups_hour",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("degraded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("flaky", sa.Integer(), nullable=False),
        sa.Column("up_ns", sa.BigInteger(), nullable=False),
        sa.Column("degraded_ns", sa.BigInteger(), nullable=False),
        sa.Column("down_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "check_id", "location_id", "start_ns", name=op.f("pk_rollups_hour")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "secrets",
        sa.Column(
            "project_key",
            sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "name", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_key", "name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "sketches_day",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "check_id", "location_id", "start_ns", name=op.f("pk_sketches_day")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sketches_week",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "check_id", "location_id", "start_ns", name=op.f("pk_sketches_week")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sketches_hour",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "check_id", "location_id", "start_ns", name=op.f("pk_sketches_hour")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=True),
        sa.Column("used_ns", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ns", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
    )
    op.create_table(
        "transcripts",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("due_ns", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("keep", sa.SmallInteger(), nullable=False),
        sa.Column("codec", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("check_id", "due_ns", "location_id", name=op.f("pk_transcripts")),
    )
    op.create_table(
        "channels",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("worked_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_channels_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "name", name=op.f("pk_channels")),
    )
    op.create_table(
        "checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column(
            "key", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.LargeBinary(), nullable=False),
        sa.Column("first_seen_ns", sa.BigInteger(), nullable=False),
        sa.Column("removed_ns", sa.BigInteger(), nullable=True),
        sa.Column("paused_ns", sa.BigInteger(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("resumed_ns", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_checks_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checks")),
        sa.UniqueConstraint("project_id", "key", name=op.f("uq_checks_project_id_key")),
        sa.UniqueConstraint("uid", name=op.f("uq_checks_uid")),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_sessions_token_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sessions")),
    )
    op.create_table(
        "check_locations",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["check_id"], ["checks.id"], name=op.f("fk_check_locations_check_id")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_check_locations_location_id")
        ),
        sa.PrimaryKeyConstraint("check_id", "location_id", name=op.f("pk_check_locations")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "check_states",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("since_ns", sa.BigInteger(), nullable=False),
        sa.Column("due_ns", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("bad_in_row", sa.Integer(), nullable=False),
        sa.Column("good_in_row", sa.Integer(), nullable=False),
        sa.Column("bad_since_ns", sa.BigInteger(), nullable=True),
        sa.Column("until_ns", sa.BigInteger(), nullable=False),
        sa.Column("planned_ns", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_check_states_check_id")),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_check_states_location_id")
        ),
        sa.PrimaryKeyConstraint("check_id", "location_id", name=op.f("pk_check_states")),
    )
    op.create_table(
        "check_tags",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column(
            "tag", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False
        ),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_check_tags_check_id")),
        sa.PrimaryKeyConstraint("check_id", "tag", name=op.f("pk_check_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_check_tags_tag", "check_tags", ["tag"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("opened_ns", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("began_ns", sa.BigInteger(), nullable=False),
        sa.Column(
            "code", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True
        ),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("hint", sa.Text(), nullable=True),
        sa.Column("phase", sa.Text(), nullable=True),
        sa.Column("closed_ns", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("ended_ns", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_incidents_check_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_of_check", "incidents", ["check_id", "opened_ns"], unique=False)
    op.create_index("ix_incidents_opened_ns", "incidents", ["opened_ns"], unique=False)
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["check_id"],
        unique=True,
        sqlite_where=sa.text("closed_ns IS NULL"),
        postgresql_where=sa.text("closed_ns IS NULL"),
    )
    op.create_table(
        "runs",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("due_ns", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("cause", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("started_ns", sa.BigInteger(), nullable=True),
        sa.Column("duration_ns", sa.BigInteger(), nullable=True),
        sa.Column("holds_ns", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("clock", sa.SmallInteger(), nullable=True),
        sa.Column(
            "code", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True
        ),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("phase", sa.Text(), nullable=True),
        sa.Column("dns_ns", sa.BigInteger(), nullable=True),
        sa.Column("tcp_ns", sa.BigInteger(), nullable=True),
        sa.Column("proxy_ns", sa.BigInteger(), nullable=True),
        sa.Column("tls_ns", sa.BigInteger(), nullable=True),
        sa.Column("upgrade_ns", sa.BigInteger(), nullable=True),
        sa.Column("first_message_ns", sa.BigInteger(), nullable=True),
        sa.Column("open_ns", sa.BigInteger(), nullable=True),
        sa.Column("close_ns", sa.BigInteger(), nullable=True),
        sa.Column("reply_ns", sa.BigInteger(), nullable=True),
        sa.Column("stored_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_runs_check_id")),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_runs_location_id")
        ),
        sa.PrimaryKeyConstraint("check_id", "due_ns", "location_id", name=op.f("pk_runs")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_runs_code",
        "runs",
        ["code", "due_ns", "check_id", "location_id", "status"],
        unique=False,
        sqlite_where=sa.text("code IS NOT NULL"),
        postgresql_where=sa.text("code IS NOT NULL"),
    )
    op.create_index("ix_runs_due_ns", "runs", ["due_ns", "check_id", "location_id"], unique=False)
    op.create_index(
        "ix_runs_not_passed",
        "runs",
        ["status", "due_ns", "check_id", "location_id", "code"],
        unique=False,
        sqlite_where=sa.text("status > 0"),
        postgresql_where=sa.text("status > 0"),
    )
    op.create_index(
        "ix_runs_not_passed_of_check",
        "runs",
        ["check_id", "status", "due_ns", "location_id", "code"],
        unique=False,
        sqlite_where=sa.text("status > 0"),
        postgresql_where=sa.text("status > 0"),
    )
    op.create_index("ix_runs_run_id", "runs", ["run_id"], unique=True)
    op.create_table(
        "pending_runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("due_ns", sa.BigInteger(), nullable=False),
        sa.Column("holds_ns", sa.BigInteger(), nullable=False),
        sa.Column("grace_ns", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_pending_runs_check_id")),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_pending_runs_location_id")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_pending_runs")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_ns", sa.BigInteger(), nullable=True),
        sa.Column("delivered_ns", sa.BigInteger(), nullable=True),
        sa.Column("given_up_ns", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_outbox_incident_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_incident_id", "outbox", ["incident_id"], unique=False)
    op.create_index("ix_outbox_next_try_ns", "outbox", ["next_try_ns"], unique=False)
