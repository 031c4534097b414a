#!/usr/bin/env bash
# libpcap's filter language has an old short form, `byte N OP VALUE`: the byte at N from the start of the
# link header, compared with a value; pcap-filter(7) does not name it, but the grammar takes it. `byte 9 = 6`,
# `< 6` and `> 6` load the byte and compare it. One would expect `byte 9 & 6` and `byte 9 | 6` to do as
# `link[9] & 6 != 0` does. They compile without an error to a program that never loads anything: it tests
# whatever the accumulator begins with, which is 0, so that `&` matches no packet at all, and `|` all of them.
#
# sockpit's own compiler loads the byte.
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

# A capture file of two Ethernet frames: byte 9 of the first is 6, of the second 0.
printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0' >"$folder/frames.pcap"
for byte in '\6' '\0'; do
    printf '\0\0\0\0\0\0\0\0\x3c\0\0\0\x3c\0\0\0'
    printf '\2\0\0\0\0\1\2\0\0'"$byte"'\0\2\x88\xb5%046d' 0
done >>"$folder/frames.pcap"

status=0
check() { # EXPRESSION LOADS MATCHES
    local program loads=no matches
    program=$("$tcpdump" -d -y EN10MB "$1" 2>/dev/null)
    [[ $program == *ldb* ]] && loads=yes
    matches=$("$tcpdump" -r "$folder/frames.pcap" --count "$1" 2>/dev/null | cut -d' ' -f1)
    echo "$1: loads a byte: $loads; matches $matches of two frames"
    [[ $loads == "$2" && $matches == "$3" ]] || status=1
}
check 'byte 9 = 6' yes 1
check 'byte 9 > 5' yes 1
check 'link[9] & 6 != 0' yes 1
check 'byte 9 & 6' no 0
check 'byte 9 | 6' no 2
check 'link[9] | 0 != 0' yes 1
check 'byte 9 | 0' no 0
exit $status
# Seen with tcpdump 4.99.3 and libpcap 1.10.3:
#   byte 9 & 6: (000) jset #0x6 jt 1 jf 2, (001) ret #262144, (002) ret #0
#   byte 9 | 6: (000) or #0x6, (001) jeq #0x0 jt 2 jf 3, ...
