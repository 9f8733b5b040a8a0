#!/bin/sh
# Makes what the benchmarks need (h2load, nghttp2, gRPC for C++, valgrind), builds the tools, and measures.
# Arguments go to `python -m benchmarks.bench`, or after the word `routing` or `peers` to `python -m benchmarks.routing` or
# `python -m benchmarks.peers`; PYTHON names the interpreter (default: .venv/bin/python).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
out=$root/build/benchmarks
python=${PYTHON:-$root/.venv/bin/python}
packages="g++ pkg-config nghttp2-client libnghttp2-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc"
tools="g++ pkg-config h2load protoc grpc_cpp_plugin"
module=bench
if [ "${1:-}" = routing ]; then
    module=routing packages="$packages valgrind" tools="$tools valgrind"
    shift
elif [ "${1:-}" = peers ]; then
    module=peers
    shift
fi

is_complete() {
    for tool in $tools; do
        command -v "$tool" >/dev/null || return 1
    done
    pkg-config --exists grpc++ protobuf libnghttp2
}

if ! is_complete; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        # shellcheck disable=SC2086  # One word a package.
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
    else
        echo "The benchmarks need these packages (Debian's names): apt-get install $packages" >&2
        exit 2
    fi
fi

if [ ! -x "$python" ]; then
    echo "There is no Python environment at ${python#"$root"/}: run 'make test' or 'make demo' once to make it." >&2
    exit 2
fi

# Builds only what changed: a compile of the generated messages takes half a minute.
mkdir -p "$out"
is_older() { [ ! -e "$1" ] || [ -n "$(find "$here/load" "$here/peers/cpp" "$root/proto/inference" -newer "$1" -type f)" ]; }
if is_older "$out/load"; then "$here/load/build.sh" "$out"; fi
if is_older "$out/cpp-reference"; then "$here/peers/cpp/build.sh" "$out"; fi

cd "$root"
if [ "$module" = routing ]; then
    cargo build --quiet --manifest-path rust/Cargo.toml --locked --release -p tidegate-core --example decide
    cp "${CARGO_TARGET_DIR:-rust/target}/release/examples/decide" "$out/decide"
fi
exec "$python" -m "benchmarks.$module" "$@"
