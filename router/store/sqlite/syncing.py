"""Making a file's newest bytes durable without a thread: the kernel syncs, and an eventfd says when it is done.

Waking a thread for a sync and being woken by it costs more than all the rows of a small transaction. Linux's own asynchronous
I/O (not the C library's, which uses threads) takes an fdatasync since 4.18. Where it does not (another system, another
processor, a sandbox that forbids the calls) there is no such sync, and the writer thread does it all. Must never do: block,
or say that something is durable that was written after the sync had begun.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import platform
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_CALLS = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
"""Numbers of io_setup, io_destroy, io_getevents, io_submit."""
_FDSYNC = 3
_TELL_EVENTFD = 1
_REQUEST = struct.Struct("<QIIHhIQQqQII")  # struct iocb of the kernel's interface, on little-endian machines
_EVENT = struct.Struct("<QQqq")  # struct io_event
_ONE = ctypes.c_long(1)
_Done = Callable[[OSError | None], None]


class KernelSync:
    """Of one file. One sync at a time: ``submit`` again only after ``done`` was called."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop, done: _Done) -> None:
        """OSError where the kernel or the machine has no such thing; ``done`` is called on the loop."""
        if sys.platform != "linux" or sys.byteorder != "little" or platform.machine() not in _CALLS:
            raise OSError("no asynchronous sync on this system")
        calls = [ctypes.c_long(number) for number in _CALLS[platform.machine()]]
        self._setup, self._destroy, self._collect, self._send = calls
        self._loop = loop
        self._done = done
        self._context = ctypes.c_ulong(0)
        self._call(self._setup, ctypes.c_uint(1), ctypes.byref(self._context))
        self._event = ctypes.create_string_buffer(_EVENT.size)
        self._file = self._told = -1
        try:
            self._file = os.open(path, os.O_RDONLY)
            self._told = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            # The kernel copies the request when it takes it, so one serves for all.
            request = _REQUEST.pack(0, 0, 0, _FDSYNC, 0, self._file, 0, 0, 0, 0, _TELL_EVENTFD, self._told)
            self._request = ctypes.create_string_buffer(request, len(request))
            self._requests = (ctypes.c_void_p * 1)(ctypes.addressof(self._request))
            loop.add_reader(self._told, self._collect_result)
        except BaseException:
            self.close()
            raise

    def submit(self) -> None:
        """Begin: everything written until now will be durable when ``done`` is called without an error."""
        self._call(self._send, self._context, _ONE, self._requests)

    def close(self) -> None:
        """Let go; waits for a sync under way, whose outcome nobody is told."""
        with suppress(OSError):
            self._call(self._destroy, self._context)
        if self._told >= 0:
            with suppress(RuntimeError):  # the loop is gone
                self._loop.remove_reader(self._told)
            os.close(self._told)
        if self._file >= 0:
            os.close(self._file)
        self._file = self._told = -1

    def _collect_result(self) -> None:
        os.eventfd_read(self._told)
        self._call(self._collect, self._context, _ONE, _ONE, self._event, None)
        result = _EVENT.unpack(self._event.raw)[2]
        self._done(None if result == 0 else OSError(-result, os.strerror(-result)))

    @staticmethod
    def _call(number: ctypes.c_long, *arguments: Any) -> None:
        if _LIBC.syscall(number, *arguments) < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))


_LIBC: Any = ctypes.CDLL(None, use_errno=True)
