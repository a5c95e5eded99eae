"""What may stand in a source of webhooks: every key with its type, default and one line of documentation."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from router.config.fields import DAY_MS, Duration, FilePath, Reference, SeverityWord, between
from router.yamldoc.sections import Maybe, Section, setting


class CallbackSection(Section):
    """Tell the source what people did to its alerts in PagerDuty, so that it shows them as acknowledged or closed."""

    channel: str = Field(description="A channel of kind `webhook`: address, headers, signature, and a body by templates.")
    on: list[Literal["acknowledged", "resolved"]] = setting(
        ["acknowledged", "resolved"], "Of what: somebody has it, somebody has resolved it in PagerDuty.", min_length=1
    )


CALLBACK_DOC = "Tell the source when somebody acknowledges or resolves its alerts in PagerDuty."


class SignatureSection(Section):
    """The sender signs each body with the secret (HMAC) and puts the digest into a header."""

    header: str = Field(description="The header that holds the digest.", min_length=1)
    algorithm: Literal["sha1", "sha256", "sha512"] = setting("sha256", "The digest.")
    encoding: Literal["hex", "base64"] = setting("hex", "How the digest is written.")
    prefix: str = setting("", "What stands before it.", examples=["sha256="])


class AuthSection(Section):
    """How the sender proves who it is: it shows the secret, or signs with it.

    Without `signature` the secret is taken as `Authorization: Bearer SECRET`, as the password of basic authentication, as
    `?token=SECRET` in the URL, or in `header`.
    """

    secret: Reference = Field(description="What only the sender and we know, at least 16 characters.")
    user: str = setting("", "The user of basic authentication; without one any will do.")
    header: str = setting("", "A header that holds the secret.", examples=["X-Gitlab-Token"])
    query: str = setting("token", "The value of the URL that holds the secret; empty: none does.")
    signature: Maybe[SignatureSection] = setting(None, "Signed bodies are taken and no others. Some presets have one.")


Expression: TypeAlias = Annotated[str, Field(min_length=1, max_length=2048)]
NamedExpressions: TypeAlias = Expression | dict[str, Expression]
ListedExpressions: TypeAlias = Expression | list[dict[str, Expression]]


class MappingSection(Section):
    """Where in a body the fields of an alert are: JMESPath expressions, evaluated on each item.

    `_body` in an item is the whole body, `_headers` the request's headers by lower-case name. What an expression cannot read
    costs that field, never the alert. See [sources](../howto/sources.md).
    """

    items: Maybe[Expression] = setting(None, "A list of alerts inside the body. Without: the entries of a list, or the body.")
    ignore: Maybe[Expression] = setting(None, "An item for which this is true neither fires nor resolves.")
    service: Maybe[Expression] = setting(None, "What is affected; `unknown` if nothing is found.", examples=["labels.service"])
    name: Maybe[Expression] = setting(None, "The alert's name.")
    severity: Maybe[Expression] = setting(None, "A word, or a score from 0 to 1.", examples=["lower(priority)"])
    score: Maybe[Expression] = setting(
        None, "A number from 0 to 1, if there is no such word.", examples=["to_score(level, `0`, `10`)"]
    )
    status: Maybe[Expression] = setting(None, "Whether it fires; see `statuses`. Without: each report is an event.")
    kind: Maybe[Expression] = setting(
        None, "`stateful` or `event`, or an expression that says so. Without: `stateful` if there is a `status`."
    )
    summary: Maybe[Expression] = setting(None, "One line for people.")
    labels: Maybe[NamedExpressions] = setting(None, "An expression for each label, or one that gives an object.")
    annotations: Maybe[NamedExpressions] = setting(None, "Likewise.")
    details: Maybe[NamedExpressions] = setting(None, "Likewise; values may be any JSON.")
    links: Maybe[ListedExpressions] = setting(None, "A list of `{href, text}` with expressions, or one that gives such a list.")
    images: Maybe[ListedExpressions] = setting(None, "Likewise, `{src, href, alt}`.")
    generator_url: Maybe[Expression] = setting(None, "Where the sender shows the alert.")
    starts_at: Maybe[Expression] = setting(None, "RFC 3339, or seconds or milliseconds since 1970.")
    ends_at: Maybe[Expression] = setting(None, "Likewise: when it ended, or will count as ended unless it is sent again.")
    dedup_key: Maybe[Expression] = setting(
        None, "The same for a problem and its recovery. Without: service, name and labels together."
    )


class WebhookSource(Section):
    """Any JSON webhook: it posts to `/v1/sources/NAME`."""

    kind: Literal["webhook"]
    mapping: MappingSection = Field(description="Where in a body the fields of an alert are.")
    auth: Maybe[Reference | AuthSection] = setting(
        None,
        "How its sender proves who it is; short for `auth: {secret: …}`. Without: it needs a token of scope `ingest`.",
    )
    statuses: dict[Literal["firing", "resolved", "ignored"], list[str] | str] = setting(
        {}, "Further spellings of the status, in any case. One that is not known counts as firing."
    )
    severities: dict[SeverityWord, list[str] | str] = setting({}, "Further spellings of the severity, for this source.")
    sample: Maybe[FilePath] = setting(
        None, "A file with a body as it is sent, on which the mapping is tried when it is loaded."
    )
    resolve_timeout: Annotated[Duration, between(0, 30 * DAY_MS, "0s to 30d")] = setting(
        "0s", "A stateful alert counts as resolved when it was not sent again for this long. `0s`: it waits for its resolve."
    )
    callback: Maybe[CallbackSection] = setting(None, CALLBACK_DOC)


class PresetSource(WebhookSource):
    """A sender that is known: only a name and a secret are needed. It posts to `/v1/sources/NAME`."""

    kind: Literal[  # type: ignore[assignment]
        "alertmanager-webhook",
        "azure-monitor",
        "checkmk",
        "cloudevents",
        "datadog",
        "github-actions",
        "google-monitoring",
        "grafana",
        "healthchecks",
        "jenkins",
        "newrelic",
        "pingdom",
        "sentry",
        "uptime-kuma",
        "uptimerobot",
        "zabbix",
    ]
    mapping: MappingSection = setting({}, "Takes the place of the preset's expressions, field by field.")


class SnsSource(PresetSource):
    """Amazon CloudWatch alarms, by SNS: messages that Amazon signed are taken and no others."""

    kind: Literal["cloudwatch-sns"]  # type: ignore[assignment]
    confirm_subscriptions: bool = setting(False, "Follow the link of a signed confirmation, to hosts of Amazon SNS only.")  # noqa: FBT003
    topics: list[str] | str = setting(
        [], "Topics that are taken, by ARN or glob. Needed unless there is `auth`: Amazon signs for all its customers."
    )
    verify_signature: bool = setting(True, "Check Amazon's signature; without, `auth` is needed.")  # noqa: FBT003
