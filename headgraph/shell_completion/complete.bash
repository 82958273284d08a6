# Completion of %(prog_name)s in bash 4.4 or newer.
%(complete_func)s() {
    local IFS=$'\n' response completion type value
    # bash splits words at = and :, and wants back what follows the last of these
    local typed="${COMP_LINE:0:COMP_POINT}"
    local word="${COMP_WORDS[COMP_CWORD]}"
    response=$(env COMP_WORDS="$typed" COMP_CWORD="$word" \
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    [[ $word == '=' || $word == ':' ]] && word=''
    COMPREPLY=()
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        case $type in
            dir) compopt -o filenames; COMPREPLY+=($(compgen -d -- "$word")) ;;
            table)
                compopt -o filenames
                COMPREPLY+=($(compgen -d -- "$word"
                    compgen -f -X '!*.parquet' -- "$word"
                    compgen -f -X '!*.pq' -- "$word")) ;;
            file) compopt -o filenames; COMPREPLY+=($(compgen -f -- "$word")) ;;
            plain)
                [[ $value == *= ]] && compopt -o nospace
                COMPREPLY+=("$value") ;;
        esac
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
