# INSTANCE_TEST=true: the tests of the image, beside everything else.
[[ ${INSTANCE_TEST,,} == true ]] || { boot_skip 'INSTANCE_TEST is not true'; return; }
[[ -x /opt/instance-tools/tests/runner.sh ]] || { boot_skip 'this image has no tests'; return; }
/opt/instance-tools/tests/runner.sh --auto &
