"""The presets by the ``kind`` a configuration names them by, and how one and what a user wrote become one mapping."""

from __future__ import annotations

import msgspec

from router.ingest.presets import clouds, monitors, services
from router.ingest.presets.preset import Preset
from router.model.severity import BY_WORD
from router.model.webhook import Webhook

PRESETS: dict[str, Preset] = {
    "alertmanager-webhook": monitors.ALERTMANAGER,
    "grafana": monitors.GRAFANA,
    "cloudwatch-sns": clouds.CLOUDWATCH_SNS,
    "google-monitoring": clouds.GOOGLE_MONITORING,
    "azure-monitor": clouds.AZURE_MONITOR,
    "datadog": services.DATADOG,
    "newrelic": services.NEWRELIC,
    "sentry": services.SENTRY,
    "zabbix": monitors.ZABBIX,
    "checkmk": monitors.CHECKMK,
    "pingdom": services.PINGDOM,
    "uptimerobot": services.UPTIMEROBOT,
    "uptime-kuma": monitors.UPTIME_KUMA,
    "healthchecks": services.HEALTHCHECKS,
    "github-actions": services.GITHUB_ACTIONS,
    "jenkins": services.JENKINS,
    "cloudevents": clouds.CLOUDEVENTS,
}


def complete(webhook: Webhook) -> Webhook:
    """With what its preset says, where the user says nothing else."""
    preset = PRESETS.get(webhook.preset)
    if preset is None:
        return webhook
    credentials = webhook.credentials
    if credentials is not None and credentials.signature is None and not (credentials.header or credentials.user):
        credentials = msgspec.structs.replace(credentials, signature=preset.signature, header=preset.header)
    return msgspec.structs.replace(
        webhook,
        mapping=preset.mapping | webhook.mapping,
        statuses={spelling: word for word, spellings in preset.statuses.items() for spelling in spellings} | webhook.statuses,
        severities={spelling: BY_WORD[word] for word, spellings in preset.severities.items() for spelling in spellings}
        | webhook.severities,
        credentials=credentials,
    )
