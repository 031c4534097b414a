#!/usr/bin/env bash
# A pcapng file may hold several interfaces, each with a link type and a clock of its own, and several
# sections one after the other, each with a byte order of its own: merged captures look like that.
# One would expect that a reader takes each packet's link type and clock from its own interface. dpkt
# takes those of the first interface for all packets, so that a packet of an interface that counts in
# nanoseconds is dated tens of thousands of years ahead, and its bytes are offered as if they began with an
# Ethernet header. It ends without a word at a section of the other byte order, and passes over simple
# packets. tshark reads all of them.
#
# So a reader's count is no judge of a pcapng file unless the file has one section and one interface.
#
# Needs: Debian 12, python3 with venv, tshark, access to PyPI. Everything happens in a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v tshark >/dev/null || { echo "tshark is not installed"; exit 77; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check dpkt==1.9.8 || { echo "dpkt cannot be had"; exit 77; }
tshark --version 2>/dev/null | head -1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import struct, subprocess, sys
import dpkt

def block(kind, body, order='<'):
    body += b'\0' * (-len(body) % 4)
    length = len(body) + 12
    return struct.pack(order + 'II', kind, length) + body + struct.pack(order + 'I', length)

def section(order='<'):
    return block(0x0a0d0d0a, struct.pack(order + 'IHHq', 0x1a2b3c4d, 1, 0, -1), order)

def interface(link, resolution, order='<'):
    options = struct.pack(order + 'HHB3xHH', 9, 1, resolution, 0, 0)
    return block(1, struct.pack(order + 'HHI', link, 0, 0) + options, order)

def packet(number, ticks, data, order='<'):
    head = (number, ticks >> 32, ticks & 0xffffffff, len(data), len(data))
    return block(6, struct.pack(order + 'IIIII', *head) + data, order)

def datagram(port):
    udp = struct.pack('>HHHH', port, 9, 12, 0) + b'ping'
    head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
    return head + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + udp

ETHERNET, RAW_IP, SECOND = 1, 101, 1_700_000_000
ethernet = bytes.fromhex('0200000000010200000000020800') + datagram(1000)
FILES = {
    'two interfaces': section() + interface(ETHERNET, 6) + interface(RAW_IP, 9)
        + packet(0, SECOND * 10**6, ethernet) + packet(1, SECOND * 10**9, datagram(1001)),
    'two sections': b''.join(section(order) + interface(ETHERNET, 6, order)
        + packet(0, SECOND * 10**6, ethernet, order) for order in '<>'),
    'a simple packet': section() + interface(ETHERNET, 6)
        + block(3, struct.pack('<I', len(ethernet)) + ethernet),
}
seen = {}
for name, data in FILES.items():
    path = name.replace(' ', '-') + '.pcapng'
    with open(path, 'wb') as file:
        file.write(data)
    judge = subprocess.run(['tshark', '-r', path, '-T', 'fields', '-e', 'udp.srcport', '-e',
        'frame.time_epoch'], capture_output=True, text=True, check=True).stdout.splitlines()
    with open(path, 'rb') as file:
        reader = dpkt.pcapng.Reader(file)
        packets = [(int(at), len(data)) for at, data in reader]
    seen[name] = len(judge), packets, reader.datalink()
    print(f'{name}: tshark has {judge}, dpkt {dpkt.__version__} (link type {reader.datalink()}) has {packets}')
same = seen == {
    'two interfaces': (2, [(SECOND, 46), (SECOND * 1000, 32)], ETHERNET),
    'two sections': (2, [(SECOND, 46)], ETHERNET),
    'a simple packet': (1, [], ETHERNET),
}
sys.exit(0 if same else 1)
PYTHON
# Seen with dpkt 1.9.8 and TShark 4.0.17:
#   two interfaces: dpkt (link type 1) has [(1700000000, 46), (1700000000000, 32)]
#   two sections: dpkt (link type 1) has [(1700000000, 46)]
#   a simple packet: dpkt (link type 1) has []
