"""Monitoring of the cloud providers, and CloudEvents."""

from __future__ import annotations

from router.ingest.presets.preset import Preset

CLOUDWATCH_SNS = Preset(
    title="Amazon CloudWatch, by SNS",
    # The item is the message inside the envelope; `_body` is the envelope. An alarm that came by EventBridge has `detail`.
    mapping={
        "service": "default(Trigger.Namespace, Trigger.Metrics[].MetricStat.Metric.Namespace | [0], source, 'aws')",
        "name": "default(AlarmName, detail.alarmName, _body.Subject)",
        "status": "default(NewStateValue, detail.state.value, 'firing')",
        "kind": "(NewStateValue || detail.state.value) && 'stateful' || 'event'",
        "labels": (
            "merge({account: AWSAccountId || account, region: Region || region, namespace: Trigger.Namespace, "
            "metric: Trigger.MetricName, topic: _body.TopicArn}, "
            "from_entries(default(Trigger.Dimensions, Trigger.Metrics[].MetricStat.Metric.Dimensions[]), 'name', 'value') "
            "|| `{}`)"
        ),
        "summary": (
            "default(join_(': ', [default(AlarmDescription, AlarmName, detail.alarmName), default(NewStateReason, "
            "detail.state.reason)]), text, _body.Subject)"
        ),
        "details": {"trigger": "Trigger", "reason": "default(NewStateReason, detail.state.reason)", "message": "text"},
        "links": (
            {
                "href": (
                    "AlarmArn && join('', ['https://console.aws.amazon.com/cloudwatch/home?region=', "
                    "regex_extract(AlarmArn, '^arn:[^:]*:cloudwatch:([^:]*)') || '', '#alarmsV2:alarm/', "
                    "replace(AlarmName, ' ', '%20') || ''])"
                ),
                "text": "'CloudWatch'",
            },
        ),
        "starts_at": "default(StateChangeTime, detail.state.timestamp, _body.Timestamp)",
        "ends_at": "(NewStateValue || detail.state.value) == 'OK' && default(StateChangeTime, detail.state.timestamp) || null",
        "dedup_key": (
            "default(AlarmArn, AlarmName && join_('/', [AWSAccountId, Region, AlarmName]), "
            "detail.alarmName && join_('/', [account, region, detail.alarmName]), _body.MessageId)"
        ),
    },
    statuses={
        "firing": ("alarm",),
        "resolved": ("ok",),
        "ignored": ("insufficient_data",),
    },
)

GOOGLE_MONITORING = Preset(
    title="Google Cloud Monitoring",
    mapping={
        "items": "incident && [incident] || [@]",
        "service": "default(resource.labels.service_name, resource_display_name, resource_name, resource.type)",
        "name": "default(policy_name, condition_name)",
        "severity": "severity",
        "status": "state",
        "labels": (
            "merge(resource.labels || `{}`, policy_user_labels || `{}`, {condition: condition_name, resource_id: resource_id, "
            "project: scoping_project_id})"
        ),
        "summary": "default(summary, join_(': ', [policy_name, condition_name]))",
        "details": {
            "documentation": "documentation.content",
            "observed_value": "observed_value",
            "threshold_value": "threshold_value",
        },
        "links": ({"href": "url", "text": "'Incident in Google Cloud'"},),
        "generator_url": "url",
        "starts_at": "started_at",
        "ends_at": "state == 'closed' && ended_at || null",
        "dedup_key": "incident_id",
    },
    severities={
        "error": ("no severity",),
    },
)

AZURE_MONITOR = Preset(
    title="Azure Monitor, common alert schema",
    mapping={
        "items": "data.essentials && [data] || [@]",
        "service": "default(essentials.configurationItems[0], regex_extract(essentials.alertTargetIDs[0], '([^/]+)$'))",
        "name": "essentials.alertRule",
        "severity": "essentials.severity",
        "status": "essentials.monitorCondition",
        "labels": {
            "resource_group": (
                "default(essentials.targetResourceGroup, "
                "regex_extract(essentials.alertTargetIDs[0], '(?i)/resourcegroups/([^/]+)/'))"
            ),
            "resource_type": "essentials.targetResourceType",
            "signal_type": "essentials.signalType",
            "monitoring_service": "essentials.monitoringService",
            "target": "essentials.alertTargetIDs[0]",
        },
        "summary": "default(essentials.description, essentials.alertRule)",
        "details": {"context": "alertContext", "custom_properties": "customProperties"},
        "links": (
            {"href": "essentials.investigationLink", "text": "'Azure'"},
            {
                "href": "alertContext.condition.allOf[0].linkToFilteredSearchResultsUI || alertContext.LinkToSearchResults",
                "text": "'Results'",
            },
        ),
        "starts_at": "essentials.firedDateTime",
        "ends_at": "essentials.monitorCondition == 'Resolved' && essentials.resolvedDateTime || null",
        "dedup_key": "default(essentials.alertId, essentials.originAlertId)",
    },
    statuses={
        "firing": ("fired",),
    },
    severities={
        "critical": ("sev0",),
        "error": ("sev1",),
        "warning": ("sev2",),
        "info": ("sev3", "sev4"),
    },
)

CLOUDEVENTS = Preset(
    title="CloudEvents 1.0, structured, batched or binary",
    mapping={
        "service": 'default(data.service, service, subject, _headers."ce-subject", source, _headers."ce-source")',
        "name": 'default(data.name, type, _headers."ce-type")',
        "severity": 'default(severity, data.severity, _headers."ce-severity")',
        "status": "default(data.status, !specversion && status, 'firing')",
        "kind": "(data.status || !specversion && status) && 'stateful' || 'event'",
        "labels": 'merge({type: type || _headers."ce-type", source: source || _headers."ce-source"}, '
        "default(data.labels, !specversion && labels, `{}`) || `{}`)",
        "summary": "default(data.summary, data.message, summary, message)",
        "details": {"data": "specversion && data || null"},
        "links": ({"href": "default(data.url, url)", "text": "'Source'"},),
        "starts_at": 'default(time, _headers."ce-time")',
        "dedup_key": (
            "default(data.dedup_key, !specversion && dedup_key, join_('/', [source || _headers.\"ce-source\", "
            'type || _headers."ce-type", subject || _headers."ce-subject"]))'
        ),
    },
)
