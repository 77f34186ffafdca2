#!/usr/bin/env bash
# How long a clean build takes, how many crates it is made of, and how large the wheel is; beside the nearest peers. Written to
# bench/size.json in the target folder, for the report.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
results=$(realpath -m "${CARGO_TARGET_DIR:-target}")
throwaway=$(mktemp -d)
trap 'rm -rf "$throwaway"' EXIT

# Seconds that a clean build takes.
build() {
    local begun
    begun=$(date +%s%N)
    "$@" --quiet --release --target-dir "$throwaway/target" >&2
    awk "BEGIN { print ($(date +%s%N) - $begun) / 1e9 }"
    rm -rf "$throwaway/target"
}

# Lines "name version" of a tree of normal dependencies, each once, itself included.
crates() { sed 's/ (.*//' | sort -u | wc -l; }

"$cargo" fetch --quiet
seconds="\"serinus\": $(build "$cargo" build -p serinus)"
seconds+=", \"serinus without features\": $(build "$cargo" build -p serinus --no-default-features)"
counts="\"serinus\": $("$cargo" tree -p serinus -e normal --prefix none | crates)"
counts+=", \"serinus without features\": $("$cargo" tree -p serinus --no-default-features -e normal --prefix none | crates)"

# Each peer alone in a package of its own, with the features and versions that are measured.
mkdir -p "$throwaway/package/src"
touch "$throwaway/package/src/lib.rs"
alone=(--manifest-path "$throwaway/package/Cargo.toml")
for peer in unleash-yggdrasil eppo_core growthbook-rust launchdarkly-server-sdk-evaluation statsig-rust; do
    dependency=$(sed -n "s/^\($peer = .*\), optional = true/\1/p" benches/Cargo.toml)
    [ -n "$dependency" ] || continue
    cp Cargo.lock "$throwaway/package/"
    printf '[package]\nname = "alone"\nedition = "2024"\n[dependencies]\n%s\n[workspace]\n' "$dependency" >"$throwaway/package/Cargo.toml"
    # Less the package itself.
    counts+=", \"$peer\": $(($("$cargo" tree "${alone[@]}" -e normal --prefix none | crates) - 1))"
    # The fastest of them.
    [ "$peer" != unleash-yggdrasil ] || seconds+=", \"$peer\": $(build "$cargo" build "${alone[@]}")"
done

# The wheel that is given to others, if it was built, beside those peers that hold native code too.
wheels=''
for wheel in "$results"/python/wheels/serinus-*.whl; do
    [ ! -f "$wheel" ] || wheels="\"serinus\": $(stat -c %s "$wheel")"
done
for peer in eppo-server-sdk statsig-python-core; do
    if [ -n "$wheels" ] && python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$throwaway/$peer" "$peer" >&2; then
        wheels+=", \"$peer\": $(stat -c %s "$throwaway/$peer"/*.whl)"
    fi
done

mkdir -p "$results/bench"
printf '{"build_seconds": {%s}, "crates": {%s}, "wheel_bytes": {%s}}\n' "$seconds" "$counts" "$wheels" | tee "$results/bench/size.json"
