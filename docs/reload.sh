#!/bin/sh
# The session of reload.svg, on a real container. Needs pack, Docker, `make package`, and a builder
# with a buildpack for a Procfile, whose name is in BUILDER. To record it, at the root of the
# repository; `sed` removes warnings of pack and Docker about the recording machine:
#
#     asciinema rec --overwrite --idle-time-limit 2 --cols 92 --rows 24 \
#         --command docs/reload.sh target/reload.cast
#     sed -i -E '/"Warning: /d; s/WARNING: [^\\]*\\r\\n//' target/reload.cast
#     svg-term --in target/reload.cast --out docs/reload.svg --window --no-cursor \
#         --width 92 --height 24
set -eu

directory=$(mktemp -d)
trap 'docker rm --force my-app >/dev/null; rm -r "$directory"' EXIT
cp -r examples/python "$directory/app"
cp -r target/package/buildpack "$directory/watchexec-buildpack"
docker tag "$BUILDER" my-builder
cd "$directory"

# Shows a command as if it were typed, and runs it.
run() {
    printf '\033[1;32m$\033[0m %s\n' "$1"
    sleep 1
    eval "$1"
    sleep "${2:-1}"
    echo
}

run 'pack build my-app --path app --builder my-builder --quiet \
    --post-buildpack ./watchexec-buildpack --env BP_LIVE_RELOAD_ENABLED=true'
run 'docker run --detach --name my-app --publish 8080:8080 my-app' 2
run 'curl localhost:8080'
run "perl -pi -e 's/v1/v2/' app/app.py"
run 'docker cp --quiet app/app.py my-app:/workspace/'
run 'curl localhost:8080'
run 'docker logs my-app' 4
