"""The table of rules: what each needs before it can be asked."""

from typing import Final

from tasks.tools.ecs.facts import Facts
from tasks.tools.ecs.rules import deployments, health, load, logs, starting, tasks
from tasks.tools.ecs.rules.finding import Finding, Rule

RULES: Final[tuple[Rule, ...]] = (
    Rule(deployments.service_gone, ("service",)),
    Rule(deployments.scaled_to_zero, ("service",)),
    Rule(deployments.too_few_running, ("service",)),
    Rule(deployments.deployment_failed, ("service", "deployments")),
    Rule(deployments.deployment_stuck, ("service", "deployments")),
    Rule(deployments.broke_after_deployment, ("service", "tasks", "deployments", "revisions")),
    Rule(tasks.out_of_memory, ("tasks",)),
    Rule(tasks.killed, ("tasks",)),
    Rule(tasks.segfault, ("tasks",)),
    Rule(tasks.crashes, ("tasks",)),
    Rule(tasks.ended_well, ("tasks",)),
    Rule(tasks.crash_loop, ("tasks",)),
    Rule(tasks.interrupted, ("tasks",)),
    Rule(starting.image_not_pulled, ("tasks",)),
    Rule(starting.not_set_up, ("tasks",)),
    Rule(starting.not_started, ("tasks",)),
    Rule(starting.not_placed, ("service", "tasks")),
    Rule(health.container_unhealthy, ("tasks",)),
    Rule(health.targets_unhealthy, ("targets", "network")),
    Rule(health.stopped_by_balancer, ("tasks", "targets")),
    Rule(health.port_mismatch, ("service", "revisions")),
    Rule(load.high_memory, ("metrics",)),
    Rule(load.high_cpu, ("metrics",)),
    Rule(load.failing_requests, ("metrics",)),
    Rule(load.slow_answers, ("metrics",)),
    Rule(load.alarms_raised, ("alarms",)),
    Rule(load.at_its_most, ("service", "metrics", "scaling")),
    Rule(load.scaling_failed, ("scaling",)),
    Rule(load.log_flood, ("logs",)),
    Rule(logs.spoken, ("tasks", "logs")),
    Rule(logs.new_errors, ("logs",)),
    Rule(logs.more_errors, ("logs",)),
)

_ORDER: Final = ("critical", "warning", "info")


def judge(facts: Facts) -> list[Finding]:
    """What all rules find in all that is known, the gravest first."""
    found = [finding for rule in RULES for finding in rule.judge(facts)]
    return sorted(found, key=lambda each: (_ORDER.index(each.severity), -(each.cause.weight if each.cause else 0)))
