"""Runs that Dagster has started and that fail are told to the operator's hook, as those of the command are."""

from collections.abc import Iterator

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from dagster_project.alerts import tell_of
from dagster_project.core.errors import BlockedByChecks, CliffhangerError
from dagster_project.settings import Settings

# A run of the command tells of itself; Dagster's daemon, if there is one, must not tell of it again.
STARTED_BY = "cliffhanger/started_by"
COMMAND = "command"
_BLOCKING = {"BlockedByChecks", "DagsterAssetCheckFailedError", "DagsterDbtCliRuntimeError"}


def build(settings: Settings) -> dg.SensorDefinition:
    """The sensor; it is on as soon as Dagster's daemon runs, and without a hook it does nothing."""

    @dg.run_failure_sensor(
        name="alerts",
        description="Tells the operator's hook of every run that fails",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
    def alerts(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        if run.tags.get(STARTED_BY) == COMMAND:
            context.log.info(f"the command has told of run {run.run_id} itself")
            return  # a reason to skip, among runs that are told in the same tick, would end the tick
        errors = [event.step_failure_data.error for event in context.get_step_failure_events()]
        errors += [_run_error(context.failure_event)]
        error = explained([one for one in errors if one is not None], context.failure_event.message or "")
        tell_of(error, settings, job=run.job_name, started_by="dagster", run_id=run.run_id)

    return alerts


def explained(errors: list[SerializableErrorInfo], otherwise: str) -> CliffhangerError:
    """The first error of this project, or of its checks, in the chains Dagster has kept; `otherwise` where none is."""
    chain = [link for error in errors for link in _links(error)]
    ours = {kind.__name__ for kind in _kinds(CliffhangerError)}
    fix = "look at the run in Dagster's pages (`make ui`)"
    for link in chain:
        if link.cls_name in ours or link.cls_name in _BLOCKING:
            kind = BlockedByChecks if link.cls_name in _BLOCKING else CliffhangerError
            what = "a check has failed; the released file is as it was" if kind is BlockedByChecks else "the run failed"
            return kind(what, why=_words(link), fix=fix)
    return CliffhangerError("the run failed", why=_words(chain[-1]) if chain else otherwise, fix=fix)


def _run_error(event: dg.DagsterEvent) -> SerializableErrorInfo | None:
    return event.job_failure_data.error if event.is_job_failure else None


def _links(error: SerializableErrorInfo) -> Iterator[SerializableErrorInfo]:
    """The error and what caused it, outermost first."""
    link: SerializableErrorInfo | None = error
    while link is not None:
        yield link
        link = link.cause or link.context


def _kinds(kind: type[CliffhangerError]) -> Iterator[type[CliffhangerError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def _words(error: SerializableErrorInfo) -> str:
    """What the error says, without the name of its class."""
    text = " ".join(error.message.split())
    head, _, tail = text.partition(": ")
    return tail if tail and head.rpartition(".")[2] == error.cls_name else text
