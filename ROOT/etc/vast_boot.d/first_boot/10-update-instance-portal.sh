# The original images fetched a newer portal here. Ours never replaces its own files: another portal is another tag of the
# image. PORTAL_VERSION and PORTAL_REPO have no effect.
boot_skip "the portal stays as the image has it${PORTAL_VERSION:+; PORTAL_VERSION has no effect}"
