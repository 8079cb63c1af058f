# Source me: exports what /etc/environment and ${WORKSPACE}/.env say, on top of what supervisord gave. A file that is wrong
# somewhere counts as far as it goes; `bosun explain` tells where.
_environment_options=$-
set +eu
set -a
. /etc/environment 2>/dev/null
if [[ -f "${WORKSPACE:-}/.env" ]]; then . "${WORKSPACE}/.env" 2>/dev/null; fi
set +a
[[ $_environment_options != *e* ]] || set -e
[[ $_environment_options != *u* ]] || set -u
unset _environment_options
