#!/usr/bin/env bash
# usage: deploy/dist.sh BIN_FOLDER LIBTORCH PROGRAM…   (`make dist` calls it)
# Packs the programs, their libraries except glibc, the configs and the documentation into one tar that runs anywhere.
# The programs look for libraries in ../lib, and the libraries in their own folder.
set -euo pipefail

bin=$1 libtorch=$2
shift 2
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=bertline-$version-x86_64-linux
stage=dist/$name

# Prints the paths of the libraries that $1 needs, directly or through others, without glibc, which the node has.
libraries() {
    local found
    found=$(ldd "$1")
    if grep 'not found' <<< "$found" >&2; then
        echo "dist: $1 needs the libraries above, which are not on this machine" >&2
        return 1
    fi
    awk '$2 == "=>" { print $3 }' <<< "$found" | grep -vE '/lib(c|m|dl|rt|util|pthread|resolv)\.so\.[0-9]+$'
}

rm -rf "$stage"
mkdir -p "$stage/bin" "$stage/lib"
for binary in "$@"; do
    strip -o "$stage/bin/$binary" "$bin/$binary"
done
linked=$(libraries "$bin/train-worker")
xargs -d '\n' cp -L -t "$stage/lib" <<< "$linked"
# libtorch opens more of its libraries by name at run time. Only Python needs libtorch.so.
find -L "$libtorch/lib" -name '*.so*' ! -name libtorch.so -type f -exec cp -L -u -t "$stage/lib" {} +
cp -r configs docs README.md FORMAT.md "$stage/"

tar --sort=name --owner=0 --group=0 --numeric-owner -C dist -cf - "$name" | gzip > "dist/$name.tar.gz.partial"
mv "dist/$name.tar.gz.partial" "dist/$name.tar.gz"
rm -rf "$stage"
echo "dist/$name.tar.gz"
cat >&2 << END
unpack it anywhere and run $name/bin/fetch, tokenize, train, evaluate, predict, serve; it needs glibc $(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2) or newer and nothing else
on a node with an NVIDIA GPU, if this build has no CUDA: LD_LIBRARY_PATH=<a CUDA libtorch>/lib $name/bin/train …
END
