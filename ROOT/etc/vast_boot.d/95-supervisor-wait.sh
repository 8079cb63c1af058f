# The end of the boot, and the life of the instance.
rm -f /.provisioning
# says READY once supervisord answers; supervisord may end before that
boot_goes_on=true
{
    /opt/instance-tools/bin/boot-step supervisor-wait
    _status=$?
    ((_status > 1)) && echo "boot: boot-step does not start: steps did no more than what programs cannot do without" >&2
    boot_journal "$boot_step" ended "$_status"
} </dev/null &
boot_wait
