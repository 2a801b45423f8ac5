"""The tools that come with the server: a new one is a module and a line here."""

from tasks.prompt import Prompt
from tasks.resource import Resource
from tasks.tool import Tool
from tasks.tools.aws_s3 import aws_s3
from tasks.tools.echo import echo, echo_documentation, echo_prompt
from tasks.tools.ecs.page import investigation_page
from tasks.tools.ecs.tool import aws_ecs
from tasks.tools.project.tool import project
from tasks.tools.streaming import streaming
from tasks.tools.system_time import system_time

TOOLS: tuple[Tool, ...] = (
    echo,
    system_time,
    streaming,
    project,
    aws_s3,
    aws_ecs,
)

PROMPTS: tuple[Prompt, ...] = (echo_prompt,)

RESOURCES: tuple[Resource, ...] = (echo_documentation, investigation_page)
