#!/usr/bin/env bash
# A simple packet of a pcapng file has no time stamp, and an interface may say that its stamps count from
# another second than 1970 (if_tsoffset). One would expect a reader to give no time for the first, and to add
# the offset for the second. scapy gives a simple packet the time at which it happens to be read, so that the
# same file tells another time at each look, and forgets the offset; python-pcapng forgets the offset too.
# tshark does both rightly.
#
# So an unknown time has to stay unknown: sockpit shows none, and takes no duration from it.
#
# Needs: Debian 12, python3 with venv, tshark, access to PyPI. Everything happens in a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v tshark >/dev/null || { echo "tshark is not installed"; exit 77; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check scapy==2.8.0 python-pcapng==2.1.1 || {
    echo "the libraries cannot be had"
    exit 77
}
tshark --version 2>/dev/null | head -1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import struct, subprocess, sys, time
import pcapng, scapy
from scapy.utils import rdpcap

def block(kind, body):
    body += b'\0' * (-len(body) % 4)
    return struct.pack('<II', kind, len(body) + 12) + body + struct.pack('<I', len(body) + 12)

OFFSET, TICKS = 1_000_000, 5_000_000
frame = bytes.fromhex('02000000000102000000000288b5') + bytes(46)
section = block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1))
offset = struct.pack('<HHqHH', 14, 8, OFFSET, 0, 0)
FILES = {
    'simple.pcapng': section + block(1, struct.pack('<HHI', 1, 0, 0))
        + block(3, struct.pack('<I', len(frame)) + frame),
    'offset.pcapng': section + block(1, struct.pack('<HHI', 1, 0, 0) + offset)
        + block(6, struct.pack('<IIIII', 0, 0, TICKS, len(frame), len(frame)) + frame),
}
def judged(path):
    command = ['tshark', '-r', path, '-T', 'fields', '-e', 'frame.time_epoch']
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

for path, data in FILES.items():
    with open(path, 'wb') as file:
        file.write(data)
started = time.time()
first, second = (rdpcap('simple.pcapng')[0].time for _ in range(2))
print(f'no stamp: tshark {judged("simple.pcapng") or "none"}; scapy {scapy.VERSION} {first}, then {second}')
with open('offset.pcapng', 'rb') as file:
    other = next(b.timestamp for b in pcapng.FileScanner(file) if hasattr(b, 'timestamp'))
shifted = rdpcap('offset.pcapng')[0].time
print(f'5 s after second {OFFSET}: tshark {judged("offset.pcapng")}; scapy {shifted}; python-pcapng {other}')
same = (judged('simple.pcapng') == '' and started - 1 <= first < second <= time.time() + 1
    and float(judged('offset.pcapng')) == OFFSET + 5 and shifted == 5 and other == 5)
sys.exit(0 if same else 1)
PYTHON
# Seen with scapy 2.8.0, python-pcapng 2.1.1 and TShark 4.0.17:
#   no stamp: tshark none; scapy 1795975471.0685146, then 1795975471.0689523
#   5 s after second 1000000: tshark 1000005.000000000; scapy 5; python-pcapng 5.0
