# The original images pulled the vendor's command line tool here. Ours runs what the image holds: git -C /opt/vast-cli pull
# updates it by hand.
boot_skip 'the command line tool of the vendor stays as the image has it'
