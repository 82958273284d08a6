#compdef %(prog_name)s
# Completion of %(prog_name)s in zsh.
%(complete_func)s() {
    local -a plain described open response
    local type key descr

    response=("${(@f)$(env COMP_WORDS="${(j: :)words[1,CURRENT]}" COMP_CWORD="${words[CURRENT]}" \
        %(complete_var)s=zsh_complete ${words[1]} 2>/dev/null)}")

    for type key descr in ${response}; do
        case $type in
            dir) _path_files -/ ;;
            table) _path_files -/; _path_files -g '*.(parquet|pq)' ;;
            file) _path_files -f ;;
            open) open+=("$key":"$descr") ;;
            plain)
                if [[ $descr == _ ]]; then plain+=("$key")
                else described+=("$key":"$descr")
                fi ;;
        esac
    done

    # a value follows what ends in =, so no space does
    (( $#open )) && _describe -V unsorted open -U -S ''
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    # found on fpath: complete at once
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
