"""The ways packets take: from the load balancer to the tasks, and from the tasks to AWS and the world."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec.structs import replace

from tasks.tools.ecs.facts import Check
from tasks.tools.ecs.scene import NotThere, Scene

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

ANYWHERE: Final = ("0.0.0.0/0", "::/0")
_NEEDED: Final = ("ecr.api", "ecr.dkr", "logs")
"""Interface endpoints without which a task that has no other way out cannot start."""

Shape = Mapping[str, Any]


def network(scene: Scene) -> tuple[Check, ...]:
    service = scene.facts.service
    if service is None or not service.subnets:
        raise NotThere("The tasks have no network of their own (awsvpc): their instances' network is not looked at.")
    ec2 = scene.run.aws("ec2")
    checks = [*_from_balancer(scene, ec2), *_to_internet(ec2, list(service.subnets), public_ip=service.public_ip)]
    if not checks:
        raise NotThere("There is no load balancer, and nothing else to check.")
    return tuple(replace(each, id=f"network:{number}") for number, each in enumerate(checks, 1))


def _from_balancer(scene: Scene, ec2: "EC2Client") -> Iterator[Check]:
    """Whether the tasks' security groups let the load balancer's in, at each port it sends to."""
    service = scene.facts.service
    arns = list(dict.fromkeys(arn for group in scene.facts.targets or () for arn in group.balancers))
    if service is None or not arns:
        return
    found = scene.run.aws("elbv2").describe_load_balancers(LoadBalancerArns=arns[:20]).get("LoadBalancers", [])
    theirs = list(dict.fromkeys(group for each in found for group in each.get("SecurityGroups", [])))
    ours = cast("list[Shape]", ec2.describe_security_groups(GroupIds=list(service.groups)).get("SecurityGroups", []))
    asked = {int(group.check_port) for group in scene.facts.targets or () if group.check_port.isdecimal()}
    for port in sorted({link.port for link in service.links if link.port} | asked):
        yield _admission(ours, theirs, port)


def _admission(ours: Sequence[Shape], theirs: Sequence[str], port: int) -> Check:
    names = ", ".join(each.get("GroupId", "") for each in ours)
    let_in = [rule for each in ours for rule in each.get("IpPermissions", []) if _covers(rule, port)]
    if not theirs:
        # Network load balancers may have none: then the client's address, or the subnet's, counts.
        ok = True if any(_from_anywhere(rule) for rule in let_in) else None
        word = "let everybody" if ok else "may let it"
        text = f"The load balancer has no security group; the tasks' ({names}) {word} in at TCP port {port}."
        return Check(id="", name="from-load-balancer", ok=ok, text=text, port=port)
    ok = any(_from_anywhere(rule) or _from_group(rule, theirs) for rule in let_in)
    if not ok and any(rule.get(each) for rule in let_in for each in ("IpRanges", "Ipv6Ranges", "PrefixListIds")):
        ok = None
    source = ", ".join(theirs)
    word = {True: "let", False: "do not let", None: "may let"}[ok]
    group = ours[0].get("GroupId", "") if ours else "<security group>"
    return Check(
        id="",
        name="from-load-balancer",
        ok=ok,
        text=f"The tasks' security groups ({names}) {word} the load balancer's ({source}) in at TCP port {port}.",
        command=f"aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port {port} "
        f"--source-group {theirs[0]}",
        port=port,
    )


def _covers(rule: Shape, port: int) -> bool:
    protocol = rule.get("IpProtocol")
    if protocol == "-1":
        return True
    return protocol in ("tcp", "6") and rule.get("FromPort", 0) <= port <= rule.get("ToPort", 65535)


def _from_anywhere(rule: Shape) -> bool:
    ranges = [each.get("CidrIp", "") for each in rule.get("IpRanges", [])]
    ranges += [each.get("CidrIpv6", "") for each in rule.get("Ipv6Ranges", [])]
    return any(each in ANYWHERE or _is_wide(each) for each in ranges)


def _is_wide(cidr: str) -> bool:
    """Whether a whole private network is let in: /8 and wider."""
    try:
        return ipaddress.ip_network(cidr, strict=False).prefixlen <= 8  # noqa: PLR2004  # 10.0.0.0/8
    except ValueError:
        return False


def _from_group(rule: Shape, theirs: Sequence[str]) -> bool:
    return any(pair.get("GroupId") in theirs for pair in rule.get("UserIdGroupPairs", []))


def _to_internet(ec2: "EC2Client", subnets: list[str], *, public_ip: bool) -> Iterator[Check]:
    """Whether tasks in each subnet can reach ECR and CloudWatch: by a gateway, or by endpoints."""
    found = cast("list[Shape]", ec2.describe_subnets(SubnetIds=subnets).get("Subnets", []))
    networks = list(dict.fromkeys(each["VpcId"] for each in found if "VpcId" in each))
    if not networks:
        return
    where: Any = [{"Name": "vpc-id", "Values": networks}]
    tables = cast("list[Shape]", ec2.describe_route_tables(Filters=where).get("RouteTables", []))
    missing = [each["SubnetId"] for each in found if not _has_way_out(_table_of(each, tables), public_ip=public_ip)]
    if not missing:
        yield Check(id="", name="to-internet", ok=True, text="Every subnet of the tasks has a way out.")
        return
    endpoints = cast("list[Shape]", ec2.describe_vpc_endpoints(Filters=where).get("VpcEndpoints", []))
    lacking = _without_endpoint(endpoints)
    names = ", ".join(missing)
    if not lacking:
        text = f"The subnets {names} have no way to the internet, and endpoints to ECR, CloudWatch Logs and S3."
        yield Check(id="", name="to-internet", ok=True, text=text)
        return
    ip = "the tasks get no public address" if not public_ip else "there is no route to a gateway"
    yield Check(
        id="",
        name="to-internet",
        ok=False,
        text=f"Tasks in {names} have no way to the internet ({ip}, no NAT gateway) and no endpoints for "
        f"{', '.join(lacking)}: images, secrets and logs may be out of reach.",
        command=f"aws ec2 describe-route-tables --filters Name=association.subnet-id,Values={missing[0]}",
    )


def _table_of(subnet: Shape, tables: Iterable[Shape]) -> Shape | None:
    """The subnet's own route table, or else its network's main one."""
    main = None
    for table in tables:
        for each in table.get("Associations", []):
            if each.get("SubnetId") == subnet.get("SubnetId"):
                return table
            if each.get("Main") and table.get("VpcId") == subnet.get("VpcId"):
                main = table
    return main


def _has_way_out(table: Shape | None, *, public_ip: bool) -> bool:
    for route in (table or {}).get("Routes", []):
        if route.get("DestinationCidrBlock") not in ANYWHERE or route.get("State") == "blackhole":
            continue
        if route.get("GatewayId", "").startswith("igw-"):
            return public_ip
        return True
    return False


def _without_endpoint(endpoints: Iterable[Shape]) -> list[str]:
    names = [each.get("ServiceName", "") for each in endpoints if each.get("State", "available").lower() == "available"]
    needed = [*_NEEDED, "s3"]
    return [each for each in needed if not any(name.endswith(f".{each}") for name in names)]
