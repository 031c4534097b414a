#!/usr/bin/env bash
# A firewall that rejects the first SYN with an ICMP "port unreachable" and lets the second one pass, as one
# does that is just being reloaded. RFC 1122 (4.2.3.9) calls that ICMP error soft: a connect goes on. One
# would expect one answer to one question. The answer depends on how the program waits: a blocking connect()
# is connected after a second; the same socket with a timeout of five seconds, or in an event loop, is
# "connection refused" at once, since over IPv4 poll() wakes for the soft error and SO_ERROR hands it out
# while the kernel goes on to connect. Over IPv6 all of them connect.
#
# So sockpit reads a refusal over IPv4 as the last word only once the socket has left SYN_SENT.
#
# Needs: Debian 12, apt-get, python3, a kernel with nftables. Everything happens in a temporary folder and in
# a network namespace of the script's own.
set -euo pipefail

packages=(nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 libxtables12=1.8.9-2
    libjansson4=2.14-2 libedit2=3.1-20221030-2 libmnl0=1.0.4-3 libbsd0=0.11.7-2)
if [[ ${1-} != --inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    if ! (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" 2>apt); then
        echo "the packages cannot be had: $(tail -1 "$folder/apt")"
        exit 77
    fi
    for deb in "$folder"/*.deb; do dpkg -x "$deb" "$folder/root"; done
    unshare --user --map-root-user --net "$0" --inside "$folder"
    exit
fi
export LD_LIBRARY_PATH=$2/root/usr/lib/$(uname -m)-linux-gnu PATH=$2/root/usr/sbin:$PATH
ip link set lo up
uname -sr
nft --version
python3 - <<'PYTHON'
import asyncio, errno, socket, subprocess, sys, threading, time

RULE = 'table inet guard {\nchain input {\ntype filter hook input priority 0\n' \
    'tcp dport 9000 reject with icmpx port-unreachable\n}\n}\n'

def nft(text):
    subprocess.run(['nft', '-f', '-'], input=text, text=True, check=True)

def connect(family, address, timeout):
    with socket.socket(family) as s:
        s.settimeout(timeout)
        s.connect((address, 9000))

async def in_a_loop(address):
    _, writer = await asyncio.open_connection(address, 9000)
    writer.close()

WAYS = {
    'blocking': lambda family, address: connect(family, address, None),
    'with a timeout of 5 s': lambda family, address: connect(family, address, 5),
    'in an event loop': lambda _, address: asyncio.run(in_a_loop(address)),
}
ends = ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'))
servers = [socket.create_server(('127.0.0.1', 9000)), socket.create_server(('::1', 9000), family=socket.AF_INET6)]
found = {}
for way, run in WAYS.items():
    for family, address in ends:
        nft(RULE)
        opens = threading.Timer(0.5, nft, ['delete table inet guard\n'])
        opens.start()
        started = time.monotonic()
        try:
            run(family, address)
            found[way, address] = 'connected'
        except OSError as error:
            found[way, address] = errno.errorcode[error.errno]
        print(f'{way}, {address}: {found[way, address]} after {time.monotonic() - started:.1f} s')
        opens.join()
expected = {key: 'connected' for key in found}
expected['with a timeout of 5 s', '127.0.0.1'] = expected['in an event loop', '127.0.0.1'] = 'ECONNREFUSED'
sys.exit(0 if found == expected else 1)
PYTHON
# Seen with Linux 6.18, CPython 3.11.7, nftables 1.0.6:
#   blocking, 127.0.0.1: connected after 1.0 s
#   blocking, ::1: connected after 1.0 s
#   with a timeout of 5 s, 127.0.0.1: ECONNREFUSED after 0.0 s
#   with a timeout of 5 s, ::1: connected after 1.0 s
#   in an event loop, 127.0.0.1: ECONNREFUSED after 0.0 s
#   in an event loop, ::1: connected after 1.0 s
