"""AWS STS, as far as roles need it: it gives credentials for as long as a test wants, or refuses in AWS's words."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from tests.stand_ins.http import Handler, serving

ROLE = "arn:aws:iam::123456789012:role/tools/reader"
WORKER = "arn:aws:sts::123456789012:assumed-role/worker/i-0"


@dataclass
class Sts:
    url: str = ""
    life: timedelta = timedelta(hours=1)
    """How long credentials are good for."""
    denies: str = ""
    """The action that is denied."""
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL_STS": self.url}

    def tags(self) -> dict[str, str]:
        """Those of the role that was asked for last."""
        form = self.asked[-1]
        numbers = [name.split(".")[2] for name in form if name.startswith("Tags.member.") and name.endswith(".Key")]
        return {form[f"Tags.member.{number}.Key"]: form[f"Tags.member.{number}.Value"] for number in numbers}

    def answer(self, form: dict[str, str]) -> tuple[int, str]:
        self.asked.append(form)
        if self.denies:
            words = f"User: {WORKER} is not authorized to perform: {self.denies} on resource: {form['RoleArn']}"
            return 403, _wrapped("ErrorResponse", f"<Error><Code>AccessDenied</Code><Message>{words}</Message></Error>")
        number = len(self.asked)
        credentials = (
            f"<AccessKeyId>ASIAROLE{number:012}</AccessKeyId><SecretAccessKey>secret-of-a-role-{number}</SecretAccessKey>"
            f"<SessionToken>session-of-a-role-{number}</SessionToken>"
            f"<Expiration>{(datetime.now(UTC) + self.life).isoformat()}</Expiration>"
        )
        result = f"<AssumeRoleResult><Credentials>{credentials}</Credentials></AssumeRoleResult>"
        return 200, _wrapped("AssumeRoleResponse", result)


def _wrapped(name: str, inner: str) -> str:
    return f'<{name} xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{inner}</{name}>'


@contextmanager
def sts() -> Generator[Sts]:
    """A running stand-in."""
    service = Sts()

    class Roles(Handler):
        def do_POST(self) -> None:
            form = {name: values[0] for name, values in parse_qs(self.body().decode(), keep_blank_values=True).items()}
            status, text = service.answer(form)
            self.answer(status, text.encode(), type="text/xml")

    with serving(Roles) as url:
        service.url = url
        yield service
