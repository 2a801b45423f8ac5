"""What a healthy service stands among: network, load balancer, metrics, alarms, scaling, and an empty trail."""

import math

from tests.stand_ins.world.account import NUMBER, Account, Series, Shape, arn
from tests.stand_ins.world.names import (
    BALANCER_ARN,
    CLUSTER,
    DAY,
    EDGE,
    GROUP_ARN,
    METRIC_NAMES,
    PORT,
    SERVICE,
    SUBNETS,
    VPC,
    WEB,
)

OWN = {"ClusterName": CLUSTER, "ServiceName": SERVICE}


def surround(account: Account) -> None:
    _network(account)
    _load_balancer(account)
    _metrics(account)
    account.alarms += [
        alarm(account, "web-5xx", "HTTPCode_Target_5XX_Count", 10),
        alarm(account, "web-cpu", "CPUUtilization", 80),
    ]
    _scaling(account)


def measure(account: Account, name: str, series: Series) -> None:
    """A metric of the load balancer, under each set of dimensions that AWS publishes it for."""
    for names in (("TargetGroup",), ("LoadBalancer",), ("LoadBalancer", "TargetGroup")):
        account.measure("AWS/ApplicationELB", name, series, **{each: METRIC_NAMES[each] for each in names})


def around(level: float, swing: float = 0.1) -> Series:
    """A *level* that moves a little, the same way each time."""
    return lambda age: round(level * (1 + swing * math.sin(age)), 3)


def never(age: float) -> float | None:
    """Nothing was measured: what AWS publishes of errors when there are none."""
    return None


def alarm(account: Account, name: str, metric: str, threshold: float) -> Shape:
    """In the state OK for a month."""
    is_own = metric == "CPUUtilization"
    dimensions = OWN if is_own else METRIC_NAMES
    return {
        "AlarmName": name,
        "AlarmArn": arn("cloudwatch", f"alarm:{name}"),
        "ActionsEnabled": True,
        "StateValue": "OK",
        "StateReason": (
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
            "[NonBreaching]."
        ),
        "StateUpdatedTimestamp": account.ago(30 * DAY),
        "StateTransitionedTimestamp": account.ago(30 * DAY),
        "MetricName": metric,
        "Namespace": "AWS/ECS" if is_own else "AWS/ApplicationELB",
        "Statistic": "Average" if is_own else "Sum",
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": float(threshold),
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def rule(port: int, source: str) -> Shape:
    """An ingress rule for TCP from a security group."""
    pairs = [{"GroupId": source, "UserId": NUMBER}]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": pairs, "IpRanges": []}


def target(address: str, zone: str, state: str = "healthy", reason: str = "", words: str = "") -> Shape:
    health = {"State": state} | ({"Reason": reason, "Description": words} if reason else {})
    target = {"Id": address, "Port": PORT, "AvailabilityZone": zone}
    return {"Target": target, "HealthCheckPort": str(PORT), "TargetHealth": health}


def _network(account: Account) -> None:
    anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "UserIdGroupPairs": []}
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    for name, group, ingress in (("web", WEB, [rule(PORT, EDGE)]), ("edge", EDGE, [https])):
        own = {"GroupId": group, "GroupName": name, "Description": name, "VpcId": VPC, "OwnerId": NUMBER}
        account.security_groups.append(own | {"IpPermissions": ingress, "IpPermissionsEgress": [anywhere]})
    for number, (subnet, zone) in enumerate(SUBNETS.items()):
        own = {"SubnetId": subnet, "VpcId": VPC, "AvailabilityZone": zone, "CidrBlock": f"10.0.{number}.0/24"}
        account.subnets.append(
            own | {"AvailableIpAddressCount": 240, "MapPublicIpOnLaunch": False, "State": "available"}
        )
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    out = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-0c33333333333333c", "State": "active"}
    associations = [
        {"RouteTableAssociationId": f"rtbassoc-{number}", "RouteTableId": "rtb-0d44444444444444d", "Main": False}
        | {"SubnetId": subnet}
        for number, subnet in enumerate(SUBNETS)
    ]
    own = {"RouteTableId": "rtb-0d44444444444444d", "VpcId": VPC, "Associations": associations}
    account.route_tables.append(own | {"Routes": [local, out]})


def _load_balancer(account: Account) -> None:
    check = {
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "HealthCheckPath": "/health",
        "Matcher": {"HttpCode": "200"},
    }
    own = {"TargetGroupArn": GROUP_ARN, "TargetGroupName": "web", "Protocol": "HTTP", "Port": PORT, "VpcId": VPC}
    more = {"LoadBalancerArns": [BALANCER_ARN], "TargetType": "ip", "ProtocolVersion": "HTTP1"}
    account.target_groups.append(own | check | more)
    zones = [{"ZoneName": zone, "SubnetId": subnet} for subnet, zone in SUBNETS.items()]
    balancer = {
        "LoadBalancerArn": BALANCER_ARN,
        "LoadBalancerName": "shop",
        "DNSName": "shop-1234567890.us-east-1.elb.amazonaws.com",
        "Scheme": "internet-facing",
        "Type": "application",
        "VpcId": VPC,
        "State": {"Code": "active"},
        "AvailabilityZones": zones,
        "SecurityGroups": [EDGE],
        "IpAddressType": "ipv4",
    }
    account.balancers.append(balancer)
    account.targets[GROUP_ARN] = [target(_address(task), task["availabilityZone"]) for task in account.tasks]


def _address(task: Shape) -> str:
    return task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]


def _metrics(account: Account) -> None:
    for name, level in (("CPUUtilization", 20), ("MemoryUtilization", 40)):
        account.measure("AWS/ECS", name, around(level), **OWN)
    counts = {"RunningTaskCount": 2, "DesiredTaskCount": 2, "PendingTaskCount": 0, "DeploymentCount": 1}
    used = {"CpuUtilized": 51, "CpuReserved": 256, "MemoryUtilized": 205, "MemoryReserved": 512}
    for name, level in (counts | used).items():
        account.measure("ECS/ContainerInsights", name, around(level, 0), **OWN)
    for name, level in (("RequestCount", 600), ("TargetResponseTime", 0.03), ("HTTPCode_Target_2XX_Count", 600)):
        measure(account, name, around(level))
    for name, level in (("HealthyHostCount", 2), ("UnHealthyHostCount", 0)):
        measure(account, name, around(level, 0))
    for name in ("HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count", "TargetConnectionErrorCount"):
        measure(account, name, never)


def _scaling(account: Account) -> None:
    account.scalable.append(
        {
            "ServiceNamespace": "ecs",
            "ResourceId": f"service/{CLUSTER}/{SERVICE}",
            "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": 2,
            "MaxCapacity": 6,
            "RoleARN": f"arn:aws:iam::{NUMBER}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/scaling",
            "CreationTime": account.ago(400 * DAY),
            "SuspendedState": {
                "DynamicScalingInSuspended": False,
                "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False,
            },
        }
    )
