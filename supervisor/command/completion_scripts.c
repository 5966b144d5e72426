/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include "supervisor/command/completion.h"

static const char bash_script[] =
    "# Completion for bash. Use: source <(bulkhead completion bash)\n"
    "_bulkhead() {\n"
    "    local line=$COMP_LINE index=0 i rest current before candidate name path\n"
    "    local -a words=() files=() candidates=()\n"
    "    # Bash splits words at '=' and ':'. Parts without a space between them are one word of "
    "ours.\n"
    "    for i in \"${!COMP_WORDS[@]}\"; do\n"
    "        rest=${line#\"${line%%[![:space:]]*}\"}\n"
    "        if ((i == 0)) || [[ $rest != \"$line\" ]]; then\n"
    "            words+=(\"${COMP_WORDS[i]}\")\n"
    "        else\n"
    "            words[${#words[@]} - 1]+=${COMP_WORDS[i]}\n"
    "        fi\n"
    "        line=${rest#\"${COMP_WORDS[i]}\"}\n"
    "        if ((i == COMP_CWORD)); then\n"
    "            index=$((${#words[@]} - 1))\n"
    "            current=${words[index]}\n"
    "        fi\n"
    "    done\n"
    "    # What bash does not replace of the current word.\n"
    "    before=${current%\"${COMP_WORDS[COMP_CWORD]}\"}\n"
    "    [[ ${COMP_WORDS[COMP_CWORD]} == [=:]* ]] && before=$current\n"
    "    mapfile -t candidates < <(\"${words[0]/#\\~/$HOME}\" --complete \"$index\" "
    "\"${words[@]:1}\" 2>/dev/null)\n"
    "    COMPREPLY=()\n"
    "    for candidate in \"${candidates[@]}\"; do\n"
    "        if [[ $candidate != :* ]]; then\n"
    "            name=${candidate%%$'\\t'*}\n"
    "            [[ $name == *[=.,] ]] && compopt -o nospace\n"
    "            COMPREPLY+=(\"${name#\"$before\"}\")\n"
    "            continue\n"
    "        fi\n"
    "        compopt -o filenames\n"
    "        mapfile -t files < <(compgen -f -- \"${current##*=}\")\n"
    "        for name in \"${files[@]}\"; do\n"
    "            # A name with a newline comes in two parts, and neither is the name of a file.\n"
    "            path=${name/#\\~\\//$HOME/}\n"
    "            [[ -e $path || -L $path ]] || continue\n"
    "            if [[ -d $path || $candidate == :files || $candidate$name == :topologies*.y?(a)ml "
    "]]; then\n"
    "                name=${current%\"${current##*=}\"}$name\n"
    "                COMPREPLY+=(\"${name#\"$before\"}\")\n"
    "            fi\n"
    "        done\n"
    "    done\n"
    "}\n"
    "complete -F _bulkhead bulkhead\n";

static const char zsh_script[] =
    "#compdef bulkhead\n"
    "# Completion for zsh. Use: source <(bulkhead completion zsh)\n"
    "_bulkhead() {\n"
    "    local line name\n"
    "    local -a whole partial\n"
    "    for line in \"${(@f)$(${(Q)words[1]/#\\~/$HOME} --complete $((CURRENT - 1)) "
    "\"${(@Q)words[2,-1]}\" 2>/dev/null)}\"; do\n"
    "        name=${line%%$'\\t'*}\n"
    "        case $name in\n"
    "        '') ;;\n"
    "        :*)\n"
    "            compset -P '*='\n"
    "            case $name in\n"
    "            :topologies) _files -g '*.(yaml|yml)' ;;\n"
    "            :directories) _files -/ ;;\n"
    "            *) _files ;;\n"
    "            esac\n"
    "            ;;\n"
    "        *[=.,]) partial+=(\"${name//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
    "        *) whole+=(\"${name//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
    "        esac\n"
    "    done\n"
    "    ((${#whole})) && _describe bulkhead whole\n"
    "    ((${#partial})) && _describe bulkhead partial -S ''\n"
    "}\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
    "    _bulkhead \"$@\"\n"
    "else\n"
    "    compdef _bulkhead bulkhead\n"
    "fi\n";

static const char fish_script[] =
    "# Completion for fish. Use: bulkhead completion fish | source\n"
    "function __bulkhead_complete\n"
    "    set -l before (commandline -opc)\n"
    "    set -l current (commandline -ct)\n"
    "    set -l words $before[2..-1] $current\n"
    "    # What follows the cursor counts too: a topology may come after the option that needs "
    "it.\n"
    "    set -l all (commandline -o)\n"
    "    set -l after (math (count $before) + 2)\n"
    "    test (count $all) -ge $after; and set -a words $all[$after..-1]\n"
    "    for line in ($before[1] --complete (count $before) $words 2>/dev/null)\n"
    "        set -l typed (string replace -r '.*=' '' -- $current)\n"
    "        set -l prefix (string replace -r '[^=]*$' '' -- $current)\n"
    "        switch $line\n"
    "            case :topologies\n"
    "                __fish_complete_suffix .yaml .yml\n"
    "            case :directories\n"
    "                string replace -r '^' -- \"$prefix\" (__fish_complete_directories "
    "\"$typed\")\n"
    "            case ':*'\n"
    "                string replace -r '^' -- \"$prefix\" (__fish_complete_path \"$typed\")\n"
    "            case '*'\n"
    "                echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c bulkhead -f -a '(__bulkhead_complete)'\n";

const char *const completion_shells[] = {"bash", "zsh", "fish", NULL};

const char *completion_script(const char *shell)
{
    static const char *const scripts[] = {bash_script, zsh_script, fish_script};
    for (size_t i = 0; completion_shells[i] != NULL; i++) {
        if (strcmp(completion_shells[i], shell) == 0)
            return scripts[i];
    }
    return NULL;
}
