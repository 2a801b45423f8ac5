"""AWS on loopback: moto for S3, our stand-ins for logs and a model; an account with ECS in it is `world`."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from tests.stand_ins.bedrock import Bedrock, bedrock
from tests.stand_ins.insights import ACCOUNT, Insights, insights

__all__ = ["ACCOUNT", "CREDENTIALS", "LOG_GROUP", "REGION", "Aws", "aws"]

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
LOG_GROUP = "/app/web"


@dataclass
class Aws:
    """The endpoints, and the environment that leads a program to them."""

    url: str
    insights: Insights
    bedrock: Bedrock

    def environment(self) -> dict[str, str]:
        own = {"AWS_ENDPOINT_URL": self.url}
        return CREDENTIALS | own | self.insights.environment() | self.bedrock.environment()

    def forget(self) -> None:
        """Make our stand-ins as new; moto keeps what it has."""
        self.bedrock.stopped.set()
        for part in (self.insights, self.bedrock):
            vars(part).update(vars(type(part)(url=part.url)))

    def client(self, service: str) -> Any:
        return boto3.client(  # pyright: ignore[reportUnknownMemberType, reportCallIssue, reportUnknownVariableType]
            service,  # pyright: ignore[reportArgumentType]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


@contextmanager
def aws(**bedrock_mode: Any) -> Generator[Aws]:
    """All of it, empty."""
    with ExitStack() as stack:
        moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        moto.start()
        stack.callback(moto.stop)
        host, port = moto.get_host_and_port()
        logs = stack.enter_context(insights())
        yield Aws(f"http://{host}:{port}", logs, stack.enter_context(bedrock(**bedrock_mode)))
        get_backend("s3").reset()
