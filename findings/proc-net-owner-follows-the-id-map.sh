#!/usr/bin/env bash
# Files below /proc/net that only root may read (ip_tables_names) belong to the root of the user
# namespace that owns the network namespace, so one expects the root of a fresh pair of them to be
# able to read them. The kernel looks up that user when the network namespace is made. Made in the
# same unshare(2) as its user namespace, that is before anybody could write the uid_map: the file
# stays with the machine's root, who is not mapped, and root in there is refused. Made in a second
# step, after the map, it is readable.
#
# Seen on Linux 6.18 with util-linux 2.38. It decides whether rules of iptables-legacy can be listed
# in a rootless container or sandbox: the order of its unshare calls shows in a permission.
set -euo pipefail

say() { printf '%s\n' "$*"; }
cannot() { say "cannot be shown here: $*"; exit 77; }

uname -sr
unshare --version
if [[ $(id -u) == 0 ]]; then
    # Root would be mapped to itself; an ordinary user is needed.
    as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
else
    as_user=()
fi
"${as_user[@]}" unshare --user --map-root-user true 2>/dev/null || cannot "user namespaces are forbidden"
[[ -e /proc/net/ip_tables_names ]] || cannot "this kernel has no ip_tables"

read_it='if cat /proc/net/ip_tables_names >/dev/null 2>&1; then echo readable; else echo refused; fi'
together=$("${as_user[@]}" unshare --user --map-root-user --net sh -c "$read_it")
in_turn=$("${as_user[@]}" unshare --user --map-root-user unshare --net sh -c "$read_it")
say "user and network namespace in one step: $together"
say "user namespace first, then the network: $in_turn"
[[ $together == refused && $in_turn == readable ]]
