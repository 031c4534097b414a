#!/usr/bin/env bash
# icmplib is what monitoring programs in Python ping with. A host that does not answer has packet_loss 1.0 and
# is_alive False, as one would expect. One would expect the same, or an error, of a host to which no packet
# can be sent at all: no route, or a rule of this host's own firewall in the output. icmplib swallows that
# error: packets_sent is 0 and packet_loss 0.0, so that an alarm on loss stays silent while the host cannot be
# reached at all. pythonping raises the error in the same place, and calls the *share* of lost packets
# packets_lost.
#
# So a send that failed is an outcome of its own in sockpit, with its error, and no loss of none is printed.
#
# Needs: Debian 12, root, python3 with venv, iproute2, access to PyPI. Everything happens in a temporary
# folder and in a network namespace of the script's own.
set -euo pipefail

if [[ ${1-} != --inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install -q --disable-pip-version-check icmplib==3.0.4 pythonping==1.1.4 || {
        echo "the libraries cannot be had"
        exit 77
    }
    unshare --net "$0" --inside "$folder"
    exit
fi
ip link set lo up
ip addr add 192.0.2.1/24 dev lo
# Taken by the route of the interface, and answered by nobody.
ip route add blackhole 198.51.100.0/24
"$2/venv/bin/python" - <<'PYTHON'
import sys
import icmplib, pythonping

def by_icmplib(address):
    host = icmplib.ping(address, count=4, interval=0.05, timeout=0.3)
    return host.is_alive, host.packets_sent, host.packet_loss

def by_pythonping(address):
    try:
        answers = pythonping.ping(address, count=4, interval=0.05, timeout=0.3)
        return answers.success(), answers.packets_lost
    except OSError as error:
        return type(error).__name__, error.errno

print('icmplib', icmplib.__version__, 'pythonping', '1.1.4')
found = {}
for name, address in (('itself', '127.0.0.1'), ('no route', '203.0.113.9'), ('a blackhole', '198.51.100.9')):
    found[name] = by_icmplib(address)
    print(f'{name}: icmplib alive, sent, loss: {found[name]}; pythonping: {by_pythonping(address)}')
expected = {'itself': (True, 4, 0.0), 'no route': (False, 0, 0.0), 'a blackhole': (False, 0, 0.0)}
sys.exit(0 if found == expected else 1)
PYTHON
# Seen with icmplib 3.0.4, pythonping 1.1.4, Linux 6.18:
#   itself: icmplib alive, sent, loss: (True, 4, 0.0); pythonping: (True, 0.0)
#   no route: icmplib alive, sent, loss: (False, 0, 0.0); pythonping: ('OSError', 101)
