"""Whether the services' ports are free, told before anything is started."""

import os
import socket

from vigil.settings import Settings
from vigil.topology import Service


def taken(settings: Settings, services: list[Service]) -> list[str]:
    """A sentence for every port that another program holds or that two services share."""
    problems: list[str] = []
    seen: dict[int, str] = {}
    for service in services:
        for kind, ports in (("HTTP", settings.http_ports), ("GRPC", settings.grpc_ports)):
            port = ports.get(service.name)
            if port is None:
                continue
            variable = f"{service.package.upper()}_{kind}_PORT"
            if port in seen:
                problems.append(f"{service.name} and {seen[port]} both want port {port}: set {variable}")
            elif not _free(settings.bind_host, port):
                problems.append(f"port {port} of {service.name} is taken{_owner(port)}: stop that, or set {variable}")
            seen[port] = service.name
    return problems


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _owner(port: int) -> str:
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return ""
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            try:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
            except psutil.Error:
                break
    return f" (process {os.getpid()} may not see by whom)" if os.geteuid() else ""
