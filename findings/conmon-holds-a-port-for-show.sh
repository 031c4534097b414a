#!/usr/bin/env bash
# conmon, podman's monitor, holds the published ports of a container of root's, but serves nothing
# there: netfilter sends what arrives to the container. When conmon is killed, the port can be
# bound by anybody, who then is never reached: the container still answers in their place. podman
# goes on saying that the container is up, and after `podman stop` that it is being stopped.
#
# Needs: Debian 12, root, apt-get, a kernel with overlayfs and network namespaces. Everything
# happens in a temporary folder and in namespaces of the script's own.
set -euo pipefail

packages=(podman=4.3.1+ds1-8+deb12u1+b3 conmon=2.1.6+ds1-1 crun=1.8.1-1+deb12u1 libyajl2=2.1.0-3+deb12u2
    netavark=1.4.0-3 golang-github-containers-common=0.50.1+ds1-4
    golang-github-containers-image=5.23.1-4 libgpgme11=1.18.0-3+deb12u1 libassuan0=2.5.5-5
    libsubid4=1:4.13+dfsg1-1+deb12u2 iptables busybox-static python3-minimal)

if [[ ${1-} != --inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    mkdir "$folder/debs" "$folder/top"
    (cd "$folder/debs" && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}")
    unshare --mount --net --pid --ipc --uts --fork --kill-child "$0" --inside "$folder"
    exit
fi

folder=$2
mount -t tmpfs tmpfs "$folder/top"
mkdir "$folder"/top/{debs,changes,work,root}
for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/top/debs"; done
# Packages still have /bin and the like, which are links into /usr where Debian 12 is installed.
for at in bin sbin lib; do
    [[ -d $folder/top/debs/$at ]] || continue
    cp -a "$folder/top/debs/$at" "$folder/top/debs/usr/"
    rm -r "$folder/top/debs/$at"
done
mount -t overlay overlay "$folder/top/root" \
    -o "lowerdir=$folder/top/debs:/,upperdir=$folder/top/changes,workdir=$folder/top/work"
root=$folder/top/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for at in run tmp var/lib/containers; do
    mkdir -p "$root/$at"
    mount -t tmpfs tmpfs "$root/$at"
done
ip link set lo up
cat >"$root/tmp/scene" <<'SCENE'
set -euo pipefail
printf '[containers]\npids_limit = 0\n[engine]\nruntime = "crun"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[network]\nnetwork_backend = "netavark"\n' \
    >/etc/containers/containers.conf
mkdir -p /tmp/image/bin /tmp/image/www
cp /bin/busybox /tmp/image/bin/
ln -s busybox /tmp/image/bin/httpd
echo container >/tmp/image/www/index.html
tar -C /tmp/image -c . | podman import -q - web >/dev/null

ask() { busybox timeout 5 busybox wget -qO- http://127.0.0.1:8080/ || echo nobody; }
holder() { ss -Htlnp 'sport = :8080' | grep -o 'users:(("[^"]*' | cut -d'"' -f2 || true; }

podman --version
podman run -d --log-driver none --name web --cgroups=disabled -p 8080:80 web httpd -f -p 80 -h /www >/dev/null
echo "holder: $(holder); answer: $(ask)"
kill -KILL "$(cat "$(podman inspect -f '{{.ConmonPidFile}}' web)")"
while [[ -n $(holder) ]]; do sleep 0.1; done
echo "conmon killed; holder: none; answer: $(ask); podman says: $(podman inspect -f '{{.State.Status}}' web)"
busybox sh -c 'mkdir -p /tmp/mine; echo another >/tmp/mine/index.html; exec busybox httpd -f -p 8080 -h /tmp/mine' >/dev/null 2>&1 &
while [[ -z $(holder) ]]; do sleep 0.1; done
echo "another has bound it; holder: $(holder); answer: $(ask)"
podman stop -t 0 web >/dev/null 2>&1 || true
echo "after podman stop, podman says: $(podman inspect -f '{{.State.Status}}' web)"
SCENE
seen=$(chroot "$root" bash /tmp/scene)
echo "$seen"
[[ $seen == *"holder: conmon; answer: container"* ]]
[[ $seen == *"holder: none; answer: container; podman says: running"* ]]
[[ $seen == *"holder: busybox; answer: container"* ]]
[[ $seen == *"podman says: stopping"* ]]
# Seen with podman 4.3.1, conmon 2.1.6, netavark 1.4.0:
#   podman version 4.3.1
#   holder: conmon; answer: container
#   conmon killed; holder: none; answer: container; podman says: running
#   another has bound it; holder: busybox; answer: container
#   after podman stop, podman says: stopping
