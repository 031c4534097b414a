#!/usr/bin/env bash
# iptables-legacy in a network namespace of one's own touches rules that nobody else has, so one
# expects an ordinary user who is root there to need nothing of the machine. It opens its lock,
# /run/xtables.lock, before it does anything, and ends with 4 where that file cannot be made; -w is
# about waiting for the lock and does not help. XTABLES_LOCKFILE names another file; iptables-nft
# takes no lock.
#
# Seen with iptables 1.8.9 of Debian 12.
set -euo pipefail

say() { printf '%s\n' "$*"; }
cannot() { say "cannot be shown here: $*"; exit 77; }

uname -sr
PATH=$PATH:/usr/sbin:/sbin
command -v iptables-legacy >/dev/null || cannot "no iptables-legacy"
iptables-legacy --version
[[ -e /proc/net/ip_tables_names ]] || cannot "this kernel has no ip_tables"
if [[ $(id -u) == 0 ]]; then
    as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
else
    as_user=()
fi
"${as_user[@]}" unshare --user --map-root-user true 2>/dev/null || cannot "user namespaces are forbidden"

folder=$("${as_user[@]}" mktemp -d)
trap 'rm -rf "$folder"' EXIT
add=(unshare --user --map-root-user unshare --net iptables-legacy -w -t nat -N CHAIN)
code=0
said=$("${as_user[@]}" "${add[@]}" 2>&1) || code=$?
say "with the usual lock: exit $code: $said"
other=0
said=$("${as_user[@]}" env XTABLES_LOCKFILE="$folder/lock" "${add[@]}" 2>&1) || other=$?
say "with XTABLES_LOCKFILE: exit $other: $said"
[[ $code == 4 && $other == 0 ]]
