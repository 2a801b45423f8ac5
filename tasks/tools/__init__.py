"""The tools that come with the server: a new one is a module and a line here."""

from tasks.prompt import Prompt
from tasks.resource import Resource
from tasks.tool import Tool
from tasks.tools.cloudwatch.search import search_logs
from tasks.tools.cloudwatch.tail import tail_logs
from tasks.tools.echo import echo, echo_documentation, echo_prompt
from tasks.tools.ecs.page import investigation_page
from tasks.tools.ecs.tool import aws_ecs, investigate_ecs_service
from tasks.tools.project.tool import project
from tasks.tools.s3.tool import aws_s3
from tasks.tools.streaming import streaming
from tasks.tools.system_time import system_time

TOOLS: tuple[Tool, ...] = (
    echo,
    system_time,
    streaming,
    project,
    aws_s3,
    investigate_ecs_service,
    aws_ecs,
    search_logs,
    tail_logs,
)

PROMPTS: tuple[Prompt, ...] = (echo_prompt,)

RESOURCES: tuple[Resource, ...] = (echo_documentation, investigation_page)
