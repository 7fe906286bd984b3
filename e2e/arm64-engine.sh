#!/bin/sh
# arm64-engine.sh DIRECTORY EMULATOR: a Docker engine in which programs for arm64 run, until SIGTERM.
#
# Its namespaces are its own. Since Linux 6.7 what binfmt_misc registers in a user namespace is private
# to it, so that the machine does not run such programs afterwards; and an engine in the network of
# another would remove the other's bridge.
set -eu
directory=$1

unshare --user --mount --net --ipc --pid --fork --kill-child sh -eu -c '
    until read -r _ </proc/self/uid_map; do sleep 0.05; done
    mount --make-rprivate /
    mount -t proc proc /proc
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    # The header of a program for arm64. F opens the emulator now, as containers do not have it, and P
    # hands the name on by which a program is called.
    magic="\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    mask="\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    printf "%s" ":arm64:M::$magic:$mask:$2:FP" >/proc/sys/fs/binfmt_misc/register
    mount -t tmpfs none /run
    exec dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/docker.pid" \
        --host "unix://$1/docker.sock" --cgroup-parent /live-reload-arm64 \
        --bridge=none --iptables=false --ip-forward=false
' sh "$directory" "$2" &
process=$!

# The first process of a user namespace cannot map more than itself.
own=$(readlink /proc/self/ns/user)
until [ "$(readlink "/proc/$process/ns/user")" != "$own" ]; do sleep 0.05; done
echo 0 0 65536 >"/proc/$process/uid_map"
echo 0 0 65536 >"/proc/$process/gid_map"

trap 'kill -TERM $(cat "/proc/$process/task/$process/children")' TERM INT
until wait "$process"; [ ! -e "/proc/$process" ]; do :; done
rmdir /sys/fs/cgroup/live-reload-arm64 /sys/fs/cgroup/*/live-reload-arm64 2>/dev/null || true
