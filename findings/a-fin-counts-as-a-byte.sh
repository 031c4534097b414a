#!/usr/bin/env bash
# A connection whose peer has closed and sent nothing before has nothing to read but the end. One would
# expect a receive queue of 0. The kernel counts the FIN, which has a sequence number of its own: the queue
# is 1 in /proc/net/tcp and in sock_diag (so in `ss`, too), while ioctl(SIOCINQ) on the same socket says 0.
# With six bytes before the FIN it is 7. Whether reading the six bytes takes the FIN along depends on how
# the segments came: the kernel may have joined the two, and then the queue is 0 before any read has
# returned 0.
#
# So sockpit takes one from the queue of a connection in CLOSE_WAIT before it speaks of bytes, and does not
# say of an empty queue there that the program has read the end.
#
# Needs: python3. Everything happens in a network namespace of the script's own.
set -euo pipefail

if [[ ${1-} != --inside ]]; then
    unshare --user --map-root-user --net true 2>/dev/null || { echo "no namespace of its own"; exit 77; }
    exec unshare --user --map-root-user --net "$0" --inside
fi
ip link set lo up
uname -sr
python3 - <<'PYTHON'
import fcntl, socket, struct, sys, termios, time

def queue(client):
    """The receive queue of /proc/net/tcp."""
    port = '%04X' % client.getsockname()[1]
    for line in open('/proc/net/tcp').read().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(':' + port) and words[3] == '08':
            return int(words[4].split(':')[1], 16)

def inq(client):
    return struct.unpack('i', fcntl.ioctl(client, termios.FIONREAD, b'\0' * 4))[0]

def closed_after(data):
    listener = socket.create_server(('127.0.0.1', 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    server.sendall(data)
    server.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + 10
    while queue(client) is None:
        if time.monotonic() > deadline:
            sys.exit('no CLOSE_WAIT within ten seconds')
    return listener, client, server

_a, nothing, _b = closed_after(b'')
empty = (queue(nothing), inq(nothing))
print('a FIN alone:        queue %d, SIOCINQ %d' % empty)
nothing.recv(1)
print('after the end read: queue %d' % queue(nothing))
_c, six, _d = closed_after(b'sixsix')
full = (queue(six), inq(six))
print('six bytes and FIN:  queue %d, SIOCINQ %d' % full)
six.recv(6)
print('six bytes read:     queue %d, SIOCINQ %d (nobody has read the end)' % (queue(six), inq(six)))
sys.exit(0 if empty == (1, 0) and full[0] == 7 else 1)
PYTHON
