"""What systemd is told, over a real datagram socket."""

import socket

from router.daemon.systemd import Notifier


def test_messages_reach_the_notify_socket(tmp_path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        notifier = Notifier({"NOTIFY_SOCKET": path}, process_id=1)
        notifier.ready("12 rules")
        notifier.alive()
        notifier.reloading()
        notifier.status("fine")
        notifier.stopping()
        received = [manager.recv(1000) for _ in range(5)]
    assert received == [
        b"READY=1\nSTATUS=12 rules",
        b"WATCHDOG=1",
        b"STATUS=reloading",
        b"STATUS=fine",
        b"STOPPING=1\nSTATUS=stopping",
    ]


def test_abstract_addresses() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0alert-router-test-notify")
        Notifier({"NOTIFY_SOCKET": "@alert-router-test-notify"}, process_id=1).alive()
        assert manager.recv(100) == b"WATCHDOG=1"


def test_without_systemd_nothing_happens_and_a_lost_manager_is_no_error(tmp_path) -> None:
    Notifier({}, process_id=1).ready("x")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}, process_id=1).ready("x")


def test_watchdog_is_fed_at_half_its_time_and_only_when_meant_for_us() -> None:
    assert Notifier({"WATCHDOG_USEC": "30000000"}, process_id=1).watchdog_seconds == 15.0
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "2"}, process_id=1).watchdog_seconds is None
    assert Notifier({"WATCHDOG_USEC": "x"}, process_id=1).watchdog_seconds is None
    assert Notifier({}, process_id=1).watchdog_seconds is None
