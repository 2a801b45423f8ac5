"""One endpoint at which a whole account answers, as healthy or as broken as a test makes it."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

import boto3

from tests.stand_ins.aws import CREDENTIALS
from tests.stand_ins.bedrock import Bedrock, bedrock
from tests.stand_ins.http import Handler, serving
from tests.stand_ins.world.account import Account
from tests.stand_ins.world.around import Autoscaling, Ec2, Ecr, Elb, Trail
from tests.stand_ins.world.cloudwatch import CloudWatch
from tests.stand_ins.world.ecs import Ecs
from tests.stand_ins.world.logs import Logs
from tests.stand_ins.world.weather import Call, Weather
from tests.stand_ins.world.wire import NAMES, Refused, Request, nothing, read, refusal, written

SERVICES: Final[Mapping[str, Any]] = {
    "ecs": Ecs,
    "ecr": Ecr,
    "elbv2": Elb,
    "ec2": Ec2,
    "cloudwatch": CloudWatch,
    "application-autoscaling": Autoscaling,
    "cloudtrail": Trail,
}


@dataclass
class World:
    """An account, its logs, a model, and the weather they are reached through."""

    account: Account
    bedrock: Bedrock
    logs: Logs = field(default_factory=Logs)
    weather: Weather = field(default_factory=Weather)
    url: str = ""
    _clients: dict[str, Any] = field(default_factory=dict[str, Any])

    def environment(self) -> dict[str, str]:
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.url} | self.bedrock.environment()

    def client(self, service: str) -> Any:
        """A client of the test's own, whatever the environment says."""
        if service not in self._clients:
            self._clients[service] = self._make(service)
        return self._clients[service]

    def _make(self, service: str) -> Any:
        return cast("Any", boto3).client(
            service,
            endpoint_url=self.url,
            region_name=CREDENTIALS["AWS_REGION"],
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def renew(self, account: Account) -> None:
        """Become another account, with no logs yet, that nobody has asked anything; at the same address."""
        self.weather.over.set()
        self.bedrock.stopped.set()
        self.account, self.logs, self.weather = account, Logs(), Weather()
        vars(self.bedrock).update(vars(Bedrock(url=self.bedrock.url)))

    def answer(self, request: Request) -> Mapping[str, Any]:
        """What the operation answers. Refused when there is none like it."""
        self.weather.check(request)
        if request.operation in self.weather.empty:
            return nothing(request)
        part = self.logs if request.service == "logs" else SERVICES[request.service](self.account)
        operation = getattr(part, request.operation, None)
        if operation is None:
            self.weather.mistakes.append(f"{request.action} is not known")
            raise Refused("UnknownOperationException", request.action)
        return operation(request.parameters)


@contextmanager
def serving_world(account: Account, **bedrock_mode: Any) -> Generator[World]:
    """A running stand-in."""
    with bedrock(**bedrock_mode) as model:
        world = World(account, model)

        class Door(Handler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers["authorization"].partition("Credential=")[2].split("/")[3] not in NAMES:
                    self.answer(404, b"{}")
                    return
                request = read(headers, self.body())
                call = world.weather.noted(request)
                status, body, kind = _answered(world, request, call)
                # Noted before it leaves: whoever reads the answer finds it noted.
                self.answer(status, body, type=kind)

        with serving(Door) as url:
            world.url = url
            try:
                yield world
            finally:
                world.weather.over.set()
    assert not world.weather.mistakes, world.weather.mistakes


def _answered(world: World, request: Request, call: Call) -> tuple[int, bytes, str]:
    try:
        status, (body, kind) = 200, written(request, world.answer(request))
    except Refused as refused:
        status, (body, kind) = refused.status, refusal(request, refused)
        call.error = refused.code
    except Exception as error:  # noqa: BLE001  # whatever it is, the test that uses the world is to fail
        world.weather.mistakes.append(f"{request.action}: {error!r}")
        status, (body, kind) = 500, refusal(request, Refused("InternalFailure", "the stand-in is wrong"))
    world.weather.answered(call)
    return status, body, kind
