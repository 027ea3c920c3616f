# fish completion for the batch tools. Options come from each tool's --list-options, so they are
# always true; streams and batch ids are asked of the brokers.

# Prints the values that an option has been given so far.
function __batch_given -a name letter
    set -l words (commandline -opc)
    set -l next 0
    for word in $words[2..]
        if test $next = 1
            echo -- $word
            set next 0
            continue
        end
        switch $word
            case --
                return
            case "--$name=*"
                string replace -r '^[^=]*=' '' -- $word
            case "--$name" "-$letter"
                set next 1
            case "-$letter*"
                string sub -s 3 -- $word
        end
    end
end

# Asks the brokers, but not for long, with what the line so far says of them.
function __batch_ask
    set -l words (commandline -opc)
    set -l asked batch-status
    if string match -q '*/*' -- $words[1]
        set asked (string replace -r '[^/]*$' '' -- $words[1])batch-status
    end
    set -l given
    for pair in brokers:b config:F profile:C property:X
        set -l option (string split : $pair)
        set -l values (__batch_given $option)
        # Only -X may be there more than once.
        test $option[1] = property; or set values $values[-1]
        for value in $values
            set -a given --$option[1]=$value
        end
    end
    $asked -q -m 2s $given $argv 2>/dev/null </dev/null
end

function __batch_streams
    __batch_ask --streams
end

function __batch_ids
    set -l stream (__batch_given stream s)
    set -q stream[1]; and set stream --stream=$stream[-1]
    __batch_ask $stream --ids --size 200
end

function __batch_topics
    for stream in (__batch_ask --streams)
        printf '%s\n' $stream.{in,notification,out,invalid}
    end
end

# A list separated by commas: the last word of it.
function __batch_statuses
    set -l before (string match -r '^(?:--[a-z-]*=)?(.*,)?' -- (commandline -ct))[2]
    for status_name in started sendCompleted completed terminated failed
        echo -- "$before$status_name"
    end
end

# Tells fish an option of a tool as a line of --list-options has it.
function __batch_option -a tool letter name arg kind help
    set -l option -c $tool -l $name -d $help
    test $letter = -; or set -a option -s $letter
    if test $arg = -
        complete $option
        return
    end
    switch $kind
        case file
            complete $option -r -F
        case dir
            complete $option -x -a '(__fish_complete_directories)'
        case stream
            complete $option -x -a '(__batch_streams)'
        case batch
            complete $option -x -k -a '(__batch_ids)'
        case topic
            complete $option -x -a '(__batch_topics)'
        case status
            complete $option -x -a '(__batch_statuses)'
        case '*|*'
            complete $option -x -a "$(string replace -a '|' ' ' -- $kind)"
        case '*'
            complete $option -x
    end
end

function __batch_tool -a tool
    set -l usage ($tool --help 2>/dev/null | sed '/^$/,$d')
    complete -c $tool -e
    string match -q '*FILE*' -- "$usage"; or complete -c $tool -f
    if string match -q -- '*-- COMMAND*' "$usage"
        complete -c $tool -n 'contains -- -- (commandline -opc)' -a '(__fish_complete_command)'
    end
    $tool --list-options 2>/dev/null | while read -l -d \t letter name arg kind help
        __batch_option $tool $letter $name $arg $kind $help
    end
end

for tool in batch-complete batch-consume batch-create batch-init batch-send batch-status batch-terminate batch-watch batch-work
    if command -q $tool
        __batch_tool $tool
    end
end
