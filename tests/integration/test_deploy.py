"""What lies in deploy/ is held to the tools that will read it: systemd, Prometheus, and the tree itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import house

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
OK_EXPOSURE = 2.0
"""systemd rates below 5.0 as "OK"; ours is held lower, so that a directive that gets lost is noticed."""


def run(*command: str | Path, cwd: Path = DEPLOY) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)


class TestSystemd:
    def test_the_unit_is_rated_ok(self) -> None:
        done = run(
            "systemd-analyze", "security", "--offline=true", f"--threshold={int(OK_EXPOSURE * 10)}", "alert-router.service"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        rating = re.search(r"exposure level for alert-router.service: ([\d.]+) (\w+)", done.stdout)
        assert rating is not None, done.stdout
        assert (float(rating[1]) < OK_EXPOSURE, rating[2]) == (True, "OK")

    def test_the_rating_notices_a_lost_directive(self, tmp_path: Path) -> None:
        unit = (DEPLOY / "alert-router.service").read_text()
        kept = [line for line in unit.splitlines() if not line.startswith(("SystemCallFilter", "DynamicUser", "Capability"))]
        (tmp_path / "alert-router.service").write_text("\n".join(kept))
        done = run(
            "systemd-analyze", "security", "--offline=true", f"--threshold={int(OK_EXPOSURE * 10)}", "alert-router.service",
            cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode != 0

    def test_systemd_understands_every_line(self, tmp_path: Path) -> None:
        # The program need not be installed for this: systemd only wants to see an executable.
        service = (DEPLOY / "alert-router.service").read_text().replace("/opt/alert-router/bin/alert-router", "/bin/true")
        (tmp_path / "alert-router.service").write_text(service)
        shutil.copy(DEPLOY / "alert-router.socket", tmp_path)
        done = run("systemd-analyze", "verify", "./alert-router.service", "./alert-router.socket", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_it_is_told_what_the_daemon_needs(self) -> None:
        unit = (DEPLOY / "alert-router.service").read_text().splitlines()
        wanted = {
            "Type=notify",
            "WatchdogSec=30",
            "DynamicUser=yes",
            "StateDirectory=alert-router",
            "RuntimeDirectory=alert-router",
        }
        assert wanted <= set(unit)


class TestPrometheus:
    def test_the_alert_rules_are_valid(self) -> None:
        done = run("promtool", "check", "rules", "alerts.yaml", cwd=DEPLOY / "prometheus")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_the_alert_rules_do_what_they_say(self) -> None:
        done = run("promtool", "test", "rules", "alerts.test.yaml", cwd=DEPLOY / "prometheus")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_the_example_configuration_is_valid(self) -> None:
        done = run("promtool", "check", "config", "scrape.yaml", cwd=DEPLOY / "prometheus")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_every_alert_says_how_bad_and_of_which_service(self) -> None:
        rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"][0]["rules"]
        for rule in rules:
            assert rule["labels"]["service"] == "alert-router", rule["alert"]
            assert rule["labels"]["severity"] in {"critical", "error", "warning", "info"}, rule["alert"]


class TestDashboard:
    @pytest.fixture
    def panels(self) -> list[dict[str, Any]]:
        dashboard: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
        panels: list[dict[str, Any]] = dashboard["panels"]
        return panels

    def test_every_query_is_valid(self, panels: list[dict[str, Any]], tmp_path: Path) -> None:
        queries = [target["expr"] for panel in panels for target in panel["targets"]]
        rules = [
            {"record": f"query:{number}", "expr": re.sub(r"\$__(rate_interval|range)", "5m", query)}
            for number, query in enumerate(queries)
        ]
        (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
        done = run("promtool", "check", "rules", "queries.yaml", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(queries)} rules found" in done.stdout

    def test_every_documented_metric_has_a_place(self, panels: list[dict[str, Any]]) -> None:
        shown = house.metrics_used(json.dumps(panels))
        elsewhere = {"alert_router_timers"}  # of interest to developers only
        assert house.documented_metrics(ROOT) - shown == elsewhere

    def test_panels_do_not_overlap(self, panels: list[dict[str, Any]]) -> None:
        taken = [
            (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
            for panel in panels
            for x in range(panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["h"])
        ]
        assert len(taken) == len(set(taken))
        assert max(x for x, _ in taken) < 24
        assert len({panel["id"] for panel in panels}) == len(panels)


class TestContainer:
    def test_it_copies_what_is_there_and_not_ignored(self) -> None:
        sources = re.findall(r"^COPY (?!--from)(\S+)", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE)
        assert sources == ["requirements.lock", "router"]
        allowed = (ROOT / ".containerignore").read_text().splitlines()
        for source in sources:
            assert (ROOT / source).exists()
            assert f"!{source}" in allowed

    def test_it_is_no_root(self) -> None:
        lines = (DEPLOY / "Containerfile").read_text().splitlines()
        assert "USER 65532:65532" in lines


class TestKubernetes:
    @pytest.fixture
    def objects(self) -> dict[tuple[str, str], dict[str, Any]]:
        documents = yaml.safe_load_all((DEPLOY / "kubernetes/sidecar.yaml").read_text())
        return {(document["kind"], document["metadata"]["name"]): document for document in documents}

    def test_what_is_referred_to_is_there(self, objects: dict[tuple[str, str], dict[str, Any]]) -> None:
        pod = objects["StatefulSet", "prometheus"]["spec"]["template"]["spec"]
        claims = {claim["metadata"]["name"] for claim in objects["StatefulSet", "prometheus"]["spec"]["volumeClaimTemplates"]}
        volumes = {volume["name"] for volume in pod["volumes"]} | claims
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            for variable in container.get("env", []):
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference["key"] in objects["Secret", reference["name"]]["stringData"]
        for volume in pod["volumes"]:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in objects

    def test_every_container_is_confined(self, objects: dict[tuple[str, str], dict[str, Any]]) -> None:
        pod = objects["StatefulSet", "prometheus"]["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert not container["securityContext"]["allowPrivilegeEscalation"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}

    def check(self, objects: dict[tuple[str, str], dict[str, Any]], folder: Path, keys: dict[str, str]) -> tuple[int, str]:
        """``alert-router check`` on the configuration and rules of the ConfigMap, with these keys."""
        for name, text in objects["ConfigMap", "alert-router"]["data"].items():
            (folder / name).write_text(text.replace("/etc/alert-router/", f"{folder}/"))
        done = subprocess.run(
            [sys.executable, "-m", "router", "check", "--config", str(folder / "config.yaml")],
            env=os.environ | {f"PD_KEY_{name.upper()}": key for name, key in keys.items()},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def test_its_configuration_and_rules_have_no_mistake(
        self, objects: dict[tuple[str, str], dict[str, Any]], tmp_path: Path
    ) -> None:
        status, said = self.check(objects, tmp_path, {"payments": "0a1b" * 8, "platform": "1b2c" * 8})
        assert status == 0, said

    def test_its_placeholder_keys_are_refused(self, objects: dict[tuple[str, str], dict[str, Any]], tmp_path: Path) -> None:
        status, said = self.check(objects, tmp_path, objects["Secret", "alert-router-keys"]["stringData"])
        assert status == 1
        assert said.count("routing-key-example") == 2

    def test_its_prometheus_configuration_is_valid(
        self, objects: dict[tuple[str, str], dict[str, Any]], tmp_path: Path
    ) -> None:
        (tmp_path / "prometheus.yml").write_text(objects["ConfigMap", "prometheus"]["data"]["prometheus.yml"])
        done = run("promtool", "check", "config", "prometheus.yml", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
