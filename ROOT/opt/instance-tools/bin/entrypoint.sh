#!/bin/bash
# The image's ENTRYPOINT, and what a platform's on-start line calls. BOOT_SCRIPT is fetched once; from then on it replaces
# the whole boot, whatever becomes of the variable. BOOT_SCRIPT_REFRESH=true fetches it again; a copy that works stays
# until there is a better one.

tools=/opt/instance-tools/bin
custom=$tools/boot_custom.sh

if [[ -n ${BOOT_SCRIPT:-} && ( ! -e $custom || ${BOOT_SCRIPT_REFRESH,,} == true ) ]]; then
    # in the background: process 1 hears no signal while it waits for a command of its foreground
    "$tools/boot-step" --boot-script "$custom" &
    fetch=$!
    trap 'kill "$fetch"; exit 143' TERM INT
    wait "$fetch" || echo "entrypoint: BOOT_SCRIPT was not fetched; $([[ -e $custom ]] && echo 'its last copy boots' || echo 'booting without it')" >&2
    trap - TERM INT
fi

shopt -s execfail
[[ -e $custom ]] && exec "$custom" "$@"
exec "$tools/boot_default.sh" "$@"
