#!/usr/bin/env bash
# The core pulls no network, TLS, async or database crate, and every licence in the tree is one that we accept.
set -euo pipefail
cd "$(dirname "$0")/.."

unwanted='^(tokio|mio|socket2|hyper|h2|reqwest|ureq|tonic|rustls|ring|openssl|native-tls|async-std|smol|futures|futures-executor|redb|rusqlite|libsqlite3-sys|sled|rocksdb) '
tree=$(cargo tree -p serinus --no-default-features -e normal --prefix none)
if found=$(grep -E "$unwanted" <<<"$tree" | sort -u) && [ -n "$found" ]; then
    printf 'serinus without default features depends on what it must not:\n%s\n' "$found" >&2
    exit 1
fi
echo "serinus without default features: $(sort -u <<<"$tree" | wc -l) crates, none for network, TLS, async or databases"

deny=.tools/bin/cargo-deny
[ -x "$deny" ] || cargo install cargo-deny --locked --quiet --root .tools
"$deny" --all-features check bans licenses sources
