#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make install` puts there what the manuals speak of: every path of theirs below the prefix is
# there, every document is, the links from one document to another lead to something, and the index leads to all.
. "$ROOT/tests/integration/lib.sh"
destination=$PWD/destination

install_under() { # the prefix; $installed: the tree
    installed=$destination$1
    env -u MAKEFLAGS -u MAKELEVEL make -s --no-print-directory -C "$ROOT" -o "$BUILD_NAME/bulkhead" BUILD="$BUILD_NAME" \
        DESTDIR="$destination" PREFIX="$1" install >make.log 2>&1 || fail "make install: $(cat make.log)"
}

for prefix in /usr /usr/local; do
    rm -rf "$destination"
    install_under "$prefix"

    paths=0
    for path in $(sed -n 's/^\.Pa \(\/usr\/[^ ]*\).*/\1/p' "$installed"/share/man/man?/*); do
        paths=$((paths + 1))
        [[ $path == "$prefix"/* ]] || fail "the manual says $path, and it was installed under $prefix"
        [ -e "$destination$path" ] || fail "the manual says $path, and make install makes none"
    done
    [ $paths -ge 3 ] || fail "the manuals name $paths installed paths"
done

# All manuals, all documents and all topologies.
same <(cd "$ROOT/man" && ls | sort) <(basename -a "$installed"/share/man/man?/* | sort)
same <(cd "$ROOT/docs" && find . -name '*.md' | sort) \
    <(cd "$installed/share/doc/bulkhead" && find . -name '*.md' ! -name CHANGES.md | sort)
same <(cd "$ROOT/topology/library" && ls) <(ls "$installed/share/bulkhead/topology")

# Completion, where the shells look for it.
for script in bash:bash-completion/completions/bulkhead zsh:zsh/site-functions/_bulkhead fish:fish/vendor_completions.d/bulkhead.fish; do
    same <("$BULKHEAD" completion "${script%%:*}") "$installed/share/${script#*:}"
done

links=0
while IFS=: read -r file link; do
    links=$((links + 1))
    [ -e "$(dirname "$file")/$link" ] || fail "$file links to $link, which is not installed"
done < <(grep -roE '\]\([^)#:]+' "$installed/share/doc/bulkhead" | sed 's/\](//')
[ $links -ge 5 ] || fail "the documents have $links links"

# The index leads to every document; of the decisions, to their folder.
for file in $(cd "$ROOT/docs" && find . -name '*.md' ! -path './decisions/*' ! -path ./README.md); do
    grep -qF "](${file#./})" "$installed/share/doc/bulkhead/README.md" || fail "docs/README.md does not lead to $file"
done

# What was installed works by itself.
"$installed/bin/bulkhead" check "$installed/share/bulkhead/topology/velocity-limits.yaml" >check.out
"$installed/bin/bulkhead" run --quiet --inline --state "$state" --set answers.path=answers.jsonl \
    "$installed/share/bulkhead/topology/velocity-limits.yaml" >run.out
[ -s answers.jsonl ] || fail "no answers"
