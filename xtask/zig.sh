#!/bin/sh
# zig under the names of a C compiler and of ar, in the way that rustc and the cc crate call them.
set -eu
name=${0##*/}
target=${name%-*}
case $name in *-ar) exec "$ZIG" ar "$@" ;; esac
for argument; do
    shift
    case $argument in
    # zig names targets differently: its name for the target is in the name of this script.
    --target=* | -m64) ;;
    # zig knows only the two options that it stands for.
    -static-pie) set -- "$@" -static -pie ;;
    *) set -- "$@" "$argument" ;;
    esac
done
# By default zig makes undefined behaviour in C a trap, which no release of these crates has.
exec "$ZIG" cc -target "$target" -fno-sanitize=all "$@"
