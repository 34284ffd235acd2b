#!/usr/bin/env bash
# The container image, really built from deploy/Containerfile by buildah and really run: read-only root, an arbitrary uid
# without an entry in /etc/passwd, no capabilities, health check, SIGTERM under load, two servers on PostgreSQL behind
# the proxy of deploy/. No registry of images is needed: the base is made of Debian's own packages and npm's Node.
# DEBIAN_ROOT names a Debian that debootstrap has made before. Run by root on Debian with buildah, debootstrap and haproxy; about three minutes, and it stops itself at six.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
PATH="$root/node_modules/.bin:$PATH"
export PATH BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

seconds_max=${IMAGE_SECONDS:-700}
base=docker.io/library/node:24-bookworm-slim
image=localhost/latchkey:test

work=$(mktemp -d)
# Images and containers of this suite alone.
export CONTAINERS_STORAGE_CONF=$work/storage.conf
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"

cleanup() {
  # Only what this suite mounted; nothing below it may be deleted while it is.
  while read -r place; do umount --lazy "$place" || true; done < <(awk -v at="$work/" 'index($2, at) == 1 {print $2}' /proc/mounts | tac)
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT

lacking() {
  if ((EUID != 0)); then echo 'it takes root: images are built in a chroot'; return; fi
  local tool
  for tool in buildah debootstrap haproxy setpriv unshare; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed here"; return; }
  done
}

# What node:24-bookworm-slim is, as far as the Containerfile counts on it: Debian, Node 24, npm, the user 1000.
make_base() {
  local rootfs=$work/rootfs npm
  npm=$(dirname "$(dirname "$(realpath "$(command -v npm)")")")
  if [[ -n ${DEBIAN_ROOT:-} ]]; then
    cp -a "$DEBIAN_ROOT" "$rootfs"
  else
    timeout 240 debootstrap --variant=minbase bookworm "$rootfs" >"$work/debootstrap.log" 2>&1 || { tail -5 "$work/debootstrap.log"; return 1; }
  fi
  mkdir -p "$rootfs/etc/ssl/certs"
  mkdir -p "$rootfs/usr/local/lib/node_modules" "$rootfs/usr/local/bin"
  cp "$(realpath "$(command -v node)")" "$rootfs/usr/local/bin/node"
  cp -r "$npm" "$rootfs/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$rootfs/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$rootfs/usr/local/bin/npx"
  # The authorities that this machine trusts, or npm reaches no registry from in there.
  cp /etc/ssl/certs/ca-certificates.crt "$rootfs/etc/ssl/certs/ca-certificates.crt"
  echo 'node:x:1000:1000::/:/bin/sh' >>"$rootfs/etc/passwd"
  echo 'node:x:1000:' >>"$rootfs/etc/group"
  rm -rf "$rootfs/var/cache/apt" "$rootfs/var/lib/apt/lists"
  local container
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$rootfs" / >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt --env "npm_config_registry=$(npm config get registry)" "$container"
  buildah commit --quiet --rm "$container" "$base" >/dev/null
  rm -rf --one-file-system "$rootfs"
}

build() {
  buildah bud --pull-never --layers=false --quiet --file "$root/deploy/Containerfile" --tag "$image" "$root" >"$work/build.log" 2>&1 ||
    { tail -20 "$work/build.log"; return 1; }
}

why=$(lacking)
if [[ -n $why ]]; then
  printf 'FAIL the image is neither built nor run: %s\n0 passed, 1 failed\n' "$why"
  exit 1
fi
started=$SECONDS
make_base || { printf 'FAIL the base of the image\n0 passed, 1 failed\n'; exit 1; }
printf '     the base, by debootstrap and npm: %s s\n' "$((SECONDS - started))"
started=$SECONDS
build || { printf 'FAIL buildah builds deploy/Containerfile\n0 passed, 1 failed\n'; exit 1; }
printf '     deploy/Containerfile, by buildah: %s s\n' "$((SECONDS - started))"

container=$(buildah from --pull-never "$image")
ROOTFS=$(buildah mount "$container")
buildah inspect --type image "$image" >"$work/config.json"
export ROOTFS WORK=$work

status=0
timeout --kill-after=10 "$((seconds_max - SECONDS))" node --no-warnings suite.ts || status=$?
if ((status >= 124)); then printf 'FAIL stopped: it took too long\n0 passed, 1 failed\n'; fi
exit "$status"
