#!/usr/bin/env bash
# psutil lists the UNIX sockets of a process with the path each is bound to, read from /proc/net/unix. One
# would expect the path of every one of them; a path may hold any byte but NUL. A socket whose path or
# abstract name holds a blank or a tab is listed with an empty name, as if it had never been bound, and an abstract
# name's NULs cannot be told from "@". lsof, which reads the same file, cuts the path off at the blank; ss, which
# asks the kernel by netlink, shows it whole.
#
# sockpit asks by netlink, where a name has its length, and shows each byte of it.
#
# Needs: Debian 12, apt-get, python3 with venv, iproute2, access to PyPI. Everything happens in a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check psutil==7.2.2 || { echo "psutil cannot be had"; exit 77; }
if ! (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download lsof=4.95.0-1 libtirpc3=1.3.3+ds-1 2>apt); then
    echo "lsof cannot be had: $(tail -1 "$folder/apt")"
    exit 77
fi
chmod 755 "$folder"
for deb in "$folder"/*.deb; do dpkg -x "$deb" "$folder/root"; done
export PATH=$folder/root/usr/bin:$PATH LD_LIBRARY_PATH=$folder/root/usr/lib/$(uname -m)-linux-gnu
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import os, socket, subprocess, sys
import psutil

folder = sys.argv[1].encode()
NAMES = {'plain': b'/web.sock', 'blank': b'/My App.sock', 'abstract': b'\0finding-web', 'NUL': b'\0finding\0web',
         'abstract, blank': b'\0finding web'}
held = {}
for kind, name in NAMES.items():
    held[kind] = socket.socket(socket.AF_UNIX)
    held[kind].bind(name if name[:1] == b'\0' else folder + name)
    held[kind].listen()
listed = {c.fd: c.laddr for c in psutil.Process().net_connections('unix')}
names = subprocess.run(['ss', '-Hlx'], capture_output=True, check=True).stdout
found = {}
print('psutil', psutil.__version__)
for kind, one in held.items():
    found[kind] = listed[one.fileno()].replace(folder.decode(), '')
    print(f'{kind}: bound to {NAMES[kind]!r}, psutil has {found[kind]!r}')
print('ss has the blank:', b'/My App.sock' in names)
command = ['lsof', '-aU', '-p', str(os.getpid()), '-d', str(held['blank'].fileno()), '-F', 'n']
by_lsof = [line[1:] for line in subprocess.run(command, capture_output=True).stdout.splitlines() if line[:1] == b'n']
by_lsof = by_lsof[0].replace(folder, b'').split(b' type=')[0]
print('lsof has', by_lsof)
expected = {'plain': '/web.sock', 'blank': '', 'abstract': '@finding-web', 'NUL': '@finding@web', 'abstract, blank': ''}
sys.exit(0 if found == expected and b'/My App.sock' in names and by_lsof == b'/My' else 1)
PYTHON
# Seen with psutil 7.2.2, lsof 4.95.0, iproute2 6.1.0, Linux 6.18:
#   blank: bound to b'/My App.sock', psutil has ''
#   NUL: bound to b'\x00finding\x00web', psutil has '@finding@web'
#   ss has the blank: True
#   lsof has b'/My'
