"""
The calls of POSIX as Python makes them: `ipc_peer.py KIND PLACE`. For each number it reads it does
the thing so many times, and says how many microseconds that took. What its library lacks, message
queues, goes through ctypes.
"""
import ctypes
import fcntl
import multiprocessing
import os
import sys
import time

kind, place = sys.argv[1:]


def locks():
    os.close(os.open(place, os.O_RDONLY | os.O_CREAT, 0o600))

    def act():
        # With open and close: a lock belongs to an open file.
        fd = os.open(place, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)

    return act


def semaphores():
    # One of sem_open(3), under a name of its own making.
    semaphore = multiprocessing.Semaphore(1)

    def act():
        semaphore.acquire()
        semaphore.release()

    return act


def queues():
    class Attributes(ctypes.Structure):
        _fields_ = [(name, ctypes.c_long) for name in ("flags", "maxmsg", "msgsize", "curmsgs")]
        _fields_.append(("reserved", ctypes.c_long * 4))

    libc = ctypes.CDLL(None, use_errno=True)
    size = 64
    attributes = Attributes(0, 4, size, 0)
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
    queue = libc.mq_open(place.encode(), flags, 0o600, ctypes.byref(attributes))
    if queue < 0:
        raise OSError(ctypes.get_errno(), "mq_open")
    libc.mq_unlink(place.encode())
    message = ctypes.create_string_buffer(size)
    send, receive = libc.mq_send, libc.mq_receive
    send.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint]
    receive.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
    receive.restype = ctypes.c_ssize_t

    def act():
        if send(queue, message, size, 0) < 0 or receive(queue, message, size, None) < 0:
            raise OSError(ctypes.get_errno(), "mq")

    return act


act = {"lock": locks, "semaphore": semaphores, "queue": queues}[kind]()
for line in sys.stdin:
    begun = time.perf_counter_ns()
    for _ in range(int(line)):
        act()
    print((time.perf_counter_ns() - begun) / 1e3, flush=True)
