"""The other end of a connection, in Python: peer.py serve|call NETWORK MODE ADDRESS [SIZE...].

A server says on standard error where it listens. What the modes do is said in ../programs.ts.
"""

import hashlib
import os
import socket
import struct
import sys
import threading

role, network, mode, address, *sizes = sys.argv[1:]

kinds = {
    "tcp": socket.SOCK_STREAM,
    "udp": socket.SOCK_DGRAM,
    "unix": socket.SOCK_STREAM,
    "unixgram": socket.SOCK_DGRAM,
    "unixpacket": socket.SOCK_SEQPACKET,
}
families = {"4": socket.AF_INET, "6": socket.AF_INET6}
family = families.get(network[-1], socket.AF_UNIX)
kind = kinds[network.rstrip("46")]


def place(text):
    if family == socket.AF_UNIX:
        return text
    host, _, port = text.rpartition(":")
    return (host.strip("[]"), int(port))


def served():
    """A connection that came in, or a bound socket of datagrams."""
    s = socket.socket(family, kind)
    s.bind(place(address))
    if kind != socket.SOCK_DGRAM:
        s.listen(5)
    name = s.getsockname()
    where = name if family == socket.AF_UNIX else f"port {name[1]}"
    print("listening on", where, file=sys.stderr, flush=True)
    return s if kind == socket.SOCK_DGRAM else s.accept()[0]


def called():
    s = socket.socket(family, kind)
    if network == "unixgram":
        s.bind(address + ".peer")  # without a name of its own it could not be answered
    s.connect(place(address))
    return s


def chunks(s):
    return iter(lambda: s.recv(1 << 16), b"")


def pump(s):
    def send():
        for data in iter(lambda: os.read(0, 1 << 16), b""):
            s.sendall(data)
        s.shutdown(socket.SHUT_WR)

    sending = threading.Thread(target=send)
    sending.start()
    for data in chunks(s):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    os.close(1)  # the end is passed on, while there may be more to send
    sending.join()
    os._exit(0)


def echo(s):
    for data in chunks(s):
        s.sendall(data)


def digest(s):
    sha = hashlib.sha256()
    for data in chunks(s):
        sha.update(data)
    s.sendall(sha.hexdigest().encode())


def reset(s):
    os.read(0, 1)
    if family != socket.AF_UNIX:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def until_end(s):
    """The messages up to the one that says "end", and who sent them."""
    found = []
    while True:
        data, sender = s.recvfrom(1 << 17)
        if data == b"end":
            return found, sender
        found.append(data)


def seen(messages):
    """How messages arrived: length and first byte of each."""
    return " ".join(f"{len(m)}:{m[0] if m else ''}" for m in messages).encode()


def messages(s):
    if role == "serve":
        found, sender = until_end(s)
        send = (lambda m: s.sendto(m, sender)) if kind == socket.SOCK_DGRAM else s.send
        for m in [seen(found), *found]:
            send(m)
        return
    for i, size in enumerate(sizes):
        s.send(bytes([65 + i]) * int(size))
    s.send(b"end")
    print(seen(until_end(s)[0]).decode())


with served() if role == "serve" else called() as conn:
    {
        "pump": pump,
        "outlast": pump,
        "echo": echo,
        "digest": digest,
        "reset": reset,
        "messages": messages,
    }[mode](conn)
