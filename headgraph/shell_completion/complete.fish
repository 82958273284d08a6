# Completion of %(prog_name)s in fish.
function %(complete_func)s
    set -l command (commandline -opc)[1]
    set -l response (env COMP_WORDS=(commandline -cp | string collect) \
        COMP_CWORD=(commandline -ct | string collect) \
        %(complete_var)s=fish_complete $command 2>/dev/null)

    for completion in $response
        # values may hold commas, so only the first one ends the type
        set -l parts (string split -m 1 , -- $completion)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case table
                __fish_complete_path $parts[2] | string match -er '(?:/|\.parquet|\.pq)(?:\t|$)'
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
