"""The two that race: how each is told the same routes, groups and PagerDuty, and how it is started."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Literal

import msgspec

from tests.benchmarks import workload
from tests.benchmarks.processes import Process, ask, free_port, python_module

ROUTING_KEY = "0123456789abcdef0123456789abcdef"

Contender = Literal["router", "alertmanager"]
CONTENDERS: tuple[Contender, Contender] = ("router", "alertmanager")


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a server is configured for. ``dispatch`` False: nothing is sent for ten minutes."""

    routes: int = 10
    kind: workload.Kind = "prefix"
    dispatch: bool = False
    own_groups: bool = True  # every alert its own group; else one group per route and alert name
    repeat_seconds: int = 300  # Alertmanager's group_interval: how soon it tries a failed group again


class Bench:
    """A sink and one server in a folder of their own; ``stop`` ends both."""

    def __init__(self, contender: Contender, task: Task, folder: Path, *, server_core: int | None = None) -> None:
        """Fresh store, fresh sink."""
        self.contender = contender
        self.task = task
        self.folder = folder
        self._server_core = server_core
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.sink_port = free_port()
        self.port = free_port()
        self.sink: Process | None = None
        self.start_sink()
        try:
            self.server = self.start_server()
        except BaseException:
            self.stop_sink()
            raise

    def start_sink(self) -> None:
        """PagerDuty comes (back) up; it has forgotten everything."""
        core = None if self._server_core is None else 1 - self._server_core
        command = python_module("tests.benchmarks.sink", self.sink_port)
        self.sink = Process(command, name="sink", folder=self.folder, port=self.sink_port, ready="/_stats", core=core)

    def stop_sink(self) -> None:
        """PagerDuty goes away."""
        if self.sink is not None:
            self.sink.stop(signal.SIGKILL)
            self.sink = None

    def start_server(self) -> Process:
        """Start, or start again over the store that is there."""
        start = _start_router if self.contender == "router" else _start_alertmanager
        self.server = start(self, self._server_core)
        return self.server

    def stop(self) -> None:
        """End both, at once."""
        self.server.stop(signal.SIGKILL)
        self.stop_sink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tokens_arrived(self) -> int:
        """How many alerts have been paged."""
        tokens: int = json.loads(ask(self.sink_port, "GET", "/_stats")[1])["tokens"]
        return tokens


def write_router_files(folder: Path, task: Task, *, port: int, sink_port: int) -> Path:
    """Configuration and rules of the router for this task; answers where the configuration is."""
    group_by = ["service", "name", "instance"] if task.own_groups else ["name"]
    rules = [
        {
            "id": f"route-{route:05d}",
            "match": {"service": workload.glob(route, task.kind)},
            "page": "bench",
            "group_by": group_by,
        }
        | ({} if task.dispatch else {"when": {"firing_for": "10m"}})
        for route in range(task.routes)
    ]
    config = {
        "listen": f"127.0.0.1:{port}",
        "store": f"sqlite:{folder / 'router.db'}",
        "rules": [str(folder / "rules.yaml")],
        "default_team": "bench",
        "teams": {"bench": {"services": ["*"], "pagerduty": {"routing_key": "env:BENCH_ROUTING_KEY"}}},
        "sources": {"prometheus": {"kind": "alertmanager", "service_label": ["service"]}},
        "pagerduty": {"events_url": f"http://127.0.0.1:{sink_port}", "rate": "unlimited"},
    }
    # JSON is YAML.
    (folder / "rules.yaml").write_text(json.dumps({"rules": rules}, indent=0))
    (folder / "config.yaml").write_text(json.dumps(config, indent=0))
    return folder / "config.yaml"


def _start_router(bench: Bench, core: int | None) -> Process:
    config = write_router_files(bench.folder, bench.task, port=bench.port, sink_port=bench.sink_port)
    return Process(
        python_module("router", "run", "--config", config),
        name="router",
        folder=bench.folder,
        port=bench.port,
        ready="/-/ready",
        core=core,
        environment={"BENCH_ROUTING_KEY": ROUTING_KEY},
    )


def _start_alertmanager(bench: Bench, core: int | None) -> Process:
    task, folder = bench.task, bench.folder
    routes = [{"matchers": [f'service=~"{workload.regex(route, task.kind)}"']} for route in range(task.routes)]
    config = {
        "global": {"resolve_timeout": "1h"},
        "route": {
            "receiver": "bench",
            "group_by": ["..."] if task.own_groups else ["alertname"],
            "group_wait": "0s" if task.dispatch else "10m",
            "group_interval": f"{task.repeat_seconds}s" if task.dispatch else "10m",
            "repeat_interval": "4h",
            "routes": routes,
        },
        "receivers": [
            {
                "name": "bench",
                "pagerduty_configs": [
                    {"routing_key": ROUTING_KEY, "url": f"http://127.0.0.1:{bench.sink_port}/v2/enqueue", "send_resolved": True}
                ],
            }
        ],
    }
    (folder / "alertmanager.yaml").write_text(json.dumps(config, indent=0))
    command = [
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{bench.port}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    return Process(command, name="alertmanager", folder=folder, port=bench.port, ready="/-/ready", core=core)
