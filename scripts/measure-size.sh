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

if grep -q '^peers = ' benches/Cargo.toml; then
    tree=$("$cargo" tree -p serinus-benches --features peers -e normal --prefix depth --no-dedupe)
    for peer in unleash-yggdrasil eppo_core growthbook-rust launchdarkly-server-sdk-evaluation statsig-rust; do
        subtree=$(awk -v peer="$peer" '/^[01][a-zA-Z]/ { inside = ($0 ~ "^1" peer " ") } inside { sub(/^[0-9]+/, ""); print }' <<<"$tree")
        [ -z "$subtree" ] || counts+=", \"$peer\": $(crates <<<"$subtree")"
    done
    # The fastest of them, alone in a package of its own, with the versions that are measured.
    nearest=unleash-yggdrasil
    version=$(awk -v peer="1$nearest" '$1 == peer { print substr($2, 2); exit }' <<<"$tree")
    mkdir -p "$throwaway/package/src"
    touch "$throwaway/package/src/lib.rs"
    cp Cargo.lock "$throwaway/package/"
    printf '[package]\nname = "alone"\nedition = "2024"\n[dependencies]\n%s = "=%s"\n[workspace]\n' "$nearest" "$version" \
        >"$throwaway/package/Cargo.toml"
    seconds+=", \"$nearest\": $(build "$cargo" build --manifest-path "$throwaway/package/Cargo.toml")"
fi

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
