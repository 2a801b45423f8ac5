"""The table of rules: what each needs before it can be asked."""

from typing import Final

from tasks.tools.ecs.facts import Facts
from tasks.tools.ecs.rules import deployments, health, images, load, logs, starting, tasks
from tasks.tools.ecs.rules.finding import Finding, Rule

_TASKS: Final = ("service", "tasks", "deployments", "revisions")
"""How a task ended means less when the service has been well since, and more of an essential container."""

RULES: Final[tuple[Rule, ...]] = (
    Rule(deployments.service_gone, ("service",)),
    Rule(deployments.scaled_to_zero, ("service", "scaling", "trail")),
    Rule(deployments.too_few_running, ("service", "tasks")),
    Rule(deployments.deployment_failed, ("service", "deployments")),
    Rule(deployments.deployment_stuck, ("service", "deployments")),
    Rule(deployments.broke_after_deployment, ("service", "tasks", "deployments", "revisions")),
    Rule(tasks.out_of_memory, _TASKS),
    Rule(tasks.killed, _TASKS),
    Rule(tasks.segfault, _TASKS),
    Rule(tasks.crashes, _TASKS),
    Rule(tasks.ended_well, _TASKS),
    Rule(tasks.crash_loop, _TASKS),
    Rule(tasks.interrupted, ("tasks",)),
    Rule(images.image_not_pulled, (*_TASKS, "images")),
    Rule(starting.not_set_up, _TASKS),
    Rule(starting.not_started, _TASKS),
    Rule(starting.not_placed, ("service", "tasks")),
    Rule(health.container_unhealthy, _TASKS),
    Rule(health.targets_unhealthy, ("targets", "network", "trail")),
    Rule(health.stopped_by_balancer, (*_TASKS, "targets")),
    Rule(health.port_mismatch, ("service", "revisions")),
    Rule(load.high_memory, ("metrics",)),
    Rule(load.high_cpu, ("metrics",)),
    Rule(load.failing_requests, ("metrics",)),
    Rule(load.slow_answers, ("metrics",)),
    Rule(load.alarms_raised, ("alarms",)),
    Rule(load.at_its_most, ("service", "metrics", "scaling")),
    Rule(load.scaling_failed, ("scaling",)),
    Rule(load.log_flood, ("logs",)),
    Rule(logs.spoken, (*_TASKS, "logs")),
    Rule(logs.new_errors, ("logs",)),
    Rule(logs.more_errors, ("logs",)),
)

_ORDER: Final = ("critical", "warning", "info")


def judge(facts: Facts) -> list[Finding]:
    """What all rules find in all that is known, the gravest first."""
    found = [finding for rule in RULES for finding in rule.judge(facts)]
    return sorted(found, key=lambda each: (_ORDER.index(each.severity), -(each.cause.weight if each.cause else 0)))
