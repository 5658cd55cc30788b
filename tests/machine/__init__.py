"""The portal on a machine of its own, as the guide for operators installs it; `make machine` boots one."""
