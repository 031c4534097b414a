//! What container engines need in a box: settings, and a file system with busybox for an image.

use crate::booted::Booted;

/// Layers of an overlay cannot lie on an overlay; and podman is not to limit what this kernel may
/// not be able to.
const SETTINGS: &[(&str, &str)] = &[
    ("/etc/docker/daemon.json", "{\"storage-driver\":\"vfs\"}\n"),
    ("/etc/containers/containers.conf", "[containers]\npids_limit=0\n[engine]\nruntime=\"runc\"\n"),
    (
        "/etc/containers/storage.conf",
        "[storage]\ndriver=\"vfs\"\nrunroot=\"/run/containers/storage\"\n\
         graphroot=\"/var/lib/containers/storage\"\n",
    ),
];

/// A file system with busybox in it, packed for `import`, and a web server's directory.
const IMAGE: &str = "mkdir -p /tmp/image/{bin,etc,dev,proc,sys,tmp,www}
    cp /bin/busybox /tmp/image/bin/
    for name in sh httpd sleep; do ln -s busybox /tmp/image/bin/$name; done
    mkdir /tmp/image/usr; ln -s usr/lib usr/lib64 /tmp/image/
    echo root:x:0:0:root:/:/bin/sh >/tmp/image/etc/passwd
    printf '%s\n' '#!/bin/sh' 'trap \"exit 0\" TERM' 'while :; do sleep 9 & wait $!; done' \\
        >/tmp/image/bin/pause
    chmod 755 /tmp/image/bin/pause
    tar -C /tmp/image -cf /tmp/image.tar .
    chmod 644 /tmp/image.tar";

/// The settings of container engines in a box, and an image to import.
pub(crate) fn prepare(booted: &Booted) {
    for (path, text) in SETTINGS {
        booted.write(path, text);
    }
    booted.sh(IMAGE);
}

/// A web server that ends by its stop signal at once, though it is the first process.
pub(crate) const WEB: &str = "--stop-signal KILL web httpd -f -h /www -p";
