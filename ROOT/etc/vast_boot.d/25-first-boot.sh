# first_boot/*.sh, once in the life of the container. One that calls exit prevents the marker: all of them run again then.
[[ -e /.first_boot_complete ]] && { boot_skip 'done by an earlier boot'; return; }
for _file in /etc/vast_boot.d/first_boot/*.sh; do
    [[ -r $_file ]] || continue
    boot_step=first_boot/${_file##*/}
    boot_journal "$boot_step" started
    . "$_file"
    boot_journal "$boot_step" ended "$?"
done
boot_step=25-first-boot.sh
touch /.first_boot_complete
