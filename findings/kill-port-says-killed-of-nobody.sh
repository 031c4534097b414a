#!/usr/bin/env bash
# kill-port (npm) is what many package.json files free a port with. One would expect an exit code of 1, or at
# least a word, where there was nothing to kill, or where what holds the port was not found. It says "Process
# on port 8080 killed" and exits with 0 in each case: nobody holds the port, a UDP server does, a socket that is
# bound without listening does, a connection that was given it as its local port does. The port is as busy as
# before, and the build goes on to "address already in use".
#
# So sockpit proves the outcome of a kill by a bind of its own.
#
# Needs: Debian 12, root, apt-get, npm, python3, iproute2. Everything happens in a temporary folder and in
# namespaces of the script's own.
set -euo pipefail

self=$(readlink -f "$0")
if [[ ${1-} != --inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    cd "$folder"
    if ! apt-get -qq -o APT::Sandbox::User=root download lsof=4.95.0-1 libtirpc3=1.3.3+ds-1 2>apt ||
        ! npm install --silent --no-save --prefix "$folder" kill-port@2.0.1 2>apt; then
        echo "the packages cannot be had: $(tail -1 apt)"
        exit 77
    fi
    for deb in ./*.deb; do dpkg -x "$deb" root; done
    unshare --net --pid --fork --mount-proc --kill-child "$self" --inside "$folder"
    exit
fi
cd "$2"
export PATH=$PWD/root/usr/bin:$PATH LD_LIBRARY_PATH=$PWD/root/usr/lib/$(uname -m)-linux-gnu
ip link set lo up

status=0
check() { # NAME PYTHON LIVES
    local holder said code=0 lives=no
    python3 -c "import socket, time; $2; print('ready', flush=True); time.sleep(600)" >ready &
    holder=$!
    until [[ -s ready ]]; do sleep 0.05; done
    said=$(node_modules/.bin/kill-port 8080 2>&1) || code=$?
    for _ in {1..20}; do kill -0 $holder 2>/dev/null && lives=yes || { lives=no; break; }; sleep 0.05; done
    echo "$1: kill-port says \"$said\", exit code $code; lives on: $lives"
    [[ $said == 'Process on port 8080 killed' && $code == 0 && $lives == "$3" ]] || status=1
    kill $holder 2>/dev/null || true
    wait $holder 2>/dev/null || true
    rm ready
}
local_port="('127.0.0.1', 8080)"
check 'a listener' "s = socket.create_server($local_port)" no
check 'nobody on the port' 'pass' yes
check 'a UDP server' "s = socket.socket(type=socket.SOCK_DGRAM); s.bind($local_port)" yes
check 'bound, not listening' "s = socket.socket(); s.bind($local_port)" yes
check 'an outgoing connection' "s = socket.create_server(('127.0.0.1', 9000)); c = socket.create_connection(('127.0.0.1', 9000), source_address=$local_port)" yes
exit $status
# Seen with kill-port 2.0.1, lsof 4.95.0, Linux 6.18:
#   nobody on the port: kill-port says "Process on port 8080 killed", exit code 0; lives on: yes
