#!/usr/bin/env bash
# start.sh ROOTFS DATA COMMAND… — as a container engine would with --read-only, --user and --cap-drop all: a root that
# nobody can write, /proc and a few devices, one writable folder, an uid that has no name, no capabilities. The network is
# this machine's. Runs in a mount namespace of its own (unshare --mount), so that nothing is left behind.
set -euo pipefail
rootfs=$1 data=$2
shift 2
mount --make-rprivate /
mount --bind "$rootfs" "$rootfs"
mount --bind "$data" "$rootfs/var/lib/latchkey"
mount -t proc proc "$rootfs/proc"
mount -t tmpfs -o mode=755,size=64k tmpfs "$rootfs/dev"
for device in null zero random urandom; do
  touch "$rootfs/dev/$device"
  mount --bind "/dev/$device" "$rootfs/dev/$device"
done
mount -o remount,ro,bind "$rootfs"
exec chroot "$rootfs" setpriv --reuid "${IMAGE_UID:-54321}" --regid 0 --clear-groups --no-new-privs \
  --bounding-set=-all --inh-caps=-all env --chdir=/latchkey "$@"
