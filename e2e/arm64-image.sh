#!/bin/sh
# arm64-image.sh TARBALL REGISTRY SUITE FLAGS…: makes the tarball of a base image of Debian for arm64, with
# these flags of `crane mutate`. It needs a registry to put the image together in.
#
# `docker import` would record this machine's architecture. The packages are unpacked and not
# configured, which would need their programs to run.
set -eu
tarball=$1 registry=$2 suite=$3
shift 3

debootstrap --foreign --arch=arm64 --variant=minbase "$suite" "$tarball.root"
cd "$tarball.root"
{ cat usr/share/base-passwd/passwd.master; echo cnb:x:1000:1000::/home/cnb:/bin/sh; } >etc/passwd
{ cat usr/share/base-passwd/group.master; echo cnb:x:1000:; } >etc/group
mkdir -p home/cnb
chown 1000:1000 home/cnb
tar -c --numeric-owner --exclude='./var/cache/apt/*' --exclude='./usr/share/doc/*' -f "$tarball.layer" .

crane append --new_tag "$registry/plain:1" --new_layer "$tarball.layer"
crane mutate "$registry/plain:1" --tag "$registry/arm64:1" --set-platform linux/arm64 "$@"
crane pull "$registry/arm64:1" "$tarball"
rm -rf "$tarball.root" "$tarball.layer"
