#!/usr/bin/env bash
# Boots systemd as pid 1 of namespaces of its own, over an overlay of this machine's root file
# system, and ends it when standard input ends. Prints the pid of that systemd, as seen from
# outside, and the cgroup that everything in the box is below. As root.
#
#     box.sh NAME SOCKPIT     SOCKPIT is in the box as /usr/local/bin/sockpit
#
# What is written in the box is written to a tmpfs of its mount namespace, and gone with it. What
# is left is the cgroup, which the outer half of this script removes.
set -euo pipefail

# The inner half: pid 1 of the box, until it becomes systemd.
boot() {
    local name=$1 sockpit=$2 at=/mnt root=/mnt/root
    # The mounted /proc is still the outer one: its stat of this process begins with the outer pid.
    read -r init _ </proc/self/stat

    mount --make-rprivate /
    mount -t tmpfs -o mode=755 tmpfs "$at"
    mkdir "$at/changes" "$at/work" "$root"
    mount -t overlay -o "lowerdir=/,upperdir=$at/changes,workdir=$at/work" overlay "$root"

    mount -t sysfs sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    devices "$root/dev"
    # What is below /proc/sys, the network's apart, is the whole machine's. A container of an
    # ordinary user may mount its own /proc only where one without such a cover is in sight.
    mkdir "$root/dev/plain-proc"
    mount -t proc proc "$root/dev/plain-proc"
    mount -t proc proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
    mount -o remount,bind,ro "$root/proc/sys"

    local volatile
    for volatile in run tmp var/tmp var/lib/docker var/lib/containerd var/lib/containers home; do
        mkdir -p "$root/$volatile"
        mount -t tmpfs tmpfs "$root/$volatile"
    done
    chmod 1777 "$root/tmp" "$root/var/tmp"
    chmod 755 "$root/run" "$root/home"
    touch "$root/usr/local/bin/sockpit"
    mount --bind "$sockpit" "$root/usr/local/bin/sockpit"

    only_what_is_needed "$root"
    echo "$name" >"$root/etc/hostname"
    echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
    ip link set lo up

    mkdir "$root/outer"
    cd "$root"
    pivot_root . outer
    umount -l /outer
    rmdir /outer
    mount --make-rshared /
    echo "$init"
    exec </dev/null >/dev/null 2>&1
    exec env -i container=box PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --log-target=null --show-status=no --unit=multi-user.target
}

devices() {
    mount -t tmpfs -o mode=755 tmpfs "$1"
    mkdir "$1/net" "$1/pts" "$1/shm"
    mknod -m 666 "$1/null" c 1 3
    mknod -m 666 "$1/zero" c 1 5
    mknod -m 666 "$1/full" c 1 7
    mknod -m 666 "$1/random" c 1 8
    mknod -m 666 "$1/urandom" c 1 9
    mknod -m 666 "$1/tty" c 5 0
    mknod -m 666 "$1/net/tun" c 10 200
    mknod -m 666 "$1/fuse" c 10 229
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$1/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$1/shm"
    ln -s pts/ptmx "$1/ptmx"
    ln -s /proc/self/fd "$1/fd"
}

# No unit starts but those that every test wants: a test starts its own. Nothing in the box may
# set the clock, load a module or change the outer machine in another way.
only_what_is_needed() {
    local units=$1/etc/systemd/system shipped=$1/lib/systemd/system
    rm -rf "$units"/*.wants "$1"/etc/rc?.d "$1"/etc/cron.*/* "$1/var/lib/systemd"
    rm -rf "$shipped"/{sysinit,multi-user,local-fs,timers,graphical,rescue,sockets}.target.wants
    mkdir -p "$units/sockets.target.wants" "$units/multi-user.target.wants" "$units/sysinit.target.wants"
    ln -s /lib/systemd/system/systemd-tmpfiles-setup.service "$units/sysinit.target.wants/"
    ln -s /lib/systemd/system/dbus.socket "$units/sockets.target.wants/"
    ln -s /lib/systemd/system/systemd-journald.socket "$units/sockets.target.wants/"
    ln -s /lib/systemd/system/systemd-logind.service "$units/multi-user.target.wants/"
    local host_wide
    for host_wide in systemd-sysctl systemd-udevd systemd-modules-load systemd-binfmt \
        systemd-timesyncd systemd-remount-fs; do
        ln -sf /dev/null "$units/$host_wide.service"
    done
    : >"$1/etc/fstab"
}

# The outer half: outlives the box and whoever started it.
guard() {
    local name=$1 sockpit=$2 mounted cgroup
    mounted=$(findmnt --first-only --noheadings --output TARGET --types cgroup2)
    cgroup=$mounted/sockpit-test-$name-$$
    mkdir "$cgroup" "$cgroup/test"
    echo "$cgroup"
    {
        echo "$BASHPID" >"$cgroup/cgroup.procs"
        exec setpriv --pdeathsig KILL unshare --fork --pid --mount --net --uts --ipc --cgroup \
            --kill-child "$BASH" "$0" --boot "$name" "$sockpit"
    } &
    exec >/dev/null 2>&1
    cat >/dev/null || true
    echo 1 >"$cgroup/cgroup.kill"
    wait || true
    # A process is in its cgroup until it is gone for good.
    until find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null; do sleep 0.05; done
}

case $1 in
    --boot) boot "$2" "$3" ;;
    *) guard "$1" "$2" ;;
esac
