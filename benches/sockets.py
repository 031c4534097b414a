#!/usr/bin/env python3
"""Opens a known number of TCP and UDP sockets on loopback addresses and holds them.

Prints `READY N` once all N are open, and ends with its standard input, or by SIGTERM. After a SIGUSR1
each process closes and opens again the given share of its connections every second.
"""

import argparse
import os
import random
import resource
import signal
import socket
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=42_200)
    parser.add_argument("--processes", type=int, default=200)
    parser.add_argument("--churn", type=float, default=0.01, help="share of connections a second")
    return parser.parse_args()


class Table:
    """The sockets of one process, at a loopback address of its own."""

    def __init__(self, index, count):
        self.addr = "127.%d.%d.1" % (1 + index // 250, index % 250)
        # One in 42 listens and one in 42 is UDP; the rest are both ends of connections.
        few = max(1, count // 42)
        pairs = max(0, (count - 2 * few - 1) // 2)
        self.alone = [self.listener() for _ in range(few)]
        self.alone += [self.datagram() for _ in range(count - few - 1 - 2 * pairs)]
        self.server = self.listener()
        self.pairs = [self.connection() for _ in range(pairs)]

    def listener(self):
        listener = socket.socket()
        listener.bind((self.addr, 0))
        listener.listen(128)
        return listener

    def datagram(self):
        datagram = socket.socket(type=socket.SOCK_DGRAM)
        datagram.bind((self.addr, 0))
        return datagram

    def connection(self):
        client = socket.create_connection(self.server.getsockname())
        return client, self.server.accept()[0]

    def churn(self, share):
        for place in random.sample(range(len(self.pairs)), round(len(self.pairs) * share)):
            for end in self.pairs[place]:
                end.close()
            self.pairs[place] = self.connection()


def hold(table, share):
    churning = False

    def start(*_):
        nonlocal churning
        churning = True

    signal.signal(signal.SIGUSR1, start)
    yield
    while True:
        if not churning:
            signal.pause()
        time.sleep(1)
        table.churn(share)


def main():
    options = arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    share, more = divmod(options.sockets, options.processes)
    told, tell = os.pipe()
    children = []
    for index in range(options.processes):
        pid = os.fork()
        if pid == 0:
            holding = hold(Table(index, share + (index < more)), options.churn)
            next(holding)
            os.write(tell, b"+")
            next(holding)
        children.append(pid)

    def stop(*_):
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGUSR1, lambda *_: [os.kill(pid, signal.SIGUSR1) for pid in children])
    # A child that failed has not written, and without its end of the pipe this would end.
    os.close(tell)
    ready = 0
    while ready < options.processes:
        told_now = os.read(told, 4096)
        if not told_now:
            stop()
        ready += len(told_now)
    print("READY", options.sockets, flush=True)
    sys.stdin.read()
    stop()


if __name__ == "__main__":
    main()
