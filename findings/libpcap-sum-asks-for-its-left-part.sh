#!/usr/bin/env bash
# In libpcap's filter language `udp[0]` is there in UDP packets alone: `udp[0] > 9` means "UDP, and its first byte
# is above 9", and `tcp[0] = udp[0]` can match nothing. One would expect the same of a sum: `len - udp[0] > 9`.
# But a computed number asks only for the header of its left part. The program of `len - udp[0] > 9` takes the
# byte at that place out of any packet, TCP and ARP alike, and of `ip[0] + tcp[0]` it asks for IPv4 and not for TCP.
#
# sockpit's own compiler keeps that meaning, since a filter that works in one tool is pasted into the other.
#
# Needs: Debian 12, apt-get. Everything happens in a temporary folder; no packet is captured.
set -euo pipefail

packages=(tcpdump=4.99.3-1 libpcap0.8=1.10.3-1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
if ! (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" 2>apt); then
    echo "the packages cannot be had: $(tail -1 "$folder/apt")"
    exit 77
fi
for deb in "$folder"/*.deb; do dpkg -x "$deb" "$folder/root"; done
export LD_LIBRARY_PATH=$folder/root/usr/lib/$(uname -m)-linux-gnu
tcpdump=$folder/root/usr/bin/tcpdump
"$tcpdump" --version 2>&1 | head -2

# A capture file of one Ethernet frame: TCP over IPv4, 60 bytes, whose ports begin with a byte of 1.
printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0' >"$folder/frame.pcap"
{
    printf '\0\0\0\0\0\0\0\0\x3c\0\0\0\x3c\0\0\0'
    printf '\2\0\0\0\0\1\2\0\0\0\0\2\x08\0'
    printf '\x45\0\0\x2e\0\1\x40\0\x40\6\0\0\x0a\0\0\1\x0a\0\0\2'
    printf '\1\1\1\1\0\0\0\0\0\0\0\0\x50\x10\0\0\0\0\0\0%06d' 0
} >>"$folder/frame.pcap"

status=0
check() { # EXPRESSION MATCHES
    local matches
    matches=$("$tcpdump" -r "$folder/frame.pcap" --count "$1" 2>/dev/null | cut -d' ' -f1)
    echo "$1: matches ${matches:-none} of one TCP packet"
    [[ ${matches:-0} == "$2" ]] || status=1
}
check 'tcp[0] = 1' 1
check 'udp[0] = 1' 0
check 'udp[0] + 0 = 1' 0
check 'len - udp[0] = 59' 1
check 'ip[0] + udp[0] = 70' 1
check 'udp[0] + ip[0] = 70' 0
exit $status
# Seen with tcpdump 4.99.3 and libpcap 1.10.3.
