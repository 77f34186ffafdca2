#!/usr/bin/env bash
# A module of serinus imports only from modules that stand before it in this line. Documentation may link anywhere.
set -euo pipefail
cd "$(dirname "$0")/../crates/serinus/src"

line='clock sync words model plan host observe route judge evaluate experiment alert rollback rollout journal deploy'

before=''
failed=0
for module in $line; do
    if [ -d "$module" ]; then files=$(find "$module.rs" "$module" -name '*.rs'); else files="$module.rs"; fi
    # shellcheck disable=SC2086 # paths without spaces
    code=$(grep -HnE '\bcrate::' $files | grep -vE '^[^:]+:[0-9]+: *//' || true)
    for used in $(grep -oE '\bcrate::[a-z_]+' <<<"$code" | sed 's/crate:://' | sort -u); do
        case " $before $module " in
            *" $used "*) ;;
            *)
                printf '%s may not import from %s:\n' "$module" "$used" >&2
                grep -E "\bcrate::$used\b" <<<"$code" >&2
                failed=1
                ;;
        esac
    done
    before="$before $module"
done

for declared in $(sed -nE 's/^(pub )?mod ([a-z_]+);/\2/p' lib.rs); do
    case " $line " in
        *" $declared "*) ;;
        *)
            printf 'module %s has no place in the line; add it to %s and to ARCHITECTURE.md\n' "$declared" "$0" >&2
            failed=1
            ;;
    esac
done
[ "$failed" -eq 0 ] && echo "serinus: modules import only from those before them"
exit "$failed"
