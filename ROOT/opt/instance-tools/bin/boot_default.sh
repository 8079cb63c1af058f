#!/bin/bash
# Boots the instance: sources the steps in /etc/vast_boot.d in the order of their names, and ends as supervisord ends.
#
#   this shell             hears the signals, often as process 1, and waits for
#    └ the boot shell      which sources the steps, all of them in one function; the last one waits for
#       └ supervisord
#
# A stop (TERM, INT, QUIT) asks supervisord to end, and whatever else the boot is busy with, in every phase of it, also if a
# step blocks. What is left after BOSUN_STOP_SECONDS (8; docker stop waits 10) is killed, the programs before supervisord, so
# that it can still end by itself. HUP and USR2 are passed to supervisord.

# Steps share this shell: whatever it has is named boot_*, but for what they know by another name.
boot_run=/run/bosun
boot_events=$boot_run/boot.events

# An event of a step, for boot-step to make boot.json of. One line, written at once: several may do so at a time.
boot_journal() { # FILE EVENT [STATUS]
    printf '{"at":%s,"file":"%s","event":"%s","status":%s}\n' \
        "$((${EPOCHREALTIME/[.,]/} / 1000))" "$1" "$2" "${3:-null}" >>"$boot_events"
} 2>/dev/null

# A step that has nothing to do here says why; no quotes in it.
boot_skip() { # MESSAGE
    printf '{"at":%s,"file":"%s","event":"result","result":"skipped","message":"%s"}\n' \
        "$((${EPOCHREALTIME/[.,]/} / 1000))" "$boot_step" "$1" >>"$boot_events"
} 2>/dev/null

# --------------------------------------------------------------------------------------------------------- the boot shell

boot_flags() {
    # not exported, and under these names: steps read them, and a line in /etc/environment or ${WORKSPACE}/.env changes them
    propagate_user_keys=true export_env=true generate_tls_cert=true activate_python_environment=true
    sync_environment=false sync_home_to_workspace=false update_portal=true update_vast_cli=true
    local flag
    for flag; do
        case $flag in
            --no-user-keys) propagate_user_keys=false ;;
            --no-export-env) export_env=false ;;
            --no-cert-gen) generate_tls_cert=false ;;
            --no-update-portal) update_portal=false ;;
            --no-update-vast) update_vast_cli=false ;;
            --no-activate-pyenv) activate_python_environment=false ;;
            --no-forward-compat) export DISABLE_FORWARD_COMPAT=true ;;
            --sync-environment) sync_environment=true ;;
            --sync-home) sync_home_to_workspace=true ;;
            --jupyter-override) export JUPYTER_OVERRIDE=true ;;
            --no-force-jupyter) export FORCE_JUPYTER=false ;;
            --no-agent-banner) export ENABLE_AGENT_BANNER=false ;;
            *) echo "Warning: Unknown flag: $flag" >&2 ;;
        esac
    done
    if [[ ${SERVERLESS,,} == true ]]; then
        update_portal=false update_vast_cli=false
    fi
}

# Sources the steps from boot_next on. What a step changes of this shell stays: variables, functions, directory, umask.
boot_steps() {
    while ((boot_next < ${#boot_files[@]})); do
        boot_file=${boot_files[boot_next++]}
        [[ -r $boot_file ]] || continue
        boot_step=${boot_file#"$boot_directory/"} boot_goes_on=false
        boot_journal "$boot_step" started
        # steps of ours do this themselves; before there is a supervisord, nobody looks
        if [[ -n $supervisord_pid && $(<"$boot_file") != *boot-step* ]]; then
            "$boot_tool" --journal </dev/null &
        fi
        . "$boot_file"
        boot_status=$?
        # what a step has set for its own errors is not for the others, and the guard is nobody's to take away
        set +eu
        boot_watch
        [[ $boot_goes_on == true ]] || boot_journal "$boot_step" ended "$boot_status"
    done
}

boot_watch() {
    trap boot_guard EXIT
    trap 'boot_ending=true; exit 143' TERM
}

# Runs when the boot shell ends. An `exit` in a step ends that step, not the boot: a copy of this shell goes on.
boot_guard() {
    boot_status=$?
    set +eu
    trap - EXIT
    trap 'boot_ending=true boot_heard=true' TERM
    if [[ $boot_ending == false ]] && ((boot_next < ${#boot_files[@]})); then
        boot_journal "$boot_step" exited "$boot_status"
        boot_journal "${boot_file#"$boot_directory/"}" ended "$boot_status"
        echo "boot: $boot_step called exit $boot_status; the boot goes on with the next step" >&2
        (
            boot_inherited_pid=$supervisord_pid
            boot_shell "$@"
        )
        boot_status=$?
    fi
    boot_wait
    exit "$boot_status"
}

# Waits for the end of supervisord, in the shell that has started it. A signal whose trap sets boot_heard does not end this.
boot_wait() {
    [[ -n $supervisord_pid && $supervisord_pid != "$boot_inherited_pid" ]] || return
    boot_heard=true
    while [[ $boot_heard == true ]]; do
        boot_heard=false
        wait "$supervisord_pid"
        boot_status=$?
    done
    return "$boot_status"
}

boot_shell() {
    boot_watch
    boot_steps "$@"
    exit "$boot_status"
}

# -------------------------------------------------------------------------------------------------------------- this shell

# The processes below PID as "PID NAME" lines, parents first. Those below a supervisord are its own business, and come along
# only with `all`.
boot_below() { # PID [all]
    local -A children=() names=()
    local stat line pid above=("$1") all=${2:-}
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        pid=${line%% *}
        stat=${line##*) } # state, parent …
        [[ $stat == Z* || $pid == "$BASHPID" ]] && continue
        stat=${stat#* }
        children[${stat%% *}]+=" $pid"
        line=${line#*(}
        names[$pid]=${line%)*}
    done
    while ((${#above[@]})); do
        for pid in ${children[${above[0]}]}; do
            echo "$pid ${names[$pid]}"
            [[ -z $all && ${names[$pid]} == supervisord ]] || above+=("$pid")
        done
        above=("${above[@]:1}")
    done
}

boot_lasts() { kill -0 "$boot_pid" 2>/dev/null; }

# Waits for a second at most, or until the boot shell has ended.
boot_pause() {
    sleep 1 &
    wait -n "$boot_pid" $!
    kill $! && wait $!
} 2>/dev/null

# Ends the boot shell and what is below it, in time.
boot_end() {
    local -A told=()
    local pid name deadline=$((SECONDS + stop_seconds))
    while boot_lasts && ((SECONDS < deadline)); do
        # again and again: some may have been born meanwhile
        while read -r pid name; do
            [[ -n ${told[$pid]} ]] || kill -TERM "$pid" 2>/dev/null
            told[$pid]=true
        done < <(echo "$boot_pid" && boot_below "$boot_pid")
        boot_pause
    done
    boot_lasts || return
    echo "boot: not everything has ended within $stop_seconds s; the rest is killed" >&2
    while read -r pid name; do
        [[ $name == supervisord || $name == "$own_name" ]] || kill -KILL "$pid" 2>/dev/null
    done < <(boot_below $$ all)
    boot_pause
    while boot_lasts && read -r pid name; do
        kill -KILL "$pid" 2>/dev/null
    done < <(echo "$boot_pid" && boot_below $$ all)
}

# Ends what programs and steps have left to process 1. Nobody tells when it is gone, so this looks.
boot_end_orphans() {
    local pid name limit=1 orphans deadline
    orphans=$(boot_below $$)
    [[ $orphans == *' supervisord'* ]] && limit=$stop_seconds
    while read -r pid name; do
        [[ -z $pid ]] || kill -TERM "$pid" 2>/dev/null
    done <<<"$orphans"
    deadline=$((SECONDS + limit))
    while [[ -n $(boot_below $$) ]] && ((SECONDS <= deadline)); do sleep 0.1; done
}

boot_pass() { # SIGNAL
    local pid name
    heard=true
    while read -r pid name; do
        [[ $name != supervisord ]] || kill -"$1" "$pid"
    done < <(boot_below "$boot_pid")
}

read -r own_name </proc/$$/comm
stop_seconds=${BOSUN_STOP_SECONDS:-8}
if [[ ! $stop_seconds =~ ^[0-9]{1,5}$ ]]; then
    echo "boot: BOSUN_STOP_SECONDS is not a number of seconds: $stop_seconds; it is 8 now" >&2
    stop_seconds=8
fi

# umask 002 is for what users make
if ! { umask 022 && mkdir -p "$boot_run" && : >"$boot_events"; } 2>/dev/null; then
    echo "boot: cannot write $boot_events: there will be no record of this boot" >&2
fi
umask 002
# of the boot before: a token is for one, and the address may be another now
rm -f "$run"/{portal-token,public-ip} 2>/dev/null

# stdin may be closed
[[ -e /proc/self/fd/0 ]] || exec </dev/null

ending=false
trap 'ending=true heard=true' TERM INT QUIT
trap 'boot_pass HUP' HUP
trap 'boot_pass USR2' USR2

(
    boot_directory=/etc/vast_boot.d boot_tool=/opt/instance-tools/bin/boot-step
    boot_files=("$boot_directory"/*.sh)
    boot_next=0 boot_status=0 boot_ending=false
    supervisord_pid='' boot_inherited_pid=''
    boot_flags "$@"
    boot_journal '' booted
    boot_shell "$@"
) <&0 &
boot_pid=$!

heard=true
while [[ $heard == true && $ending == false ]]; do
    heard=false
    wait "$boot_pid"
    status=$?
done
trap : TERM INT QUIT
if [[ $ending == true ]]; then
    boot_end
    wait "$boot_pid"
    status=$?
fi
boot_end_orphans
exit "$status"
