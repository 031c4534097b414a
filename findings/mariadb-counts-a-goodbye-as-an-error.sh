#!/usr/bin/env bash
# MariaDB locks a host out after max_connect_errors connections that end before a login
# (ER_HOST_IS_BLOCKED). One would expect that saying goodbye in the protocol's own words, COM_QUIT, is no
# error, and that a login which is denied is one. It is the other way round: COM_QUIT in place of the
# handshake response counts, as does leaving without a word; a login as a user that does not exist, without
# a password, does not count. And none of them counts for a client whose address has no name: a server
# whose resolver is broken locks nobody out.
#
# So a probe of MySQL goes as far as a denied login.
#
# Needs: Debian 12, root, apt-get, python3. Everything happens in a temporary folder and in namespaces of
# the script's own.
set -euo pipefail

packages=(mariadb-server-core=1:10.11.19-0+deb12u1 mariadb-common=1:10.11.19-0+deb12u1
    mariadb-client-core=1:10.11.19-0+deb12u1 libmariadb3=1:10.11.19-0+deb12u1
    liburing2=2.3-3 libsnappy1v5=1.1.9-3 libpmem1=1.12.1-2 libndctl6=76.1-1 libdaxctl1=76.1-1)

if [[ ${1-} != --inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    chmod 755 "$folder"
    mkdir "$folder/debs" "$folder/root"
    if ! (cd "$folder/debs" && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" \
        2>"$folder/apt"); then
        echo "the packages cannot be had: $(tail -1 "$folder/apt")"
        exit 77
    fi
    for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/root"; done
    unshare --mount --net --pid --fork --mount-proc --kill-child "$0" --inside "$folder"
    exit
fi

folder=$2
export LD_LIBRARY_PATH=$folder/root/usr/lib/$(uname -m)-linux-gnu
export PATH=$folder/root/usr/bin:$folder/root/usr/sbin:$PATH
ip link set lo up
ip addr add 192.0.2.8/32 dev lo
ip addr add 192.0.2.9/32 dev lo
printf '127.0.0.1 localhost\n192.0.2.9 named.example\n' >"$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts
# Whatever has no name here has none at all.
: >"$folder/resolv.conf"
mount --bind "$folder/resolv.conf" /etc/resolv.conf

share=$folder/root/usr/share/mysql
common=(--no-defaults --user=root "--datadir=$folder/data" "--lc-messages-dir=$share"
    "--character-sets-dir=$share/charsets")
mkdir "$folder/data"
{
    printf 'create database mysql;\nuse mysql;\n'
    cat "$share"/mysql_system_tables.sql "$share"/mysql_performance_tables.sql \
        "$share"/mysql_system_tables_data.sql
} >"$folder/bootstrap.sql"
mariadbd "${common[@]}" --bootstrap <"$folder/bootstrap.sql" >"$folder/bootstrap" 2>&1 || {
    tail -3 "$folder/bootstrap"
    exit 77
}
echo "create user if not exists 'somebody'@'%' identified by 'secret';" >"$folder/init"
mariadbd "${common[@]}" "--socket=$folder/socket" "--pid-file=$folder/pid" --port=3306 \
    "--init-file=$folder/init" --max-connect-errors=5 >"$folder/log" 2>&1 &
mariadbd --no-defaults --version
python3 - <<'PYTHON'
import socket, struct, sys, time

def connect(source):
    for _ in range(600):
        s = socket.socket()
        s.bind((source, 0))
        try:
            s.connect(('192.0.2.9', 3306))
        except ConnectionRefusedError:
            time.sleep(0.1)
            continue
        s.settimeout(20)
        return s
    sys.exit(77)

def packet(number, payload):
    return struct.pack('<I', len(payload))[:3] + bytes([number]) + payload

LOGIN = struct.pack('<IIB23x', 0x88201, 1 << 24, 33) + b'nobody\0\0mysql_native_password\0'
WAYS = {
    'a denied login': packet(1, LOGIN),
    'COM_QUIT': packet(1, b'\1'),
    'not a word': b'',
}

def blocked(source):
    with connect(source) as s:
        return b'is blocked' in s.recv(4096)

def try_it(source, way):
    for _ in range(8):
        with connect(source) as s:
            if b'is blocked' in s.recv(4096):
                return True
            s.sendall(WAYS[way]) if WAYS[way] else s.shutdown(socket.SHUT_WR)
            try:
                while s.recv(4096):
                    pass
            except ConnectionError:
                pass
    return blocked(source)

found = {}
for source, name in (('192.0.2.8', 'without a name'), ('192.0.2.9', 'with a name')):
    ways = list(WAYS) if source == '192.0.2.8' else ['a denied login', 'COM_QUIT']
    for way in ways:
        found[name, way] = try_it(source, way)
        print(f'client {name}, eight times {way}: {"locked out" if found[name, way] else "served"}')
expected = {key: key == ('with a name', 'COM_QUIT') for key in found}
sys.exit(0 if found == expected else 1)
PYTHON
