"""Tells the outside that a run was blocked or has failed: once, in words without secrets, whoever started the run.

`message` says what is told (pure), `delivery` hands it to the operator's command or web hook.
"""

from dagster_project.alerts.delivery import hook_problems, send_alert, tell_of
from dagster_project.alerts.message import Alert, Event, alert_of, without_secrets

__all__ = ["Alert", "Event", "alert_of", "hook_problems", "send_alert", "tell_of", "without_secrets"]
