# The workspace, Jupyter's entries of PORTAL_CONFIG, /etc/environment. From here on the boot has the user's environment.
_out=$(/opt/instance-tools/bin/boot-step prep-env) _status=$?
eval "$_out"
if ((_status > 1)); then
    # boot-step did not start: at least a place to work in
    export WORKSPACE=${WORKSPACE:-/workspace}
    mkdir -p "$WORKSPACE" && cd "$WORKSPACE"
fi
if [[ $export_env == true ]]; then
    set -a
    [[ -r /etc/environment ]] && . /etc/environment 2>/dev/null
    [[ -r ${WORKSPACE}/.env ]] && . "${WORKSPACE}/.env" 2>/dev/null
    set +a
fi
return "$_status"
