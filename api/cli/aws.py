"""`mcp-playground aws`: what the tools need to be allowed, and who AWS takes the worker for."""

import getpass
import json

import click

from api.cli.explained import explained
from storage.errors import SettingsError
from storage.settings import read
from tasks.aws.identity import identity_of, role_behind
from tasks.aws.permissions import Document, assuming, policy, tools, trust
from tasks.aws.roles import distinct, is_role
from tasks.errors import ToolError
from tasks.settings import ToolSettings

HERE = "arn:aws:iam::ACCOUNT:role/WORKER"
"""Stands where nobody knows the worker's role."""


@click.group()
def aws() -> None:
    """Set up AWS for the tools, and see who AWS takes them for."""


@aws.command("policy")
@click.option("--tool", "names", multiple=True, type=click.Choice(tools()), help="Only for this tool.")
@click.option("--trust", "of_roles", is_flag=True, help="The trust policy of the roles in MCP_AWS_ROLES instead.")
@click.option("--worker", "of_worker", is_flag=True, help="What the worker's own role needs for MCP_AWS_ROLES instead.")
@click.option("--worker-arn", metavar="ARN", help="Whom --trust trusts.  [default: asked of AWS]")
@explained
def print_policy(*, names: tuple[str, ...], of_roles: bool, of_worker: bool, worker_arn: str | None) -> None:
    """Print a policy that lets the tools read what they need, and nothing else.

    It belongs to the worker's role or, where MCP_AWS_ROLES is set, to each of the roles there. Regions of
    MCP_AWS_REGIONS become a condition. Tools of MCP_TOOL_MODULES need permissions of their own.
    """
    settings = read(ToolSettings)
    if of_roles or of_worker:
        _show(_of_roles(settings, worker_arn) if of_roles else assuming(_roles(settings)))
        return
    _show(policy(names or tools(), settings.aws_regions))


@aws.command()
@click.option("--as", "role", metavar="ARN", help="In this role, assumed as a tool's run assumes it.")
@explained
def whoami(*, role: str | None) -> None:
    """Show who AWS takes the tools for: with the worker's own credentials, or in a role."""
    if role is not None and not is_role(role):
        raise SettingsError(f"--as {role!r} is not the ARN of a role, as arn:aws:iam::123456789012:role/name.")
    try:
        found = identity_of(read(ToolSettings), role=role, caller=getpass.getuser())
    except ToolError as error:
        raise SettingsError(str(error)) from None
    for name, value in (
        ("arn", found.arn),
        ("account", found.account),
        ("region", found.region or "none"),
        ("credentials", found.source),
    ):
        click.echo(f"{name:<12} {value}")


def _roles(settings: ToolSettings) -> list[str]:
    if not settings.aws_roles:
        raise SettingsError(
            "MCP_AWS_ROLES is not set: tools work with the worker's own credentials, and trust no role."
        )
    return list(distinct(settings.aws_roles))


def _of_roles(settings: ToolSettings, worker: str | None) -> Document:
    roles = _roles(settings)
    if worker is None:
        try:
            worker = role_behind(identity_of(settings).arn)
        except ToolError as error:
            worker = HERE
            click.echo(f"# put the ARN of the worker's role in its place: {error}", err=True)
    click.echo(f"# the trust policy of: {', '.join(roles)}", err=True)
    return trust(worker)


def _show(document: Document) -> None:
    click.echo(json.dumps(document, indent=2))
