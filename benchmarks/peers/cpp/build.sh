#!/bin/sh
# Builds the reference server into the folder given as the first argument (default: build/benchmarks).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=${1:-$root/build/benchmarks}
protos=${PROTO_ROOT:-$root/proto}
mkdir -p "$out/generated"

protoc -I "$protos" --cpp_out="$out/generated" --grpc_out="$out/generated" \
    --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" "$protos"/inference/*.proto

# shellcheck disable=SC2046  # pkg-config prints several flags on purpose.
${CXX:-g++} -std=c++17 -O2 -DNDEBUG -Wall -Wextra -Werror -I "$here" -isystem "$out/generated" \
    -o "$out/cpp-reference" "$here"/server.cc "$here"/onnx_runtime.cc \
    "$out"/generated/inference/*.cc $(pkg-config --cflags --libs grpc++ protobuf) -lpthread -ldl
