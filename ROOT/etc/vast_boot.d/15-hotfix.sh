# HOTFIX_SCRIPT: runs early in every boot, and may rewrite the steps after it.
[[ -n ${HOTFIX_SCRIPT:-} ]] || { boot_skip 'HOTFIX_SCRIPT is not set'; return; }
/opt/instance-tools/bin/boot-step hotfix
