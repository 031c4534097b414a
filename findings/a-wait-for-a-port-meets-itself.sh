#!/usr/bin/env bash
# Start-up scripts wait for a server with wait-for-it, wait-on or `nc -z`: they connect again and again until
# somebody answers. One would expect that they wait for ever while nobody listens. For a port within the range
# of outgoing ports (50051 of gRPC and 33060 of MySQL are), a connect is itself given a port of that range,
# sooner or later the very one that it asks for, and TCP then connects to itself (simultaneous open, RFC 9293
# 3.5). The tools say that the server is there. With Linux's usual range that is about one try in 28,000 of a
# free even port; a narrow range shows it at once.
#
# So sockpit compares both ends of a connection before it calls a port open: in probes, sweeps and `wait`.
#
# Needs: Debian 12, root, apt-get, npm, iproute2. Everything happens in a temporary folder and in a network
# namespace of the script's own.
set -euo pipefail

packages=(wait-for-it=0.0~git20180723-1 netcat-openbsd=1.219-1)
self=$(readlink -f "$0")
if [[ ${1-} != --inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    cd "$folder"
    if ! apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" 2>apt ||
        ! npm install --silent --no-save --prefix "$folder" wait-on@9.5.1 tcp-port-used@1.0.3 2>apt; then
        echo "the packages cannot be had: $(tail -1 apt)"
        exit 77
    fi
    for deb in ./*.deb; do dpkg -x "$deb" root; done
    unshare --net "$self" --inside "$folder"
    exit
fi
cd "$2"
ip link set lo up
sysctl -qw net.ipv4.ip_local_port_range='40000 40006'
port=40002
again_and_again() { for _ in {1..2000}; do "$@" && return; done; return 1; }

status=0
check() { # NAME COMMAND...
    local name=$1 said=nothing
    shift
    "$@" >/dev/null 2>&1 && said='the server is there'
    echo "$name says: $said; listeners: $(ss -Htln | wc -l)"
    [[ $said != nothing ]] || status=1
}
check wait-for-it root/usr/bin/wait-for-it -t 60 "127.0.0.1:$port"
check wait-on timeout 60 node_modules/.bin/wait-on -i 20 "tcp:127.0.0.1:$port"
check tcp-port-used node -e "require('tcp-port-used').waitUntilUsed($port, 20, 60000).then(() => process.exit(0), () => process.exit(1))"
check 'nc -z' again_and_again root/bin/nc.openbsd -z 127.0.0.1 "$port"
exit $status
# Seen with wait-for-it 0.0~git20180723-1, wait-on 9.5.1, tcp-port-used 1.0.3, netcat-openbsd 1.219, Linux 6.18:
#   each says: the server is there; listeners: 0
