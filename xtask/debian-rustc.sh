#!/bin/sh
# debian-rustc.sh DIRECTORY: unpacks, and does not install, Debian's newest rustc with the sources of its
# standard library.
set -eu
cd "$1"
# The list may be too old, and only root can renew it. The download fails if that matters.
apt-get update --quiet || true
# Only the dependencies that the compiler itself needs, without a linker and a C library. Some package
# names contain a version.
apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances rustc-web libstd-rust-web-dev rust-web-src \
    | grep -E '^(rustc-web|libstd-rust-web|rust-web-src|libllvm|libz3-|libedit2|libxml2|libffi|libbsd0|libmd0|libicu)' \
    | sort -u | xargs apt-get download --quiet
for package in *.deb; do
    dpkg-deb -x "$package" .
    rm "$package"
done
test -x usr/bin/rustc
