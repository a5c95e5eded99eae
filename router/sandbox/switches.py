"""Every choice that the public documentation leaves open, and every limit of the stand-in, with its default.

One object, so that a test can run both ways by naming one member. The defaults are the strict or the likelier
reading; ``docs/reference/sandbox.md`` says for each one why. Members are only added together with that page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
SignatureStyle = Literal[
    "one",
    "two_valid_first",
    "two_valid_second",
    "with_v2",
    "blanks",
    "wrong_secret",
    "missing",
    "upper_hex",
    "other_body",
]


class Switches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this sandbox behaves where the real service is not fully described."""

    # Events face: what is refused
    max_body_bytes: Count = 512_000
    too_large_status: Literal[400, 413] = 400
    require_json_content_type: bool = True
    reject_duplicate_members: bool = True
    unknown_key_answer: Literal["text", "json"] = "text"
    accept_any_key: bool = False
    summary_unit: Literal["code_points", "utf16"] = "code_points"
    long_dedup_key: Literal["reject", "accept"] = "reject"
    custom_details_type: Literal["reject", "accept"] = "reject"
    malformed_attachments: Literal["reject", "drop"] = "reject"
    optional_member_types: Literal["reject", "accept"] = "reject"
    unknown_members: Literal["reject", "accept"] = "accept"
    unknown_alert_status: Literal[202, 400] = 202

    # Events face: pacing
    rate_limit_per_minute: Count = 120
    rate_limit_counts: Literal["accepted", "all"] = "accepted"
    account_rate_limit_per_minute: Count = 0
    change_events_share_window: bool = True
    throttle_retry_after_seconds: Count = 0
    throttle_body: Literal["json", "html", "empty"] = "json"
    answer_delay_ms: Count = 0

    # Events face: processing
    processing_delay_ms: Count = 200
    reorder_spread_ms: Count = 0
    accepted_loss_probability: Share = 0.0
    repeat_trigger_summary: Literal["replace", "keep"] = "replace"
    reopen_reopens_alerts: bool = False
    reassign_unacknowledges: bool = True
    escalate_on_timeout: bool = True
    forced_auto_resolve_open_limit: Count = 100_000

    # REST face
    rest_require_accept: bool = True
    rest_require_from: bool = True
    rest_rate_limit_per_minute: Count = 960
    rest_create_limit_per_minute: Count = 120
    rest_update_limit_per_minute: Count = 500
    rest_oncalls_limit_per_minute: Count = 240
    rest_bare_throttle: bool = False
    rest_error_shape: Literal["object", "string_errors", "array", "html"] = "object"
    rest_range_compares: Literal["created_at", "last_status_change_at"] = "created_at"
    rest_log_entries_order: Literal["newest_first", "oldest_first"] = "newest_first"
    rest_rows_change_between_pages: bool = False
    rest_read_delay_ms: Count = 0
    rest_nulls: bool = True
    rest_create_status: Literal[200, 201] = 200

    # Webhook sender
    webhook_signature: SignatureStyle = "one"
    webhook_timeout_ms: Count = 5_000
    webhook_retry_first_ms: Count = 60_000
    webhook_retry_cap_ms: Count = 3_600_000
    webhook_give_up_after_ms: Count = 172_800_000
    webhook_drops_before_disable: Count = 3
    webhook_disable_ms: Count = 86_400_000
    webhook_redirect: Literal["drop", "retry"] = "drop"
    webhook_duplicate_every: Count = 0
    webhook_unknown_every: Count = 10
    webhook_foreign_every: Count = 0
    webhook_delay_ms: Count = 0
    webhook_null_agent_every: Count = 0
    webhook_note_trim_length: Count = 4_096
    webhook_reorder_over_bytes: Count = 56_320
    webhook_drop_over_bytes: Count = 262_144

    # Bounds of the stand-in itself
    journal_max_entries: Count = 200_000
    journal_max_bytes: Count = 134_217_728
    kept_pages: Count = 200_000
    kept_resolved_incidents: Count = 50_000
    kept_log_entries: Annotated[int, Meta(ge=2)] = 1_000
    kept_change_events: Count = 10_000
    kept_services: Count = 10_000
    pending_events: Count = 200_000


def changed(switches: Switches, changes: dict[str, Any]) -> Switches:
    """The same switches with some members replaced; an unknown name or value raises with the reason."""
    return msgspec.convert({**msgspec.to_builtins(switches), **changes}, Switches)


def load_switches(path: Path) -> Switches:
    """Switches from a JSON object that names only those that differ from the defaults."""
    return msgspec.json.decode(path.read_bytes(), type=Switches)


def table(switches: Switches) -> str:
    """All switches as text, those that differ from the default marked; test runs print it."""
    plain = Switches()
    rows = []
    for name in Switches.__struct_fields__:
        value = getattr(switches, name)
        mark = "" if value == getattr(plain, name) else f"   (default {getattr(plain, name)})"
        rows.append(f"{name:34} {value}{mark}")
    return "\n".join(rows)
