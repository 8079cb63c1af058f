#!/bin/bash
utils=/opt/supervisor-scripts/utils
. "${utils}/logging.sh"
. "${utils}/cleanup_generic.sh"
. "${utils}/environment.sh"
. "${utils}/exit_serverless.sh"
[[ ! -e /.launch ]] || instance_gate launch-managed
. "${utils}/exit_portal.sh" "jupyter"

jupyter=${JUPYTER_BIN:-/venv/main/bin/jupyter}
for other in /opt/sys-venv/bin/jupyter /usr/local/bin/jupyter /usr/bin/jupyter; do
  [[ -x "$jupyter" || -n "${JUPYTER_BIN:-}" || ! -x "$other" ]] || jupyter=$other
done
. "${utils}/exit_missing.sh" "$jupyter"

# A server of ours that has outlived its supervisord would keep the port. Nobody else's is touched.
record=/run/bosun/jupyter.pid
if read -r pid start 2>/dev/null <"$record" && [[ -n "$(_still_running "$pid:$start")" ]]; then
  echo "Ending the Jupyter server that an earlier supervisord has left behind (pid $pid)"
  kill -TERM "$pid"
  for ((i = 0; i < 50; i++)); do
    [[ -n "$(_still_running "$pid:$start")" ]] || break
    sleep 0.1
  done
  [[ -z "$(_still_running "$pid:$start")" ]] || kill -KILL "$pid"
fi
mkdir -p "${record%/*}"
if _read_process $$; then echo "$$ $_start" >"$record"; fi

# Who may come in is Caddy's business: the server is on loopback, and asks for nothing. The notebook of old knows the
# settings by another name, and leaves those alone that it does not know.
options=(--ip=127.0.0.1 --port=18080 --no-browser --allow-root)
for app in ServerApp NotebookApp; do
  options+=(
    "--$app.port_retries=0"
    "--$app.token="
    "--$app.password="
    "--$app.disable_check_xsrf=False"
    "--$app.trust_xheaders=True"
    "--$app.allow_remote_access=True"
    "--$app.allow_origin=*"
    "--$app.allow_credentials=True"
  )
done
options+=(
  --NotebookApp.notebook_dir=/
  --ServerApp.root_dir=/
  "--ServerApp.preferred_dir=${DATA_DIRECTORY:-${WORKSPACE:-/workspace}}"
  --ContentsManager.allow_hidden=True
  --KernelSpecManager.ensure_native_kernel=False
)
# what its terminals run
export SHELL=/bin/bash
type=${JUPYTER_TYPE:-notebook}
cd "${WORKSPACE:-/workspace}" || exit 1
exec "$jupyter" "${type,,}" "${options[@]}"
