#!/bin/sh
# An accepted MPTCP socket has the SO_COOKIE of its listener once anybody has asked for the
# listener's: the kernel copies the listener to make it, cookie included. So neither
# (network namespace, cookie) nor `ss -e`'s sk: tells two MPTCP sockets apart, and "a cookie is
# unique" (socket(7), SO_COOKIE) does not hold here. TCP clears the copy; MPTCP does not.
#
# Needs python3 and a kernel with MPTCP (5.6 and later). Fails where the cookies differ.
set -eu
uname -r
python3 - <<'P'
import socket, struct, sys
MPTCP, SO_COOKIE = 262, 57
def cookie(s):
    return struct.unpack("Q", s.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]
def accepted(protocol, ask):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol) as listener:
        listener.bind(("127.0.0.1", 0)); listener.listen()
        before = cookie(listener) if ask else None
        pairs = []
        for _ in range(3):
            client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
            client.connect(listener.getsockname())
            pairs.append((client, listener.accept()[0]))
        got = [cookie(server) for _, server in pairs]
        print(f"{'MPTCP' if protocol == MPTCP else 'TCP'}, listener asked before: {ask}: "
              f"listener {cookie(listener)}, accepted {got}")
        return before, got
before, got = accepted(MPTCP, True)
_, apart = accepted(MPTCP, False)
_, tcp = accepted(socket.IPPROTO_TCP, True)
as_described = set(got) == {before} and len(set(apart)) == 3 and len(set(tcp)) == 3
sys.exit(0 if as_described else "the behaviour has changed")
P
