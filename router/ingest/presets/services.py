"""Services that watch for somebody: Datadog, New Relic, Sentry, Pingdom, UptimeRobot, Healthchecks, and builds."""

from __future__ import annotations

from router.ingest.presets.preset import Preset
from router.model.webhook import Signature

DATADOG = Preset(
    title="Datadog",
    # The payload of docs/howto/sources.md; of Datadog's own default the title says what happened.
    mapping={
        "service": (
            "default(regex_extract(tags, '(?:^|,)\\s*service:([^,]+)'), regex_extract(scope, '(?:^|,)\\s*service:([^,]+)'), "
            "hostname, regex_extract(scope, '(?:^|,)\\s*host:([^,]+)'), 'datadog')"
        ),
        "name": "default(alert_title, regex_extract(title, '^\\[[^\\]]*\\]\\s*(.+)$'), title)",
        "severity": (
            "default(lookup(priority, {P1: 'critical', P2: 'error', P3: 'warning', P4: 'info', P5: 'info'}), "
            "starts_with(default(transition, title, ''), 'Warn') && 'warning', "
            "starts_with(default(transition, title, ''), 'Re-Warn') && 'warning', "
            "starts_with(title || '', '[Warn') && 'warning', lookup(type, {error: 'error', warning: 'warning', info: 'info'}))"
        ),
        "status": "default(transition, regex_extract(title, '^\\[([A-Za-z]+(?:[ -][A-Za-z]+)?)'))",
        "labels": {
            "host": "hostname",
            "env": "regex_extract(tags, '(?:^|,)\\s*env:([^,]+)')",
            "monitor": "alert_id",
            "scope": "scope",
            "tags": "tags",
        },
        "summary": "title",
        "details": {"body": "body", "metric": "metric", "query": "query"},
        "links": ({"href": "link", "text": "'Datadog'"},),
        "images": ({"src": "snapshot"},),
        "generator_url": "link",
        "starts_at": "date",
        "dedup_key": (
            "default(cycle_key, alert_id && join_('/', [alert_id, scope]), aggreg_key, "
            "regex_extract(title, '^\\[[^\\]]*\\]\\s*(.+)$'), title)"
        ),
    },
    statuses={
        "firing": ("triggered", "re-triggered", "renotify", "no data", "re-no data", "warn", "re-warn"),
        "resolved": ("recovered", "success"),
    },
)

NEWRELIC = Preset(
    title="New Relic, workflows and the older incidents",
    mapping={
        "service": "default(impactedEntities[0], entitiesData.names[0], targets[0].name, policy_name, alertPolicyNames[0])",
        "name": "default(alertConditionNames[0], condition_name, title)",
        "severity": "default(priority, severity)",
        "status": "default(state, current_state)",
        "labels": {
            "policy": "default(alertPolicyNames[0], policy_name)",
            "account": "default(account_name, account_id)",
            "product": "targets[0].product",
            "workflow": "workflowName",
        },
        "summary": "default(title, details)",
        "details": {
            "details": "details",
            "trigger": "trigger",
            "total_incidents": "totalIncidents",
            "entities": "impactedEntities",
        },
        "links": (
            {"href": "default(issueUrl, issuePageUrl, incident_url)", "text": "'New Relic'"},
            {"href": "runbook_url", "text": "'Runbook'"},
        ),
        "images": ({"src": "violationChartUrl"},),
        "starts_at": "default(createdAt, activatedAt, timestamp)",
        "ends_at": "closedAt",
        "dedup_key": "to_string(default(issueId, id, incident_id))",
    },
    statuses={
        "firing": ("created", "activated"),
        "resolved": ("closed", "deactivated"),
        "ignored": ("acknowledged",),
    },
    severities={
        "critical": ("critical",),
        "error": ("high",),
        "warning": ("medium",),
        "info": ("low",),
    },
)

SENTRY = Preset(
    title="Sentry",
    mapping={
        "ignore": "contains(['installation', 'comment', 'seer'], _headers.\"sentry-hook-resource\" || '')",
        "service": (
            "default(data.metric_alert.projects[0], data.issue.project.slug, "
            "regex_extract(default(data.event.url, data.error.url), '/projects/[^/]+/([^/]+)/'), project_slug, project, "
            "data.event.project, data.error.project)"
        ),
        "name": (
            "default(data.metric_alert.alert_rule.name, data.event.metadata.type, data.error.metadata.type, "
            "data.issue.metadata.type, data.event.title, data.issue.title, event.metadata.type, event.title, message)"
        ),
        "severity": "default(data.event.level, data.error.level, data.issue.level, data.metric_alert && action, level)",
        "status": "default(action, 'triggered')",
        "kind": "data.metric_alert && 'stateful' || 'event'",
        "labels": {
            "environment": "default(data.event.environment, data.metric_alert.alert_rule.environment, event.environment)",
            "release": "default(data.event.release, event.release)",
            "culprit": "default(data.event.culprit, data.issue.culprit, culprit)",
            "rule": "default(data.triggered_rule, triggering_rules[0])",
            "issue": "default(data.event.issue_id, data.issue.id, data.error.issue_id, id)",
        },
        "summary": (
            "default(data.description_title, data.event.title, data.error.title, data.issue.title, event.title, message)"
        ),
        "details": {
            "description": "default(data.description_text, data.event.message, data.issue.culprit)",
            "tags": "data.event.tags",
        },
        "links": (
            {
                "href": "default(data.web_url, data.event.web_url, data.error.web_url, data.issue.permalink, url)",
                "text": "'Sentry'",
            },
        ),
        "generator_url": "default(data.web_url, data.event.web_url, data.issue.permalink, url)",
        "starts_at": "default(data.event.datetime, data.metric_alert.date_started, data.issue.lastSeen)",
        "dedup_key": (
            "data.metric_alert && join_('-', ['metric', default(data.metric_alert.identifier, data.metric_alert.id)]) || "
            "join_('-', ['issue', default(data.event.issue_id, data.issue.id, data.error.issue_id, id)])"
        ),
    },
    statuses={
        "firing": ("triggered", "created", "unresolved", "critical", "warning"),
        "resolved": ("resolved",),
        "ignored": ("assigned", "archived", "ignored"),
    },
    signature=Signature(header="Sentry-Hook-Signature"),
)

PINGDOM = Preset(
    title="Pingdom",
    mapping={
        "service": "default(check_params.hostname, check_params.host, check_name)",
        "name": "check_name",
        "severity": "importance_level",
        "status": "current_state",
        "labels": {"check_type": "check_type", "check_id": "check_id", "tags": "tags"},
        "summary": "join_(': ', [check_name, default(long_description, description)])",
        "details": {
            "previous_state": "previous_state",
            "first_probe": "first_probe.location",
            "second_probe": "second_probe.location",
        },
        "links": (
            {"href": "check_params.full_url", "text": "check_params.hostname"},
            {
                "href": "check_id && join('', ['https://my.pingdom.com/app/reports/uptime#check=', to_string(check_id)])",
                "text": "'Pingdom'",
            },
        ),
        "starts_at": "previous_state == 'UP' && state_changed_timestamp || null",
        "ends_at": "contains(['UP', 'SUCCESS'], current_state || '') && state_changed_timestamp || null",
        "dedup_key": "to_string(default(check_id, check_name))",
    },
    statuses={
        "ignored": ("unconfirmed_down", "unconfirmed", "paused", "unknown"),
    },
)

UPTIMEROBOT = Preset(
    title="UptimeRobot",
    mapping={
        "service": "default(regex_extract(monitorURL, '^(?:https?://)?([^/:]+)'), monitorFriendlyName)",
        "name": "monitorFriendlyName",
        "status": "default(alertType, alertTypeFriendlyName)",
        "kind": "to_string(alertType) == '3' && 'event' || 'stateful'",
        "labels": {"monitor": "monitorFriendlyName", "url": "monitorURL", "type": "alertTypeFriendlyName"},
        "summary": "join_(': ', [monitorFriendlyName, alertTypeFriendlyName, alertDetails])",
        "details": {"details": "alertDetails", "duration": "alertDuration"},
        "links": ({"href": "monitorURL", "text": "monitorFriendlyName"},),
        "starts_at": "to_string(alertType) != '2' && alertDateTime || null",
        "dedup_key": "join_('/', [monitorID, to_string(alertType) == '3' && 'certificate' || ''])",
    },
    statuses={
        "firing": ("1", "3", "down"),
        "resolved": ("2", "up"),
    },
)

HEALTHCHECKS = Preset(
    title="Healthchecks",
    mapping={
        "service": "default(regex_extract(tags, '(?:^|\\s)service[:=](\\S+)'), name)",
        "name": "default(name, code)",
        "status": "status",
        "labels": {"check": "name", "tags": "tags"},
        "summary": "join_(' ', [name, 'is', status])",
        "details": {"exit_status": "exitstatus", "body": "body"},
        "links": ({"href": "url", "text": "'Healthchecks'"},),
        "dedup_key": "default(code, uuid, name)",
    },
    statuses={
        "firing": ("down",),
        "resolved": ("up",),
        "ignored": ("grace", "started", "paused", "new"),
    },
)

GITHUB_ACTIONS = Preset(
    title="GitHub Actions",
    mapping={
        "ignore": ("!workflow_run || action != 'completed' || starts_with(workflow_run.event || '', 'pull_request')"),
        "service": "repository.name",
        "name": "workflow_run.name",
        "status": "workflow_run.conclusion",
        "labels": {
            "repository": "repository.full_name",
            "branch": "workflow_run.head_branch",
            "default_branch": "workflow_run.head_branch == repository.default_branch",
            "trigger": "workflow_run.event",
        },
        "summary": "join_(' ', [workflow_run.name, 'on', workflow_run.head_branch, 'of', repository.full_name, 'ended:', "
        "workflow_run.conclusion])",
        "details": {
            "title": "workflow_run.display_title",
            "commit": "workflow_run.head_sha",
            "actor": "workflow_run.actor.login",
            "attempt": "workflow_run.run_attempt",
        },
        "links": ({"href": "workflow_run.html_url", "text": "'Run'"},),
        "generator_url": "workflow_run.html_url",
        "dedup_key": (
            "join_('/', [repository.full_name, default(workflow_run.workflow_id, workflow_run.name), workflow_run.head_branch])"
        ),
    },
    statuses={
        "firing": ("failure", "timed_out", "startup_failure"),
        "resolved": ("success",),
        "ignored": ("cancelled", "skipped", "neutral", "action_required", "stale"),
    },
    signature=Signature(header="X-Hub-Signature-256", prefix="sha256="),
)

JENKINS = Preset(
    title="Jenkins, Notification plugin",
    mapping={
        "ignore": "!contains(['COMPLETED', 'FINALIZED'], build.phase || '')",
        "service": "name",
        "name": "'BuildFailed'",
        "severity": "lookup(build.status, {FAILURE: 'error', UNSTABLE: 'warning'})",
        "status": "build.status",
        "labels": {"job": "default(display_name, name)", "branch": "build.scm.branch"},
        "summary": "join_(' ', ['Build', build.number, 'of', name, 'ended:', build.status])",
        "details": {"commit": "build.scm.commit", "number": "build.number", "log": "build.log"},
        "links": ({"href": "build.full_url", "text": "'Build'"},),
        "generator_url": "build.full_url",
        "dedup_key": "default(url, name)",
    },
    statuses={
        "firing": ("failure", "unstable"),
        "resolved": ("success",),
        "ignored": ("aborted", "not_built"),
    },
)
