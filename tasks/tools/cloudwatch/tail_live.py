"""Lines as CloudWatch's Live Tail sends them: every second those that came in, at most 500."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from urllib3.exceptions import HTTPError

from tasks.aws.errors import explain
from tasks.aws.streams import Feed, StreamEnded
from tasks.redact import redact
from tasks.tool import Run
from tasks.tools.cloudwatch.tail_screen import BEAT, Broke, Screen
from tasks.tools.cloudwatch.tail_shapes import Asked, Ended, Line

if TYPE_CHECKING:
    from botocore.eventstream import EventStream
    from mypy_boto3_logs.type_defs import StartLiveTailResponseStreamTypeDef

    Events = EventStream[StartLiveTailResponseStreamTypeDef]

OWN_ENDPOINT: Final = (
    "Live Tail's endpoint could not be reached: it is another one than that of the logs (stream-logs.<region>). "
    "With an endpoint of your own, set AWS_DISABLE_HOST_PREFIX_INJECTION=true for the worker."
)


def follow_live(run: Run, asked: Asked, screen: Screen) -> Ended:
    """Show lines until time or room is over. Broke when Live Tail cannot be had, or ends before that."""
    request = _request(asked)
    logs = run.aws("logs", region=asked.region)

    def start() -> "Events":
        return logs.start_live_tail(**request)["responseStream"]

    screen.way, began = " by Live Tail", False
    with Feed(start) as feed:
        try:
            while screen.left > 0:
                run.check()
                event = feed.next(min(BEAT, timedelta(seconds=max(0.0, screen.left))))
                began = began or event is not None
                for line in _lines(event, screen):
                    screen.show(line)
                    if screen.full:
                        return "lines"
                screen.tick()
        except (ClientError, BotoCoreError, HTTPError, StreamEnded) as error:
            # A cancelled run closes its connections: that is no fact about AWS.
            run.check()
            raise Broke(_reason(error), began=began) from error
    return "time"


def _request(asked: Asked) -> Any:  # noqa: ANN401  # boto3's shapes
    """AWS, StartLiveTail: streams may be named in one group only, and groups are named by their ARNs."""
    if asked.unnamed:
        raise Broke(f"Live Tail takes ARNs, and they could not be looked up: {asked.unnamed}")
    if (asked.streams or asked.prefix) and len(asked.groups) > 1:
        raise Broke("Live Tail follows streams of one log group only.")
    request: dict[str, Any] = {"logGroupIdentifiers": [group.arn for group in asked.groups]}
    if asked.streams:
        request["logStreamNames"] = list(asked.streams)
    if asked.prefix:
        request["logStreamNamePrefixes"] = [asked.prefix]
    if asked.pattern:
        request["logEventFilterPattern"] = asked.pattern
    return request


def _lines(event: "StartLiveTailResponseStreamTypeDef | None", screen: Screen) -> Iterator[Line]:
    update = event.get("sessionUpdate") if event else None
    if not update:
        return
    if update.get("sessionMetadata", {}).get("sampled"):
        screen.state.sampled = True
    results = update.get("sessionResults", [])
    for each in sorted(results, key=lambda each: each.get("timestamp", 0)):
        # A name, an ARN, or an account and a name.
        group = each.get("logGroupIdentifier", "").removesuffix(":*").rpartition(":")[2]
        yield Line(each.get("timestamp", 0), group, each.get("logStreamName", ""), each.get("message", ""))


def _reason(error: Exception) -> str:
    if isinstance(error, StreamEnded):
        return "AWS ended the Live Tail session."
    if isinstance(error, EndpointConnectionError):
        return OWN_ENDPOINT
    return "The connection to Live Tail broke." if isinstance(error, HTTPError) else redact(explain(error))
