"""The channels beside PagerDuty: what a message says in each service, how it is sent, and what the answer means.

Belongs here: redaction, the plain message, one module for each kind. May talk to: the network, through ``router.wire`` or SMTP.
Must never do: decide whether, when or to whom something is sent; retry; show a secret; let a mention or a markup of an alert's
text through; follow a redirect, or go to an address that an alert names.
"""
