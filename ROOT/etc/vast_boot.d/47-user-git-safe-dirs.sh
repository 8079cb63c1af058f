# root and `user` work in the same repositories. Looks through the workspace, beside the boot.
boot_goes_on=true
{
    /opt/instance-tools/bin/boot-step user-git-safe-dirs
    boot_journal "$boot_step" ended "$?"
} </dev/null &
