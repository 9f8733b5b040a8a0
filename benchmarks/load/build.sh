#!/bin/sh
# Builds the load generator into the folder given as the first argument (default: build/benchmarks).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../build/benchmarks}
mkdir -p "$out"
# shellcheck disable=SC2046  # pkg-config prints several flags on purpose.
${CXX:-g++} -std=c++17 -O2 -DNDEBUG -Wall -Wextra -Werror -o "$out/load" "$here"/*.cc \
    $(pkg-config --cflags --libs libnghttp2)
