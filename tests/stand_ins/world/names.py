"""What things are called in the shop."""

from typing import Final

from tests.stand_ins.world.account import NUMBER, REGION, arn

CLUSTER: Final = "shop"
SERVICE: Final = "web"
LOG_GROUP: Final = "/ecs/web"
PERFORMANCE: Final = f"/aws/ecs/containerinsights/{CLUSTER}/performance"
PORT: Final = 8080
VPC: Final = "vpc-0a1b2c3d4e5f60718"
WEB: Final = "sg-0a11111111111111a"
"""The security group of the tasks."""
EDGE: Final = "sg-0b22222222222222b"
"""The security group of the load balancer."""
SUBNETS: Final = {"subnet-0a00000000000001a": "us-east-1a", "subnet-0b00000000000002b": "us-east-1b"}
REGISTRY: Final = f"{NUMBER}.dkr.ecr.{REGION}.amazonaws.com"
GROUP_ARN: Final = arn("elasticloadbalancing", "targetgroup/web/6d0ecf831eec9f09")
BALANCER_ARN: Final = arn("elasticloadbalancing", "loadbalancer/app/shop/50dc6c495c0c9188")
SERVICE_ARN: Final = arn("ecs", f"service/{CLUSTER}/{SERVICE}")
CLUSTER_ARN: Final = arn("ecs", f"cluster/{CLUSTER}")
METRIC_NAMES: Final = {
    "TargetGroup": GROUP_ARN.rpartition(":")[2],
    "LoadBalancer": BALANCER_ARN.partition("loadbalancer/")[2],
}
"""What CloudWatch calls the load balancer and its target group."""
DAY: Final = 24 * 60
"""Minutes."""


def task_id(number: int) -> str:
    return f"{number:02x}" * 16


def definition_arn(revision: int) -> str:
    return arn("ecs", f"task-definition/web:{revision}")


def digest(tag: str) -> str:
    return f"sha256:{tag.encode().hex():0<64}"


def rollout_id(revision: int) -> str:
    """The deployment of a task definition's revision."""
    return f"ecs-svc/{revision:019d}"
