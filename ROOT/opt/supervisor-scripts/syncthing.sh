#!/bin/bash
utils=/opt/supervisor-scripts/utils
. "${utils}/logging.sh"
. "${utils}/cleanup_generic.sh"
. "${utils}/environment.sh"
. "${utils}/exit_serverless.sh"
. "${utils}/exit_portal.sh" "syncthing"

PATH="/opt/syncthing:$PATH"
. "${utils}/exit_missing.sh" syncthing

export STCONFDIR="${STCONFDIR:-/opt/syncthing/config}" STDATADIR="${STDATADIR:-/opt/syncthing/data}"
mkdir -p "$STCONFDIR" "$STDATADIR" || exit 1
# by the environment: nobody else reads that
export STGUIAPIKEY="${OPEN_BUTTON_TOKEN:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}"

first=''
[[ -e "$STCONFDIR/config.xml" ]] || first=--new
syncthing serve --config="$STCONFDIR" --data="$STDATADIR" --gui-address=127.0.0.1:18384 \
  --no-upgrade --no-browser --no-restart &
server=$!
/opt/instance-tools/lib/syncthing-settings $first &
if ! wait -n || ! kill -0 "$server" 2>/dev/null; then
  exit 1
fi
wait "$server"
