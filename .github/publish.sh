#!/bin/sh
# Publishes a release that `cargo xtask release` has made in the directory DIST to IMAGE, a registry and a path:
#
# publish.sh sign DIST IMAGE [OPTION OF COSIGN]...
#     pushes the images, signs them and the checksums of the files, and attests the SBOMs. Without options, cosign
#     signs with the identity of the workflow. DIST/subjects lists the digests for the provenance.
# publish.sh tag DIST IMAGE
#     makes the tags, once all signatures exist.
#
# Every image is named by its digest in DIST: nothing asks the registry what is behind a tag.
set -eu
task=$1 dist=$2 image=$3
shift 3

subject() {
    echo "${2#sha256:}  $1" >> "$dist/subjects"
}

if [ "$task" = sign ]; then
    (cd "$dist/files" && sha256sum SHA256SUMS | cat - SHA256SUMS) > "$dist/subjects"
    cosign sign-blob --yes "$@" --bundle "$dist/files/SHA256SUMS.sigstore.json" "$dist/files/SHA256SUMS"
fi
for layout in "$dist"/images/*; do
    tag=${layout##*/}
    index=$(jq -r '.manifests[0].digest' "$layout/index.json")
    if [ "$task" = tag ]; then
        crane tag "$image@$index" "$tag"
        continue
    fi
    crane push "$layout" "$image@$index"
    # And the images that it lists.
    cosign sign --yes "$@" --recursive "$image@$index"
    subject "$image:$tag" "$index"
    listed=$(jq -r '.manifests[] | "\(.platform.architecture)=\(.digest)"' "$layout/blobs/sha256/${index#sha256:}")
    for one in $listed; do
        arch=${one%%=*} digest=${one#*=}
        cosign attest --yes "$@" --type cyclonedx \
            --predicate "$dist/packages/$tag/linux/$arch/sbom.cdx.json" "$image@$digest"
        subject "$image:$tag-$arch" "$digest"
    done
done
